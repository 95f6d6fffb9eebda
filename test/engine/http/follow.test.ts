// Goal: redirects and digest challenges are followed as browsers and k6 follow them, each hop an exchange of its own.
// Method: a scripted server that records what comes; digest answers are checked by RFC 7616's own example and by
// recomputing them on the server's side.

import { describe, expect, test } from "bun:test";
import { answerChallenge, parseChallenge } from "../../../src/engine/http/digest.ts";
import { headerOf, openClient, reply, serveScript, serveText } from "./harness.ts";

const redirectTo = (location: string, status = "302 Found", headers = ""): string =>
  reply("", status, `Location: ${location}\r\n${headers}`);

describe("redirects", () => {
  for (const [status, method, sent, sentBody] of [
    ["301 X", "POST", "GET", ""],
    ["302 X", "POST", "GET", ""],
    ["303 X", "PUT", "GET", ""],
    ["307 X", "POST", "POST", "b"],
    ["308 X", "PUT", "PUT", "b"],
    ["302 X", "HEAD", "HEAD", ""],
  ] as const) {
    test(`${status.slice(0, 3)} of a ${method} is followed by ${sent}`, async () => {
      using server = serveScript((request, peer) =>
        peer.write(request.line.includes("/from") ? redirectTo("/to", status) : reply("")),
      );
      using client = openClient();
      const body = method === "HEAD" ? null : "b";
      const response = await client.http.request(method, `${server.url}/from`, body, {
        headers: { "content-type": "text/x", "x-kept": "k" },
      });
      expect([response.status, response.url, response.request.method]).toEqual([200, `${server.url}/to`, sent]);
      const last = server.requests[1];
      expect([last?.line, last?.body, headerOf(last, "x-kept"), headerOf(last, "content-type")]).toEqual([
        `${sent} /to HTTP/1.1`,
        sentBody,
        "k",
        sent === method ? "text/x" : "",
      ]);
      expect(client.owner.exchanges.map((exchange) => [exchange.status, exchange.method])).toEqual([
        [Number(status.slice(0, 3)), method],
        [200, sent],
      ]);
      expect(client.owner.exchanges.map((exchange) => exchange.url)).toEqual([
        `${server.url}/from`,
        `${server.url}/to`,
      ]);
      expect(client.http.openCount).toBe(0);
    });
  }

  test("a location may be relative, with query, or another scheme-less host", async () => {
    const locations = ["../c?d=e", "?f", "g"];
    using server = serveScript((_, peer) =>
      peer.write(locations.length > 0 ? redirectTo(locations.shift() ?? "") : reply("")),
    );
    using client = openClient();
    await client.http.get(`${server.url}/a/b/x`);
    expect(server.requests.map((request) => request.line.split(" ")[1])).toEqual([
      "/a/b/x",
      "/a/c?d=e",
      "/a/c?f",
      "/a/g",
    ]);
  });

  test("the limit of the plan or of params gives the last redirect", async () => {
    using server = serveText(redirectTo("/again"));
    using client = openClient({ maxRedirects: 3 });
    expect([(await client.http.get(server.url)).status, server.requests.length]).toEqual([302, 4]);
    expect([(await client.http.get(server.url, { redirects: 1 })).status, server.requests.length]).toEqual([302, 6]);
    const unfollowed = await client.http.get(server.url, { redirects: 0 });
    expect([unfollowed.status, unfollowed.headers["Location"], server.requests.length, unfollowed.error]).toEqual([
      302,
      "/again",
      7,
      "",
    ]);
  });

  test("without a location the redirect is the result; one that is no URL, or no http, is error 1701", async () => {
    const answers = [reply("", "302 Found"), redirectTo("http://:x"), redirectTo("ftp://h/")];
    using server = serveScript((_, peer) => peer.write(answers.shift() ?? ""));
    using client = openClient();
    const codes = [];
    for (let at = 0; at < 3; at++) codes.push((await client.http.get(server.url)).error_code);
    expect(codes).toEqual([0, 1701, 1701]);
    expect(client.owner.exchanges.map((exchange) => exchange.isExpected)).toEqual([true, false, false]);
  });

  test("another origin gets neither cookies nor the host header, another host no authorization either", async () => {
    using other = serveText(reply("other"));
    using server = serveScript((request, peer) =>
      peer.write(
        request.line.includes("/self")
          ? reply("self")
          : redirectTo(
              request.line.includes("/away")
                ? `http://localhost:${other.port}/x`
                : request.line.includes("/port")
                  ? `${other.url}/x`
                  : "/self",
            ),
      ),
    );
    using client = openClient();
    const params = { headers: { authorization: "secret", host: "a.test", "x-kept": "k" }, cookies: { c: "1" } };
    await client.http.get(`${server.url}/away`, params);
    expect([
      headerOf(other.requests[0], "authorization"),
      headerOf(other.requests[0], "cookie"),
      headerOf(other.requests[0], "host"),
      headerOf(other.requests[0], "x-kept"),
    ]).toEqual(["", "", `localhost:${other.port}`, "k"]);
    await client.http.get(`${server.url}/port`, params);
    const port = other.requests[1];
    expect([headerOf(port, "authorization"), headerOf(port, "cookie"), headerOf(port, "host")]).toEqual([
      "secret",
      "",
      `127.0.0.1:${other.port}`,
    ]);
    await client.http.get(`${server.url}/home`, params);
    const home = server.requests.at(-1);
    expect([headerOf(home, "authorization"), headerOf(home, "cookie"), headerOf(home, "host")]).toEqual([
      "secret",
      "c=1",
      "a.test",
    ]);
  });

  test("a subdomain gets the authorization of its parent, not the parent that of a subdomain", async () => {
    using server = serveScript((request, peer) => {
      const to = /to=([a-z.]+)/.exec(request.line)?.[1];
      peer.write(to === undefined ? reply("") : redirectTo(`http://${to}:${server.port}/x`));
    });
    using client = openClient({ hosts: { "a.test": "127.0.0.1", "b.a.test": "127.0.0.1" } });
    const params = { headers: { authorization: "secret" } };
    await client.http.get(`http://a.test:${server.port}/?to=b.a.test`, params);
    await client.http.get(`http://b.a.test:${server.port}/?to=a.test`, params);
    expect(server.requests.map((request) => headerOf(request, "authorization"))).toEqual([
      "secret",
      "secret",
      "secret",
      "",
    ]);
  });

  test("credentials of the URL go along on the same origin", async () => {
    using server = serveScript((request, peer) =>
      peer.write(request.line.includes("/from") ? redirectTo("/to") : reply("")),
    );
    using client = openClient();
    await client.http.get(`http://u:p@127.0.0.1:${server.port}/from`);
    expect(headerOf(server.requests[1], "authorization")).toBe(`Basic ${Buffer.from("u:p").toString("base64")}`);
  });

  test("cookies set by a redirect go to the next hop", async () => {
    using server = serveScript((request, peer) =>
      peer.write(request.line.includes("/from") ? redirectTo("/to", "302 Found", "Set-Cookie: s=1\r\n") : reply("")),
    );
    using client = openClient();
    await client.http.get(`${server.url}/from`);
    expect(headerOf(server.requests[1], "cookie")).toBe("s=1");
  });

  test("a stopping VU follows no further", async () => {
    using server = serveScript((_, peer) => {
      client.owner.isStopping = true;
      peer.write(redirectTo("/next"));
    });
    using client = openClient();
    await expect(client.http.get(server.url)).rejects.toThrow(/stopping/);
    expect([server.requests.length, client.owner.exchanges.length, client.http.openCount]).toEqual([1, 1, 0]);
  });
});

