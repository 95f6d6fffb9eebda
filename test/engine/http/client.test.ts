// Goal: what the methods of `http` put on the wire, what a Response tells, and what is recorded for the metrics.
// Method: a scripted server on loopback that shows the bytes it received.

import { describe, expect, test } from "bun:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { InterruptedError } from "../../../src/engine/http/owner.ts";
import { headerOf, openClient, reply, serveScript, serveText, until } from "./harness.ts";

describe("requests", () => {
  test("a GET states host and user agent, and nothing about a body", async () => {
    using server = serveText(reply("hi"));
    using client = openClient();
    const response = await client.http.get(`${server.url}/a/b?c=d`);
    expect(response.status).toBe(200);
    expect(response.body).toBe("hi");
    expect(server.requests[0]?.head).toBe(
      `GET /a/b?c=d HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUser-Agent: hyperscale/test\r\n`,
    );
  });

  test("every method is sent under its name, with and without a body", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    const { http } = client;
    await http.get(server.url);
    await http.head(server.url);
    await http.post(server.url, "p");
    await http.put(server.url, "u");
    await http.patch(server.url, "a");
    await http.del(server.url);
    await http.options(server.url);
    await http.request("report", server.url, "r");
    await http.post(server.url);
    const seen = server.requests.map((request) => [
      request.line.split(" ")[0],
      request.body,
      headerOf(request, "content-length"),
    ]);
    expect(seen).toEqual([
      ["GET", "", ""],
      ["HEAD", "", ""],
      ["POST", "p", "1"],
      ["PUT", "u", "1"],
      ["PATCH", "a", "1"],
      ["DELETE", "", ""],
      ["OPTIONS", "", ""],
      ["REPORT", "r", "1"],
      ["POST", "", "0"],
    ]);
    expect(server.counts.made).toBe(1);
  });

  test("bodies: text, bytes, buffers and forms, each with its length and type", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    await client.http.post(server.url, "grün");
    await client.http.post(server.url, new Uint8Array([0, 255, 1]).subarray(1));
    await client.http.post(server.url, new Uint8Array([65, 66]).buffer);
    await client.http.post(server.url, { a: "x y&", "b=": 2, c: true });
    expect(
      server.requests.map((request) => [
        headerOf(request, "content-length"),
        headerOf(request, "content-type"),
        request.body,
      ]),
    ).toEqual([
      ["5", "", Buffer.from("grün").toString("latin1")],
      ["2", "", "\xff\x01"],
      ["2", "", "AB"],
      ["22", "application/x-www-form-urlencoded", "a=x+y%26&b%3D=2&c=true"],
    ]);
  });

  test("a record with a file is multipart", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    await client.http.post(server.url, {
      note: "n",
      'f"': client.http.file(new Uint8Array([1, 2]), "a.bin", "image/x"),
    });
    const boundary = /boundary=(\S+)/.exec(headerOf(server.requests[0], "content-type"))?.[1] ?? "";
    expect(boundary.length).toBeGreaterThan(20);
    expect(server.requests[0]?.body).toBe(
      `--${boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\nn\r\n` +
        `--${boundary}\r\nContent-Disposition: form-data; name="f%22"; filename="a.bin"\r\n` +
        `Content-Type: image/x\r\n\r\n\x01\x02\r\n--${boundary}--\r\n`,
    );
  });

  test("an address is text, a URL or http.url, alone and in a batch", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    const { http, owner } = client;
    await http.get(new URL(`${server.url}/url`));
    await http.put(http.url`${server.url}/items/${7}`);
    await http.batch([new URL(`${server.url}/u`), http.url`${server.url}/b/${1}`, ["PUT", new URL(`${server.url}/p`)]]);
    expect(server.requests.map(({ line }) => line.split(" ")[1]).sort()).toEqual([
      "/b/1",
      "/items/7",
      "/p",
      "/u",
      "/url",
    ]);
    expect(owner.exchanges.map(({ name }) => name)).toContain("${}/items/${}");
    const odd: (url: never) => Promise<unknown> = (url) => http.get(url);
    await expect(Reflect.apply(odd, undefined, [{ href: "x" }])).rejects.toThrow('not {"href":"x"}');
  });

  test("headers may be Headers or a Map: what has no properties is not sent as nothing", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    const get: (url: string, params: unknown) => Promise<unknown> = (url, params) =>
      Reflect.apply(client.http.get, client.http, [url, params]);
    await get(server.url, { headers: new Headers({ "X-A": "1" }) });
    await get(server.url, { headers: new Map([["X-A", 2]]) });
    expect(server.requests.map((request) => headerOf(request, "x-a"))).toEqual(["1", "2"]);
    await expect(get(server.url, { headers: "X-A: 3" })).rejects.toThrow('params.headers must be { name: "value" }');
    await expect(get(server.url, { headers: [["X-A", "3"]] })).rejects.toThrow("params.headers must be");
    await expect(get(server.url, { cookies: "a=b" })).rejects.toThrow('params.cookies must be { name: "value" }');
    await expect(get(server.url, { tags: "home" })).rejects.toThrow('params.tags must be { name: "value" }');
    await expect(get(server.url, "X-A: 3")).rejects.toThrow('params must be { headers, tags, ... }, not "X-A: 3"');
    expect(server.requests).toHaveLength(2);
  });

  test("headers of the user replace the client's own", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    const headers = { HOST: "other.test", "User-Agent": "me", "Content-Type": "text/x", "X-Number": "1" };
    await client.http.post(server.url, { a: 1 }, { headers });
    expect(server.requests[0]?.head).toBe(
      "POST / HTTP/1.1\r\nContent-Length: 3\r\nHOST: other.test\r\n" +
        "User-Agent: me\r\nContent-Type: text/x\r\nX-Number: 1\r\n",
    );
  });

  test("a length of the user's that is the body's is sent once", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    await client.http.post(server.url, "grün", { headers: { "content-length": "5" } });
    expect(server.requests[0]?.head.match(/content-length: 5/gi)).toHaveLength(1);
    expect(server.requests[0]?.body.length).toBe(5);
  });

  test("transfer-encoding chunked sends the body in chunks", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    await client.http.post(server.url, "x".repeat(70_000), { headers: { "Transfer-Encoding": "chunked" } });
    expect(headerOf(server.requests[0], "content-length")).toBe("");
    expect(server.requests[0]?.body).toBe(
      `10000\r\n${"x".repeat(65_536)}\r\n1170\r\n${"x".repeat(4_464)}\r\n0\r\n\r\n`,
    );
  });

  test("compression compresses the body and says so", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    await client.http.post(server.url, "squeeze", { compression: "gzip" });
    expect(headerOf(server.requests[0], "content-encoding")).toBe("gzip");
    expect(gunzipSync(Buffer.from(server.requests[0]?.body ?? "", "latin1")).toString()).toBe("squeeze");
  });

  test("credentials in the URL become basic authorization, and leave the URL", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    const response = await client.http.get(`http://us%40er:p%3Aw@127.0.0.1:${server.port}/x`);
    expect(headerOf(server.requests[0], "authorization")).toBe(`Basic ${Buffer.from("us@er:p:w").toString("base64")}`);
    expect(response.url).toBe(`${server.url}/x`);
  });

  test("a long URL, an odd path and a fragment", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    await client.http.get(`${server.url}/${"p".repeat(5_000)}#fragment`);
    await client.http.get(`${server.url}/a b/ü?q=<>`);
    expect(server.requests.map((request) => request.line)).toEqual([
      `GET /${"p".repeat(5_000)} HTTP/1.1`,
      "GET /a%20b/%C3%BC?q=%3C%3E HTTP/1.1",
    ]);
  });
});

