// Goal: cookies are parsed, kept and sent as RFC 6265 says, per VU, and cost nothing where there are none.
// Method: tables over the jar, sections cited; the client against a scripted server.

import { describe, expect, setSystemTime, test } from "bun:test";
import { COOKIES_MAX, VuCookieJar, parseSetCookie } from "../../../src/engine/http/cookies.ts";
import { TargetTable } from "../../../src/engine/http/url.ts";
import { headerOf, openClient, reply, serveScript } from "./harness.ts";

const targets = new TargetTable();

/** What is sent to `to` after `from` set these cookies. */
function sentAfter(from: string, setCookies: readonly string[], to: string): string {
  const jar = new VuCookieJar(targets);
  for (const header of setCookies) {
    const cookie = parseSetCookie(header);
    if (cookie !== null) jar.store(targets.get(from), cookie);
  }
  return jar.headerFor(targets.get(to), null);
}

test("Set-Cookie is parsed with its attributes (5.2)", () => {
  expect(parseSetCookie("a=b=c; Path=/x; Domain=.Ex.test; Max-Age=10; Secure; HttpOnly; SameSite=Lax; Odd")).toEqual({
    name: "a",
    value: "b=c",
    isQuoted: false,
    domain: "ex.test",
    path: "/x",
    isHttpOnly: true,
    isSecure: true,
    maxAge: 10,
    expiresMs: Number.NaN,
  });
  expect(parseSetCookie('q="quoted"; path=relative; max-age=soon')).toMatchObject({
    value: "quoted",
    isQuoted: true,
    path: "",
    maxAge: Number.NaN,
  });
  expect(parseSetCookie("e=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT")?.expiresMs).toBe(Date.UTC(2099, 9, 21, 7, 28));
  expect(parseSetCookie("e=1; Expires=Wed, 21-Oct-2099 07:28:00 GMT")?.expiresMs).toBe(Date.UTC(2099, 9, 21, 7, 28));
  for (const header of ["", "novalue", "=x", "; Path=/"]) expect(parseSetCookie(header)).toBeNull();
});

