// Goal: connections are kept, given up and replaced when HTTP says so, and every way a connection can fail ends in
// its own error, recorded once. Method: a scripted server on loopback that cuts, stalls and resets byte by byte.

import { describe, expect, test } from "bun:test";
import { HttpClient } from "../../../src/engine/http/client.ts";
import type { Exchange } from "../../../src/engine/http/owner.ts";
import { openClient, reply, serveScript, serveText, until } from "./harness.ts";

const sentAndCode = (exchange: Exchange): readonly [boolean, number] => [exchange.isSent, exchange.errorCode];

describe("keep-alive", () => {
  test("requests in a row share a connection; open at once, each has its own", async () => {
    using server = serveText(reply("x"));
    using client = openClient();
    for (let at = 0; at < 5; at++) await client.http.get(server.url);
    expect(server.counts.made).toBe(1);
    await Promise.all(Array.from({ length: 4 }, () => client.http.get(server.url)));
    expect(server.counts.made).toBe(4);
    await Promise.all(Array.from({ length: 4 }, () => client.http.get(server.url)));
    expect(server.counts.made).toBe(4);
  });

  test("two VUs never share a connection", async () => {
    using server = serveText(reply("x"));
    using one = openClient();
    using other = openClient();
    await one.http.get(server.url);
    await other.http.get(server.url);
    expect(server.requests.map((request) => request.connection)).toEqual([1, 2]);
  });

  for (const [name, answer, isKept] of [
    ["1.1", reply("x"), true],
    ["1.1 with close", reply("x", "200 OK", "Connection: close\r\n"), false],
    ["1.0", reply("x").replace("1.1", "1.0"), false],
    ["1.0 with keep-alive", reply("x", "200 OK", "Connection: keep-alive\r\n").replace("1.1", "1.0"), true],
    ["chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;ext\r\nx\r\n0\r\nTrailer: t\r\n\r\n", true],
    ["bytes beyond the length", `${reply("x")}yz`, false],
    ["a second response at once", `${reply("x")}${reply("y")}`, false],
    [
      "100 and 103 before",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${reply("x")}`,
      true,
    ],
  ] as const) {
    test(`after ${name} the connection is ${isKept ? "kept" : "given up"}`, async () => {
      using server = serveText(answer);
      using client = openClient();
      for (let at = 0; at < 2; at++) {
        const response = await client.http.get(server.url);
        expect([response.status, response.body, response.error]).toEqual([200, "x", ""]);
      }
      expect(server.counts.made).toBe(isKept ? 1 : 2);
      const response = answer.endsWith("yz") || answer.endsWith("y") ? reply("x") : answer;
      expect(client.owner.exchanges[0]?.bytesReceived).toBe(response.length);
      if (!isKept) await until(() => server.counts.open === 0, "given up connections are closed");
    });
  }

  test("a body without length is read to the end of the connection", async () => {
    using server = serveScript((_, peer) => {
      peer.write("HTTP/1.1 200 OK\r\n\r\nall of it");
      peer.end();
    });
    using client = openClient();
    expect((await client.http.get(server.url)).body).toBe("all of it");
    expect((await client.http.get(server.url)).body).toBe("all of it");
    expect(server.counts.made).toBe(2);
  });

  test("noConnectionReuse closes after each request and says so", async () => {
    using server = serveText(reply("x"));
    using client = openClient({ noConnectionReuse: true });
    await client.http.get(server.url);
    await client.http.get(server.url);
    expect(server.counts.made).toBe(2);
    expect(server.requests[0]?.head).toContain("\r\nConnection: close\r\n");
    await until(() => server.counts.open === 0, "both are closed");
  });

  test("noVuConnectionReuse closes between iterations, not within one", async () => {
    using server = serveText(reply("x"));
    using client = openClient({ noVuConnectionReuse: true });
    await client.http.get(server.url);
    await client.http.get(server.url);
    client.http.beginIteration();
    await client.http.get(server.url);
    expect(server.requests.map((request) => request.connection)).toEqual([1, 1, 2]);
  });

  test("an idle connection that the server closed is not used again", async () => {
    using server = serveScript((_, peer) => {
      peer.write(reply("x"));
      peer.end();
    });
    using client = openClient();
    await client.http.get(server.url);
    // A whole exchange with another server: by its end the close, which was sent before, has been read.
    using other = serveText(reply("x"));
    await client.http.get(other.url);
    const response = await client.http.post(server.url, "not repeatable");
    expect([response.status, server.counts.made]).toEqual([200, 2]);
    expect(client.owner.exchanges.length).toBe(3);
  });
});

describe("a kept connection that dies before the response", () => {
  test("[LD-34.1.4] an idempotent request is sent once more; both attempts are counted, the last is judged", async () => {
    using server = serveScript((request, peer) => {
      if (request.connection === 1 && server.requests.length === 2) peer.reset();
      else peer.write(reply("x"));
    });
    using client = openClient();
    await client.http.get(server.url);
    const response = await client.http.get(server.url);
    expect(response.status).toBe(200);
    expect(client.owner.exchanges.map(({ isSent, status, isExpected }) => [isSent, status, isExpected])).toEqual([
      [true, 200, true],
      [true, 0, null],
      [true, 200, true],
    ]);
    expect(server.requests.length).toBe(3);
    expect(client.http.openCount).toBe(0);
  });

  test("a POST is not repeated", async () => {
    using server = serveScript((_, peer) => {
      if (server.requests.length === 2) peer.end();
      else peer.write(reply("x"));
    });
    using client = openClient();
    await client.http.post(server.url, "1");
    const response = await client.http.post(server.url, "2");
    expect([response.status, response.error_code]).toEqual([0, 1606]);
    expect(server.requests.length).toBe(2);
  });

  test("nor is a request whose response had begun, nor one on a new connection", async () => {
    using server = serveScript((_, peer) => {
      if (server.requests.length === 1) peer.write(reply("x"));
      else {
        if (server.requests.length === 2) peer.write("HTTP/1.1 2");
        peer.end();
      }
    });
    using client = openClient();
    await client.http.get(server.url);
    expect((await client.http.get(server.url)).error_code).toBe(1603);
    expect((await client.http.get(server.url)).error_code).toBe(1606);
    expect(server.requests.length).toBe(3);
  });
});

describe("failures", () => {
  for (const [name, answer, code, text] of [
    ["garbage", "garbage\r\n\r\n", 1601, "malformed response"],
    ["endless header", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`, 1602, "response headers too large"],
    ["too many headers", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(300)}\r\n`, 1602, "more than 256 headers"],
    [
      "a body shorter than its length",
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
      1603,
      "7 bytes before the stated content-length of 10",
    ],
    [
      "a chunked body cut short",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc",
      1603,
      "within a chunked body, after 3 bytes",
    ],
    ["bad chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", 1604, "bad chunked encoding"],
    ["nothing", "", 1606, "connection closed before a response"],
  ] as const) {
    test(`${name}: code ${code}, with the address and the cause`, async () => {
      using server = serveScript((_, peer) => {
        peer.write(answer);
        peer.end();
      });
      using client = openClient();
      const response = await client.http.get(server.url);
      expect([response.status, response.error_code, response.body]).toEqual([0, code, ""]);
      expect(response.error).toContain(text);
      expect(response.error).toContain(`127.0.0.1:${server.port}`);
      expect(client.owner.exchanges.map(sentAndCode)).toEqual([[true, code]]);
      expect(client.owner.exchanges[0]?.isExpected).toBe(false);
      await until(() => server.counts.open === 0, "the connection is closed");
    });
  }

  test("a reset is 1220, before and within a response", async () => {
    using server = serveScript((_, peer) => {
      if (server.requests.length === 2) peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      setTimeout(() => peer.reset(), 10);
    });
    using client = openClient();
    for (let at = 0; at < 2; at++) expect((await client.http.get(server.url)).error_code).toBe(1220);
    expect(client.owner.exchanges.map(sentAndCode)).toEqual([
      [true, 1220],
      [true, 1220],
    ]);
  });

  test("refused is 1212 and unsent", async () => {
    const gone = serveText("");
    gone[Symbol.dispose]();
    using client = openClient();
    const response = await client.http.get(gone.url);
    expect([response.status, response.error_code]).toEqual([0, 1212]);
    expect(response.error).toContain(`connection refused: 127.0.0.1:${gone.port}`);
    expect(client.owner.exchanges.map(sentAndCode)).toEqual([[false, 1212]]);
  });

  test("an unknown name is 1101 and unsent", async () => {
    using client = openClient(
      {},
      { lookup: () => Promise.reject(Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" })) },
    );
    const response = await client.http.get("http://no.such.test/");
    expect(response.error_code).toBe(1101);
    expect(response.error).toContain("no such host: no.such.test:80");
    expect(client.owner.exchanges.map(sentAndCode)).toEqual([[false, 1101]]);
  });

  test("a broken resolver is 1100", async () => {
    using client = openClient(
      {},
      { lookup: () => Promise.reject(Object.assign(new Error("try again"), { code: "EAI_AGAIN" })) },
    );
    expect((await client.http.get("http://no.such.test/")).error_code).toBe(1100);
  });

  test("[LD-34.1.3] no answer within the timeout is 1050, with the time waited", async () => {
    using server = serveScript(() => {});
    using client = openClient();
    const response = await client.http.get(server.url, { timeout: "120ms" });
    expect([response.status, response.error_code]).toEqual([0, 1050]);
    expect(response.error).toContain("no complete response after 120 ms");
    expect(response.timings.waiting).toBeGreaterThan(100);
    expect(client.owner.exchanges.map(sentAndCode)).toEqual([[true, 1050]]);
    await until(() => server.counts.open === 0, "the connection is closed");
  });

  test("a body that stalls is 1050 too, and a timeout on a kept connection is not repeated", async () => {
    using server = serveScript((_, peer) =>
      peer.write(server.requests.length === 1 ? reply("x") : "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
    );
    using client = openClient();
    await client.http.get(server.url);
    const response = await client.http.get(server.url, { timeout: 400 });
    expect(response.error_code).toBe(1050);
    expect(response.timings.receiving).toBeGreaterThan(20);
    expect(server.requests.length).toBe(2);
  });

  test("a connection that does not come about is 1211 and unsent", async () => {
    const never = Promise.withResolvers<readonly string[]>();
    using client = openClient({ connectTimeoutMs: 60 }, { lookup: () => never.promise });
    const response = await client.http.get("http://slow.test/");
    expect(response.error_code).toBe(1211);
    expect(response.error).toContain("still looking up the name after 60 ms");
    expect(response.timings.blocked).toBeGreaterThan(40);
    expect(client.owner.exchanges.map(sentAndCode)).toEqual([[false, 1211]]);
  });

  test("a server that talks first is no response", async () => {
    using server = serveScript((_, peer) => peer.write(reply("x")), {
      onOpen: (peer) => peer.write("220 smtp.test ready\r\n"),
    });
    using client = openClient();
    expect((await client.http.get(server.url)).error_code).toBe(1601);
  });

  test("after a failure the next request works on a new connection", async () => {
    using server = serveScript((_, peer) => peer.write(server.requests.length === 1 ? "garbage" : reply("x")));
    using client = openClient();
    expect((await client.http.get(server.url)).error_code).toBe(1601);
    expect((await client.http.get(server.url)).status).toBe(200);
  });
});

describe("long bodies", () => {
  const size = 100_000_000;

  test("100 MB are sent to a slow reader in order, and a counted response of 100 MB is not kept", async () => {
    // A server of its own that counts instead of collecting.
    const piece = Buffer.from("0123456789".repeat(10_000));
    let received = 0;
    let isRight = true;
    let toSend = 0;
    const pump = (socket: Bun.Socket<unknown>): void => {
      while (toSend > 0) {
        const written = socket.write(
          piece.subarray(
            (size - toSend) % piece.length,
            ((size - toSend) % piece.length) + Math.min(toSend, piece.length),
          ),
        );
        if (written <= 0) return;
        toSend -= written;
      }
    };
    using listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, bytes) {
          let from = 0;
          if (received === 0) from = bytes.indexOf("\r\n\r\n") + 4;
          if (bytes.length > from)
            isRight &&=
              bytes[from] === 48 + (received % 10) &&
              bytes[bytes.length - 1] === 48 + ((received + bytes.length - from - 1) % 10);
          received += bytes.length - from;
          if (received === size) {
            toSend = size;
            socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
            pump(socket);
          }
        },
        drain: pump,
      },
    });
    using client = openClient();
    const body = Buffer.alloc(size, "0123456789");
    Bun.gc(true);
    const before = process.memoryUsage().external;
    const response = await client.http.post(`http://127.0.0.1:${listener.port}/`, body, { responseType: "none" });
    Bun.gc(true);
    const kept = process.memoryUsage().external - before;
    expect([response.status, received, isRight]).toEqual([200, size, true]);
    const [exchange] = client.owner.exchanges;
    expect(exchange?.bytesReceived).toBeGreaterThan(size);
    expect(exchange?.bytesSent).toBeGreaterThan(size);
    expect(exchange?.sendingMs).toBeGreaterThan(0);
    expect(kept).toBeLessThan(10_000_000);
  }, 20_000);

  test("a response before the end of the upload is taken, and the connection given up", async () => {
    let made = 0;
    using listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: () => void made++,
        data(socket) {
          socket.pause();
          socket.write(reply("too much", "413 Payload Too Large"));
        },
      },
    });
    using client = openClient();
    const response = await client.http.post(`http://127.0.0.1:${listener.port}/`, Buffer.alloc(30_000_000), {});
    expect([response.status, response.body]).toEqual([413, "too much"]);
    await client.http.get(`http://127.0.0.1:${listener.port}/`);
    expect(made).toBe(2);
  });
});