describe("invalid arguments throw and are not recorded", () => {
  const cases: readonly (readonly [
    name: string,
    run: (http: ReturnType<typeof openClient>["http"]) => Promise<unknown>,
    message: RegExp,
  ])[] = [
    ["no scheme", (http) => http.get("127.0.0.1:80/"), /invalid URL "127.0.0.1:80\/".*scheme/],
    ["another scheme", (http) => http.get("ftp://h/"), /the scheme must be http or https/],
    ["no host", (http) => http.get("http://"), /invalid URL "http:\/\/": it has no host/],
    ["no host before the path", (http) => http.get("http:///items"), /invalid URL "http:\/\/\/items": it has no host/],
    ["empty", (http) => http.get(""), /invalid URL "": it is empty/],
    ["port", (http) => http.get("http://h:99999/"), /port/],
    ["method", (http) => http.request("GE T", "http://h/"), /method cannot be "GE T"/],
    ["header name", (http) => http.get("http://h/", { headers: { "a b": "c" } }), /"a b" is no header name/],
    ["header value", (http) => http.get("http://h/", { headers: { a: "b\r\nc: d" } }), /value of a has a line break/],
    [
      "length that is not the body's",
      (http) => http.post("http://h/", "ü", { headers: { "content-length": "1" } }),
      /content-length is "1", and the body has 2 bytes: leave it out/,
    ],
    ["length without a body", (http) => http.get("http://h/", { headers: { "Content-Length": "3" } }), /has 0 bytes/],
    [
      "length of chunks",
      (http) => http.post("http://h/", "abc", { headers: { "Content-Length": "3", "transfer-encoding": "chunked" } }),
      /does not go with Transfer-Encoding/,
    ],
    ["timeout", (http) => http.get("http://h/", { timeout: "soon" }), /params.timeout.*"soon"/],
    ["redirects", (http) => http.get("http://h/", { redirects: -1 }), /params.redirects.*-1/],
    ["cookie", (http) => http.get("http://h/", { cookies: { a: "b;c" } }), /value of a has a semicolon/],
    ["url() of text", async (http) => Reflect.apply(http.url, http, ["http://h/"]), /stands before a template/],
    ["batch URL", (http) => http.batch(["http://h/", "nope"]), /invalid URL "nope"/],
  ];
  for (const [name, run, message] of cases) {
    test(name, async () => {
      using client = openClient();
      await expect(run(client.http)).rejects.toThrow(message);
      await expect(run(client.http)).rejects.toBeInstanceOf(TypeError);
      expect(client.owner.exchanges).toEqual([]);
      expect(client.http.openCount).toBe(0);
    });
  }
});

