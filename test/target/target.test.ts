// Goal: the target misbehaves exactly as its paths say; a test that blames the program for its target is worth nothing.
// Method: clients the program does not use (fetch, node:net, openssl) ask each path.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { createHash } from "node:crypto";
import { startTarget, type Target } from "./start.ts";

let target: Target;
beforeAll(async () => {
  target = await startTarget({ tls: true });
});
afterAll(() => target.stop());

type RawAnswer = { readonly text: string; readonly ending: "end" | "reset" | "open" };

/** Sends one GET and reads until the server ends, resets, or says no more for 150 ms. */
function rawGet(path: string, waitMs = 150): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ port: target.ready.brokenPort, host: "127.0.0.1", allowHalfOpen: true });
    const finish = (ending: RawAnswer["ending"]): void => {
      socket.destroy();
      resolve({ text, ending });
    };
    socket.setTimeout(waitMs, () => finish("open"));
    socket.on("connect", () => socket.write(`GET ${path} HTTP/1.1\r\nhost: t\r\n\r\n`));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("end", () => finish("end"));
    socket.on("error", () => finish("reset"));
  });
}

describe("counts", () => {
  test("every request is seen once, by path; questions about the counts are not", async () => {
    await using own = await startTarget();
    await Promise.all(Array.from({ length: 50 }, (_, at) => fetch(`${own.url}/${at % 2 === 0 ? "" : "status/404"}`)));
    await fetch(`${own.url}/seen?row=1`);
    await fetch(`${own.url}/seen?row=2`);
    await fetch(`${own.brokenUrl}/`);
    await own.counts();
    expect(await own.counts()).toMatchObject({
      total: 53,
      paths: { "/": 26, "/status/404": 25, "/seen?row=1": 1, "/seen?row=2": 1 },
    });
  });
});

describe("answers", () => {
  test("status, bytes, delay and flaky do as asked", async () => {
    expect((await fetch(`${target.url}/status/503`)).status).toBe(503);
    expect((await fetch(`${target.url}/status/204`)).status).toBe(204);
    expect((await (await fetch(`${target.url}/bytes/70000`)).arrayBuffer()).byteLength).toBe(70_000);
    const startedAt = performance.now();
    await fetch(`${target.url}/delay/100`);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(98);
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async () => (await fetch(`${target.url}/flaky?p=0.25`)).status),
    );
    expect(statuses.filter((status) => status === 500).length).toBe(10);
  });

  test.each(["gzip", "deflate", "br", "zstd"])("%s is really so encoded", async (encoding) => {
    const response = await fetch(`${target.url}/${encoding}`);
    expect(response.headers.get("content-encoding")).toBe(encoding);
    expect(await response.text()).toContain("the same words again");
  });

  test("redirects lead to the small answer after as many steps", async () => {
    const first = await fetch(`${target.url}/redirect/3`, { redirect: "manual" });
    expect([first.status, first.headers.get("location")]).toEqual([302, "/redirect/2"]);
    expect(await (await fetch(`${target.url}/redirect/3`)).text()).toBe("hello, load\n");
  });

  test("echo, cookies, login and items", async () => {
    const echoed: unknown = await (
      await fetch(`${target.url}/echo?a=1`, { method: "PUT", body: "grüße", headers: { "x-y": "z" } })
    ).json();
    expect(echoed).toMatchObject({ method: "PUT", body: "grüße", bytes: 7, headers: { "x-y": "z" } });
    expect((await fetch(`${target.url}/cookie/set?a=1&b=2`)).headers.getSetCookie()).toEqual([
      "a=1; Path=/",
      "b=2; Path=/",
    ]);
    expect(await (await fetch(`${target.url}/cookie/show`, { headers: { cookie: "a=1; b=2" } })).json()).toEqual({
      a: "1",
      b: "2",
    });
    expect((await fetch(`${target.url}/items?u=x`)).status).toBe(401);
    expect((await fetch(`${target.url}/items?u=x`, { headers: { authorization: "Bearer token-1" } })).status).toBe(200);
  });

  test("basic and digest let in who knows the password, and nobody else", async () => {
    expect((await fetch(`${target.url}/basic`)).status).toBe(401);
    const basic = (pair: string): Promise<Response> =>
      fetch(`${target.url}/basic`, { headers: { authorization: `Basic ${btoa(pair)}` } });
    expect([(await basic("ada:lovelace")).status, (await basic("ada:byron")).status]).toEqual([200, 401]);
    const challenge = (await fetch(`${target.url}/digest`)).headers.get("www-authenticate") ?? "";
    const nonce = /nonce="([^"]+)"/.exec(challenge)?.[1] ?? "";
    const md5 = (text: string): string => createHash("md5").update(text).digest("hex");
    const digest = async (password: string): Promise<number> => {
      const response = md5(`${md5(`ada:target:${password}`)}:${nonce}:00000001:c:auth:${md5("GET:/digest")}`);
      const authorization =
        `Digest username="ada", realm="target", nonce="${nonce}", uri="/digest", qop=auth, ` +
        `nc=00000001, cnonce="c", response="${response}"`;
      return (await fetch(`${target.url}/digest`, { headers: { authorization } })).status;
    };
    expect([await digest("lovelace"), await digest("byron")]).toEqual([200, 401]);
  });

  test("one stall of the whole process, at its moment", async () => {
    await using own = await startTarget();
    const longest = { ms: 0 };
    const startedAt = performance.now();
    while (performance.now() - startedAt < 700) {
      const sentAt = performance.now();
      await (await fetch(`${own.url}/stall?at=200&ms=300`)).text();
      longest.ms = Math.max(longest.ms, performance.now() - sentAt);
    }
    expect(longest.ms).toBeGreaterThan(280);
    expect(longest.ms).toBeLessThan(600);
  });
});