describe("digest", () => {
  test("answers the examples of RFC 7616 3.9.1", () => {
    const header =
      'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, ' +
      'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
    const request = {
      method: "GET",
      path: "/dir/index.html",
      user: "Mufasa",
      password: "Circle of Life",
      cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    };
    const md5 = parseChallenge(header);
    const sha = parseChallenge(`${header}, ${header.replace("MD5", "SHA-256")}`);
    if (md5 === null || sha === null) throw new Error("no challenge");
    expect(answerChallenge(md5, request)).toContain('response="8ca523f5e9506fed4657c9700eebdbec"');
    // Of two, the stronger is taken.
    expect(sha.algorithm).toBe("SHA-256");
    expect(answerChallenge(sha, request)).toContain(
      'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"',
    );
  });

  test("a challenge that cannot be answered is none", () => {
    for (const header of [
      "",
      "Basic realm=x",
      'Digest realm="x"',
      'Digest nonce="n", algorithm=SHA-512',
      'Digest nonce="n", qop="auth-int"',
    ])
      expect(parseChallenge(header)).toBeNull();
    expect(parseChallenge('Basic realm="a, b", Digest realm="r", nonce="n"')).toEqual({
      realm: "r",
      nonce: "n",
      opaque: null,
      algorithm: "MD5",
      qop: "",
    });
  });

  test("the challenge is answered once; the 401 is recorded and expected", async () => {
    using server = serveScript((request, peer) => {
      const fields = new Map(
        [...headerOf(request, "authorization").matchAll(/(\w+)="?([^",]*)"?/g)].map((match) => [
          match[1] ?? "",
          match[2] ?? "",
        ]),
      );
      const md5 = (text: string): string => new Bun.CryptoHasher("md5").update(text).digest("hex");
      const wanted = md5(
        `${md5("u:r:p")}:n0:00000001:${fields.get("cnonce")}:auth:${md5(`POST:${request.line.split(" ")[1]}`)}`,
      );
      const isGood = fields.get("response") === wanted && request.body === "b";
      peer.write(
        isGood
          ? reply("in")
          : reply("", "401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="n0", qop="auth"\r\n'),
      );
    });
    using client = openClient();
    const good = await client.http.post(`http://u:p@127.0.0.1:${server.port}/a?b`, "b", { auth: "digest" });
    expect([good.status, good.body]).toEqual([200, "in"]);
    expect(headerOf(server.requests[0], "authorization")).toBe("");
    expect(client.owner.exchanges.map((exchange) => [exchange.status, exchange.isExpected])).toEqual([
      [401, true],
      [200, true],
    ]);
    const bad = await client.http.post(`http://u:wrong@127.0.0.1:${server.port}/a?b`, "b", { auth: "digest" });
    expect([bad.status, server.requests.length]).toEqual([401, 4]);
    expect(client.owner.exchanges.at(-1)?.isExpected).toBe(false);
  });

  test("without credentials or without auth digest a 401 is the result", async () => {
    using server = serveText(reply("", "401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="n0"\r\n'));
    using client = openClient();
    expect((await client.http.get(server.url, { auth: "digest" })).status).toBe(401);
    expect((await client.http.get(`http://u:p@127.0.0.1:${server.port}/`)).status).toBe(401);
    expect(server.requests.length).toBe(2);
  });
});