describe("idle clients", () => {
  test("cost little: an idle VU with an open connection is at most 4 KB of the heap", async () => {
    using server = serveText(reply("x"));
    const count = 500;
    const clients = [];
    using warm = openClient();
    await warm.http.get(server.url);
    Bun.gc(true);
    const before = heapBytes();
    for (let at = 0; at < count; at++) {
      const http = new HttpClient(warm.core, warm.owner);
      await http.get(server.url);
      clients.push(http);
    }
    warm.owner.exchanges.length = 0;
    server.requests.length = 0;
    Bun.gc(true);
    const each = (heapBytes() - before) / count;
    for (const http of clients) http.close();
    // Both ends of the connection are in this process: the server's part is included.
    expect(each).toBeLessThan(4_096);
  });

  test("hold nothing of the last response", async () => {
    using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("x".repeat(100_000)) });
    Bun.gc(true);
    const before = process.memoryUsage().external;
    const clients = [];
    for (let at = 0; at < 100; at++) {
      const client = openClient();
      await client.http.get(server.url.href);
      client.owner.exchanges.length = 0;
      clients.push(client);
    }
    await until(() => {
      Bun.gc(true);
      return process.memoryUsage().external - before < 2_000_000;
    }, "10 MB of bodies are collected while the clients are idle");
    for (const client of clients) client[Symbol.dispose]();
  });

  function heapBytes(): number {
    return process.memoryUsage().heapUsed;
  }
});