describe("misbehaviour", () => {
  const EXPECTED: readonly (readonly [path: string, text: RegExp, ending: RawAnswer["ending"]])[] = [
    ["/", /200 OK\r\ncontent-length: 3\r\n\r\nok\n$/, "open"],
    ["/reset", /half$/, "reset"],
    ["/resetearly", /^$/, "reset"],
    ["/close", /^$/, "end"],
    ["/halfclose", /^$/, "end"],
    ["/hang", /^$/, "open"],
    ["/hangbody", /half$/, "open"],
    ["/garbage", /^\x00\x01\x02 this is no http/, "open"],
    ["/shortbody", /content-length: 100\r\n\r\nshort$/, "end"],
    ["/longbody", /content-length: 5\r\n\r\nright(wrong){4}$/, "open"],
    ["/badlength", /content-length: many/, "open"],
    ["/badchunk", /\r\n\r\nzz\r\n/, "open"],
    ["/cutchunk", /ff\r\ncut$/, "end"],
    ["/nothing-such", /404 Not Found/, "open"],
  ];
  test.concurrent.each(EXPECTED)("%s", async (path, text, ending) => {
    const answer = await rawGet(path);
    expect(answer.text).toMatch(text);
    expect(answer.ending).toBe(ending);
  });

  test("/halfclose keeps reading after its end, /close does not", async () => {
    await using own = await startTarget();
    for (const path of ["/halfclose", "/close"]) {
      await new Promise<void>((resolve) => {
        const socket = connect({ port: own.ready.brokenPort, host: "127.0.0.1", allowHalfOpen: true });
        socket.on("connect", () => socket.write(`GET ${path} HTTP/1.1\r\n\r\n`));
        socket.on("data", () => {});
        socket.on("error", () => {});
        socket.on("close", () => resolve());
        socket.on("end", () => socket.end(`GET /after${path} HTTP/1.1\r\n\r\n`));
      });
    }
    expect((await own.counts()).paths).toEqual({ "/halfclose": 1, "/close": 1, "/after/halfclose": 1 });
  });

  test("/bigheaders sends as many as asked", async () => {
    expect((await rawGet("/bigheaders?bytes=3000000", 500)).text.length).toBeGreaterThan(3_000_000);
  });

  test("the deaf port takes no connection and refuses none", async () => {
    const outcome = await new Promise<string>((resolve) => {
      const socket = connect({ port: target.ready.deafPort, host: "127.0.0.1", timeout: 300 });
      socket.on("timeout", () => {
        socket.destroy();
        resolve("silence");
      });
      socket.on("connect", () => resolve("connected"));
      socket.on("error", () => resolve("refused"));
    });
    expect(outcome).toBe(process.platform === "linux" ? "silence" : "refused");
  });
});

describe("certificates", () => {
  /** Verification's own code for a port, trusting the target's authority. */
  async function codeOf(port: number | undefined): Promise<string> {
    const ca = await Bun.file(target.ready.tls?.caFile ?? "").text();
    return new Promise((resolve) => {
      const socket = connectTls({ port: port ?? 0, host: "127.0.0.1", servername: "localhost", ca });
      socket.on("secureConnect", () => {
        socket.destroy();
        resolve("accepted");
      });
      socket.on("error", (error: Error & { code?: string }) => resolve(error.code ?? error.message));
    });
  }

  test("each of the four leaves is what its name says", async () => {
    const { tls } = target.ready;
    expect(await codeOf(tls?.valid)).toBe("accepted");
    expect(await codeOf(tls?.expired)).toBe("CERT_HAS_EXPIRED");
    expect(await codeOf(tls?.selfSigned)).toMatch(/SELF_SIGNED/);
    expect(await codeOf(tls?.wrongHost)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  test("the mutual port answers who shows a client certificate", async () => {
    const { caFile = "", mutual = 0, clientCert = "", clientKey = "" } = target.ready.tls ?? {};
    const ca = await Bun.file(caFile).text();
    const response = await fetch(`https://localhost:${mutual}/`, { tls: { ca, cert: clientCert, key: clientKey } });
    expect(response.status).toBe(200);
    await expect(
      fetch(`https://localhost:${mutual}/`, { tls: { ca } }).then((refused) => refused.status),
    ).rejects.toThrow();
  });
});