describe("which cookies are sent (5.1.3, 5.1.4, 5.3, 5.4)", () => {
  const cases: readonly (readonly [
    name: string,
    from: string,
    setCookies: readonly string[],
    to: string,
    sent: string,
  ])[] = [
    ["same host", "http://a.test/", ["x=1"], "http://a.test/deep/er", "x=1"],
    ["host only: no subdomain", "http://a.test/", ["x=1"], "http://b.a.test/", ""],
    ["host only: no parent", "http://b.a.test/", ["x=1"], "http://a.test/", ""],
    ["domain: subdomains too", "http://a.test/", ["x=1; Domain=a.test"], "http://b.a.test/", "x=1"],
    ["domain of the parent", "http://b.a.test/", ["x=1; Domain=.a.test"], "http://c.a.test/", "x=1"],
    ["domain of another", "http://a.test/", ["x=1; Domain=b.test"], "http://b.test/", ""],
    ["domain that merely ends alike", "http://a.test/", ["x=1; Domain=a.test"], "http://ba.test/", ""],
    ["domain of a whole top level", "http://a.test/", ["x=1; Domain=test"], "http://a.test/", ""],
    [
      "domain that is a single label itself",
      "http://localhost/",
      ["x=1; Domain=localhost"],
      "http://localhost/",
      "x=1",
    ],
    ["an address has no subdomains", "http://127.0.0.1/", ["x=1; Domain=0.0.1"], "http://127.0.0.1/", ""],
    ["ports are one host", "http://a.test:1/", ["x=1"], "http://a.test:2/", "x=1"],
    ["default path", "http://a.test/one/two", ["x=1"], "http://a.test/one/three", "x=1"],
    ["default path, elsewhere", "http://a.test/one/two", ["x=1"], "http://a.test/other", ""],
    ["default path with slashes in the query", "http://a.test/one?/two/three", ["x=1"], "http://a.test/", "x=1"],
    ["path", "http://a.test/", ["x=1; Path=/p"], "http://a.test/p/q", "x=1"],
    ["path is no mere prefix", "http://a.test/", ["x=1; Path=/p"], "http://a.test/pq", ""],
    ["path with query", "http://a.test/", ["x=1; Path=/p"], "http://a.test/p?q", "x=1"],
    ["secure over http", "https://a.test/", ["x=1; Secure"], "http://a.test/", ""],
    ["secure on this machine", "http://127.0.0.1/", ["x=1; Secure"], "http://127.0.0.1:81/", "x=1"],
    ["secure on localhost", "http://localhost/", ["x=1; Secure"], "http://localhost/", "x=1"],
    [
      "quotes go back as they came",
      "http://a.test/",
      ['x="a b"', 'y=""', 'z="'],
      "http://a.test/",
      'x="a b"; y=""; z="',
    ],
    ["secure over https", "https://a.test/", ["x=1; Secure"], "https://a.test/", "x=1"],
    [
      "longer paths first, then older",
      "http://a.test/",
      ["a=1", "b=2; Path=/p", "c=3"],
      "http://a.test/p",
      "b=2; a=1; c=3",
    ],
    ["replaced in place", "http://a.test/", ["a=1", "b=2", "a=3"], "http://a.test/", "a=3; b=2"],
    ["max-age 0 deletes", "http://a.test/", ["a=1", "a=1; Max-Age=0"], "http://a.test/", ""],
    [
      "max-age over expires",
      "http://a.test/",
      ["a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
      "http://a.test/",
      "a=1",
    ],
    ["expired", "http://a.test/", ["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "http://a.test/", ""],
  ];
  for (const [name, from, setCookies, to, sent] of cases)
    test(name, () => expect(sentAfter(from, setCookies, to)).toBe(sent));

  test("a cookie expires", () => {
    const jar = new VuCookieJar(targets);
    try {
      setSystemTime(new Date(1_000_000));
      jar.set("http://a.test/", "a", "1", { max_age: 5 });
      setSystemTime(new Date(1_004_999));
      expect(jar.headerFor(targets.get("http://a.test/"), null)).toBe("a=1");
      setSystemTime(new Date(1_005_000));
      expect(jar.headerFor(targets.get("http://a.test/"), null)).toBe("");
      expect(jar.isEmpty).toBe(true);
    } finally {
      setSystemTime();
    }
  });

  test("a jar is bounded", () => {
    const jar = new VuCookieJar(targets);
    for (let at = 0; at < COOKIES_MAX + 10; at++) jar.set("http://a.test/", `c${at}`, "v");
    const names = Object.keys(jar.cookiesForURL("http://a.test/"));
    expect([names.length, names.includes("c0"), names.includes(`c${COOKIES_MAX + 9}`)]).toEqual([
      COOKIES_MAX,
      false,
      true,
    ]);
  });
});

describe("the VU's jar", () => {
  test("set, read, delete, clear", () => {
    using client = openClient();
    const jar = client.http.cookieJar();
    jar.set("http://a.test/x", "one", "1");
    jar.set("http://a.test/", "two", "2", { domain: "a.test", path: "/p", secure: true });
    jar.set("http://b.test/", "three", "3");
    expect(jar.cookiesForURL("https://a.test/p")).toEqual({ two: ["2"], one: ["1"] });
    jar.delete("http://a.test/", "one");
    expect(jar.cookiesForURL("http://a.test/")).toEqual({});
    jar.clear("http://b.test/");
    expect(jar.cookiesForURL("http://b.test/")).toEqual({});
    expect(() => jar.set("http://a.test/", "a b", "1")).toThrow(TypeError);
    expect(() => jar.set("http://a.test/", "a", "1\r\nx: y")).toThrow(TypeError);
  });

  test("cookies come back, until the next iteration, or for ever with noCookiesReset", async () => {
    using server = serveScript((_, peer) =>
      peer.write(
        reply(
          "",
          "200 OK",
          server.requests.length === 1 ? "Set-Cookie: s=1; HttpOnly; Max-Age=9\r\nSet-Cookie: t=2\r\n" : "",
        ),
      ),
    );
    for (const noCookiesReset of [false, true]) {
      server.requests.length = 0;
      using client = openClient({ noCookiesReset });
      const response = await client.http.get(server.url);
      expect(response.cookies["s"]).toEqual([
        { name: "s", value: "1", domain: "", path: "", http_only: true, secure: false, max_age: 9, expires: 0 },
      ]);
      await client.http.get(server.url);
      client.http.beginIteration();
      await client.http.get(server.url);
      expect(server.requests.map((request) => headerOf(request, "cookie"))).toEqual([
        "",
        "s=1; t=2",
        noCookiesReset ? "s=1; t=2" : "",
      ]);
    }
  });

  test("a cookie or header with the name of what every object has is like any other", async () => {
    const names = ["constructor", "toString", "__proto__"];
    const set = names.map((name) => `Set-Cookie: ${name}=1\r\n${name}: 1\r\n`).join("");
    using server = serveScript((_, peer) => peer.write(reply("", "200 OK", set)));
    using client = openClient();
    const response = await client.http.get(server.url);
    expect(Object.keys(response.cookies)).toEqual(names);
    expect(Object.keys(client.http.cookieJar().cookiesForURL(server.url))).toEqual(names);
    expect(Object.keys(response.headers).filter((name) => name.toLowerCase() === "__proto__")).toHaveLength(1);
  });

  test("params.cookies add to the jar's, or replace them, and are not kept", async () => {
    using server = serveScript((_, peer) => peer.write(reply("")));
    using client = openClient();
    client.http.cookieJar().set(server.url, "a", "jar");
    await client.http.get(server.url, { cookies: { b: "2", a: "added" } });
    await client.http.get(server.url, { cookies: { a: { value: "replaced", replace: true } } });
    await client.http.get(server.url, { headers: { Cookie: "h=1" } });
    const last = await client.http.get(server.url);
    expect(server.requests.map((request) => headerOf(request, "cookie"))).toEqual([
      "b=2; a=added; a=jar",
      "a=replaced",
      "h=1; a=jar",
      "a=jar",
    ]);
    expect(last.request.headers["Cookie"]).toEqual(["a=jar"]);
  });

  test("jar null sends and keeps none; another jar is used in place of the VU's", async () => {
    using server = serveScript((_, peer) => peer.write(reply("", "200 OK", "Set-Cookie: s=1\r\n")));
    using client = openClient();
    using other = openClient();
    client.http.cookieJar().set(server.url, "own", "1");
    await client.http.get(server.url, { jar: null });
    expect(client.http.cookieJar().cookiesForURL(server.url)).toEqual({ own: ["1"] });
    const jar = other.http.cookieJar();
    jar.set(server.url, "theirs", "1");
    await client.http.get(server.url, { jar });
    expect(server.requests.map((request) => headerOf(request, "cookie"))).toEqual(["", "theirs=1"]);
    expect(jar.cookiesForURL(server.url)).toEqual({ theirs: ["1"], s: ["1"] });
    await expect(
      client.http.get(server.url, { jar: { set() {}, cookiesForURL: () => ({}), delete() {}, clear() {} } }),
    ).rejects.toThrow(/params.jar/);
  });

  test("a jar of the test's own keeps what it is given, and the VU's own has none of it", async () => {
    using server = serveScript((_, peer) => peer.write(reply("", "200 OK", "Set-Cookie: s=1\r\n")));
    using client = openClient();
    const jar = new client.http.CookieJar();
    jar.set(server.url, "mine", "1");
    await client.http.get(server.url, { jar });
    client.http.beginIteration();
    await client.http.get(server.url, { jar });
    await client.http.get(server.url);
    expect(server.requests.map((request) => headerOf(request, "cookie"))).toEqual(["mine=1", "mine=1; s=1", ""]);
  });

  test("two VUs share no cookies", async () => {
    using server = serveScript((_, peer) => peer.write(reply("", "200 OK", "Set-Cookie: s=1\r\n")));
    using one = openClient();
    using other = openClient();
    await one.http.get(server.url);
    await other.http.get(server.url);
    expect(headerOf(server.requests[1], "cookie")).toBe("");
  });
});