describe("close", () => {
  test("closing a client closes its connections; closing the core interrupts what is open", async () => {
    using server = serveScript((request, peer) => {
      if (request.line.includes("/now")) peer.write(reply("x"));
    });
    using client = openClient();
    await client.http.get(`${server.url}/now`);
    client.http.close();
    await until(() => server.counts.open === 0, "the idle connection is closed");
    const open = client.http.get(`${server.url}/later`);
    await until(() => server.requests.length === 2, "the request arrives");
    client.core.close();
    await expect(open).rejects.toThrow(/closed/);
    expect(client.owner.exchanges.length).toBe(2);
  });
});

describe("a permit", () => {
  test("that is over holds requests back before their first byte, on new and kept connections, until it is renewed", async () => {
    using server = serveText(reply("x"));
    const permit = Float64Array.of(Infinity);
    using client = openClient({}, { permit });
    await client.http.get(server.url);
    permit[0] = performance.timeOrigin + performance.now() - 1;
    const held = [client.http.get(server.url), client.http.get(server.url)];
    await until(() => server.counts.made === 2, "the second connection stands");
    await expect(Promise.race([...held, Bun.sleep(60).then(() => "held")])).resolves.toBe("held");
    expect(server.requests).toHaveLength(1);
    permit[0] = Infinity;
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    expect(server.requests).toHaveLength(3);
  });

  test("that stays over: what was held ends unsent when the test is stopped", async () => {
    using server = serveText(reply("x"));
    using client = openClient({}, { permit: Float64Array.of(0) });
    const held = client.http.get(server.url);
    await until(() => server.counts.made === 1, "the connection stands");
    client.http.interruptAll("the test is stopping");
    await expect(held).rejects.toThrow("the test is stopping");
    expect(client.owner.exchanges.map(({ isSent, isInterrupted }) => [isSent, isInterrupted])).toEqual([[false, true]]);
    expect(server.requests).toHaveLength(0);
  });
});