describe("responses", () => {
  test("tell status, protocol, headers, address and request", async () => {
    using server = serveText(
      "HTTP/1.1 201 Made it\r\nx-one: a\r\nX-ONE: b\r\ncontent-type: application/json\r\n" +
        'Content-Length: 13\r\n\r\n{"a":[1,{}]}\n',
    );
    using client = openClient();
    const response = await client.http.post(server.url, "question", { headers: { "x-mine": "m" } });
    expect(response.status_text).toBe("201 Made it");
    expect(response.proto).toBe("HTTP/1.1");
    expect(response.headers).toEqual({ "X-One": "a, b", "Content-Type": "application/json", "Content-Length": "13" });
    expect([response.remote_ip, response.remote_port]).toEqual(["127.0.0.1", server.port]);
    expect([response.error, response.error_code, response.tls_version, response.tls_cipher_suite]).toEqual([
      "",
      0,
      "",
      "",
    ]);
    expect(response.request.method).toBe("POST");
    expect(response.request.body).toBe("question");
    expect(response.request.headers["X-Mine"]).toEqual(["m"]);
    expect(response.json<{ a: number[] }>().a[0]).toBe(1);
    expect(response.json<number>("a.0")).toBe(1);
    expect(JSON.parse(JSON.stringify(response)).status).toBe(201);
  });

  test("a body that is not JSON says so with its beginning", async () => {
    using server = serveText(reply("<html>oops"));
    using client = openClient();
    const response = await client.http.get(server.url);
    expect(() => response.json()).toThrow(/is not JSON: it begins with "<html>oops"/);
    const discarded = await client.http.get(server.url, { responseType: "none" });
    expect(() => discarded.json()).toThrow("(status 200) was discarded (responseType, discardResponseBodies)");
  });

  test("timings add up and are recorded once", async () => {
    using server = serveText(reply("body"));
    using client = openClient();
    const first = await client.http.get(server.url);
    const second = await client.http.get(server.url);
    expect(client.owner.exchanges.length).toBe(2);
    expect(first.timings.connecting).toBeGreaterThan(0);
    expect([second.timings.blocked, second.timings.connecting, second.timings.tls_handshaking]).toEqual([0, 0, 0]);
    for (const { timings } of [first, second]) {
      expect(timings.duration).toBeCloseTo(timings.sending + timings.waiting + timings.receiving, 9);
      expect(timings.sending).toBeGreaterThanOrEqual(0);
      expect(timings.waiting).toBeGreaterThan(0);
    }
    const [exchange] = client.owner.exchanges;
    expect([
      exchange?.method,
      exchange?.url,
      exchange?.name,
      exchange?.status,
      exchange?.isSent,
      exchange?.isExpected,
    ]).toEqual(["GET", server.url, server.url, 200, true, true]);
    expect(exchange?.bytesSent).toBe(
      Buffer.byteLength(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUser-Agent: hyperscale/test\r\n\r\n`),
    );
    expect(exchange?.bytesReceived).toBe(reply("body").length);
  });

  test("every phase is measured where it happens", async () => {
    using server = serveScript((_, peer) => {
      setTimeout(() => {
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
        // The first half is read, also when the process stood still, before the second half is waited for.
        setTimeout(() => setImmediate(() => setTimeout(() => peer.write("cd"), 50)), 1);
      }, 40);
    });
    using client = openClient();
    const { timings, body } = await client.http.get(server.url);
    expect(body).toBe("abcd");
    expect(timings.waiting).toBeGreaterThan(30);
    expect(timings.receiving).toBeGreaterThan(30);
  });

  test("HEAD, 204 and 304 have no body and keep the connection", async () => {
    const answers = [
      "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n",
      "HTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
      reply("end"),
    ];
    using server = serveScript((_, peer) => peer.write(answers.shift() ?? ""));
    using client = openClient();
    expect((await client.http.head(server.url)).body).toBe("");
    expect((await client.http.get(server.url)).status).toBe(204);
    expect((await client.http.get(server.url)).status).toBe(304);
    expect((await client.http.get(server.url)).body).toBe("end");
    expect(server.counts.made).toBe(1);
  });

  for (const [coding, compressed] of [
    ["gzip", gzipSync("payload")],
    ["deflate", deflateSync("payload")],
    ["deflate", deflateRawSync("payload")],
    ["br", brotliCompressSync("payload")],
    ["zstd", zstdCompressSync("payload")],
    ["gzip, br", brotliCompressSync(gzipSync("payload"))],
  ] as const) {
    test(`a body in ${coding} is decoded`, async () => {
      using server = serveScript((_, peer) => {
        peer.write(`HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${compressed.length}\r\n\r\n`);
        peer.write(compressed);
      });
      using client = openClient();
      const response = await client.http.get(server.url);
      expect([response.error, response.body]).toEqual(["", "payload"]);
      expect(client.owner.exchanges[0]?.bytesReceived).toBeGreaterThan(compressed.length);
    });
  }

  test("a body that is not what content-encoding says is an error with status", async () => {
    using server = serveText(reply("not gzip at all", "200 OK", "Content-Encoding: gzip\r\n"));
    using client = openClient();
    const response = await client.http.get(server.url);
    expect([response.status, response.error_code]).toEqual([200, 1605]);
    expect(response.error).toContain("not valid gzip");
    expect(client.owner.exchanges[0]?.isExpected).toBe(false);
  });

  test("responseType and discardResponseBodies decide what is kept", async () => {
    using server = serveText("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nb\xff");
    using keeping = openClient();
    const binary = await keeping.http.get(server.url, { responseType: "binary" });
    expect([...binary.bytes]).toEqual([98, 255]);
    expect((await keeping.http.get(server.url, { responseType: "none" })).body).toBe("");
    using dropping = openClient({ discardResponseBodies: true });
    expect((await dropping.http.get(server.url)).body).toBe("");
    expect((await dropping.http.get(server.url, { responseType: "text" })).body).not.toBe("");
    expect(dropping.owner.exchanges[0]?.bytesReceived).toBe(dropping.owner.exchanges[1]?.bytesReceived ?? -1);
  });
});

describe("names and tags", () => {
  test("a request keeps the params it was made with, whatever becomes of the record", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    const params = { tags: { step: "one" }, headers: { "X-Step": "one" } };
    const first = client.http.get(server.url, params);
    params.tags.step = "two";
    params.headers["X-Step"] = "two";
    await Promise.all([first, client.http.get(server.url, params)]);
    const sent = server.requests.map((request) => headerOf(request, "x-step"));
    expect(sent.toSorted()).toEqual(["one", "two"]);
    expect(client.owner.exchanges.map(({ tags }) => tags?.["step"]).toSorted()).toEqual(["one", "two"]);
  });

  test("http.url names the request by its template; tags.name wins", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    const id = 7;
    await client.http.get(client.http.url`${server.url}/items/${id}`);
    await client.http.get(`${server.url}/x`, { tags: { name: "named", kind: "k" } });
    expect(server.requests[0]?.line).toBe("GET /items/7 HTTP/1.1");
    expect(client.owner.exchanges.map((exchange) => exchange.name)).toEqual(["${}/items/${}", "named"]);
    expect(client.owner.exchanges[1]?.tags).toEqual({ name: "named", kind: "k" });
    expect(client.owner.exchanges[0]?.tags).toBeNull();
  });
});

describe("stopping", () => {
  test("once the VU stops, a request is refused and not recorded", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    client.owner.isStopping = true;
    await expect(client.http.get(server.url)).rejects.toBeInstanceOf(InterruptedError);
    await expect(client.http.post(server.url, "x")).rejects.toBeInstanceOf(InterruptedError);
    expect(client.owner.exchanges).toEqual([]);
    expect(server.counts.made).toBe(0);
  });

  test("interruptAll ends open requests: recorded as failed and interrupted, rejected", async () => {
    using server = serveScript(() => {});
    using client = openClient();
    const open = [client.http.get(server.url), client.http.get(server.url)];
    await until(() => server.requests.length === 2, "both requests arrive");
    expect(client.http.openCount).toBe(2);
    const idle = client.http.whenIdle();
    client.http.interruptAll("gracefulStop is over");
    for (const request of open) await expect(request).rejects.toThrow(/gracefulStop is over/);
    await idle;
    expect(
      client.owner.exchanges.map((exchange) => [
        exchange.isInterrupted,
        exchange.isSent,
        exchange.isExpected,
        exchange.status,
      ]),
    ).toEqual([
      [true, true, false, 0],
      [true, true, false, 0],
    ]);
    expect(client.owner.exchanges[0]?.waitingMs).toBeGreaterThan(0);
    await until(() => server.counts.open === 0, "the connections are closed");
  });

  test("an interrupted request that nobody awaits ends nothing", async () => {
    using server = serveScript(() => {});
    using client = openClient();
    void client.http.get(server.url);
    await until(() => server.requests.length === 1, "the request arrives");
    client.http.interruptAll("stop");
    await client.http.whenIdle();
    expect(client.owner.exchanges.length).toBe(1);
  });

  test("interrupted while connecting counts as unsent", async () => {
    const never = Promise.withResolvers<readonly string[]>();
    using client = openClient({}, { lookup: () => never.promise });
    const request = client.http.get("http://name.test/");
    client.http.interruptAll("stop");
    await expect(request).rejects.toBeInstanceOf(InterruptedError);
    expect(client.owner.exchanges.map((exchange) => [exchange.isSent, exchange.isInterrupted])).toEqual([
      [false, true],
    ]);
  });

  test("whenIdle resolves at once when nothing is open, else when the last request ends", async () => {
    let answer = (): void => {};
    using server = serveScript((_, peer) => {
      answer = () => peer.write(reply(""));
    });
    using client = openClient();
    await client.http.whenIdle();
    const request = client.http.get(server.url);
    await until(() => server.requests.length === 1, "the request arrives");
    let isIdle = false;
    const idle = client.http.whenIdle().then(() => (isIdle = true));
    expect(isIdle).toBe(false);
    answer();
    await Promise.all([request, idle]);
    expect(client.http.openCount).toBe(0);
  });
});
