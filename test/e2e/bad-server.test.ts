// Goal: whatever a server does, the run goes on, each failure counts once, and its words say which one it was.
// Method: one request each to every misbehaving path and certificate of the target; the error reaches the summary
// and the VU.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startTarget, type Target } from "../target/start.ts";
import { removeDirs, submit, summaryOf, type SubmitRun } from "./run.ts";
import { valueOf } from "./summary.ts";

setDefaultTimeout(60_000);
afterAll(removeDirs);

let target: Target;
beforeAll(async () => {
  target = await startTarget({ tls: true });
});
afterAll(() => target.stop());

type Failure = { readonly ended: SubmitRun; readonly status: number; readonly error: string; readonly code: number };

/** Gets `url` three times from one VU. Holds that each failed once, alike, and that nothing else broke. */
async function failing(url: string, options = "", params = '{ timeout: "2s" }'): Promise<Failure> {
  const ended = await submit(`
    export const options = { vus: 1, iterations: 3, ${options} };
    export default async ({ http, check }) => {
      const res = await http.get("${url}", ${params});
      check(res, { "it failed": (r) => r.status === 0 || r.error !== "" });
      console.log("RESULT " + JSON.stringify({ status: res.status, error: res.error, code: res.error_code }));
    };`);
  const summary = summaryOf(ended);
  expect(ended.exitCode).toBe(0);
  expect(valueOf(summary, "http_reqs", "count")).toBe(3);
  expect(valueOf(summary, "http_req_failed", "passes")).toBe(3);
  expect(valueOf(summary, "checks", "passes")).toBe(3);
  const results = [...ended.stderr.matchAll(/RESULT (\{.*?\})(?=\s|$)/gm)].map((match): unknown =>
    JSON.parse(match[1] ?? ""),
  );
  expect(results.length).toBeGreaterThan(0);
  const first = results[0];
  if (!isResult(first)) throw new Error(`no result in ${ended.stderr}`);
  // The same words stand in the summary, with their count, for those who were not there.
  expect(summary.errors.filter(({ message }) => message.includes(first.error)).map(({ count }) => count)).toEqual([3]);
  return { ended, ...first };
}

function isResult(value: unknown): value is { status: number; error: string; code: number } {
  return typeof value === "object" && value !== null && "status" in value && "error" in value && "code" in value;
}

describe("connections", () => {
  test.concurrent("refused: 1212", async () => {
    const failure = await failing("http://127.0.0.1:1/");
    expect(failure).toMatchObject({ status: 0, code: 1212 });
    expect(failure.error).toMatch(/refused/i);
    expect(failure.ended.summary?.accounting.unsent).toBe(3);
  });

  test.concurrent("reset in place of an answer: 1220", async () => {
    const failure = await failing(`${target.brokenUrl}/resetearly`);
    expect(failure).toMatchObject({ status: 0, code: 1220 });
    expect(failure.error).toMatch(/reset/i);
    expect(failure.ended.summary?.accounting.unsent).toBe(0);
  });

  test.concurrent("reset in the middle of a body", async () => {
    const failure = await failing(`${target.brokenUrl}/reset`);
    expect(failure.code).toBe(1220);
    expect(failure.error).toMatch(/reset/i);
  });

  test.concurrent("closed without an answer", async () => {
    const failure = await failing(`${target.brokenUrl}/close`);
    expect(failure.status).toBe(0);
    expect(failure.error).toMatch(/clos|EOF|ended/i);
  });

  test.concurrent("half-closed: the answer will never come, and nobody waits for the timeout", async () => {
    const failure = await failing(`${target.brokenUrl}/halfclose`, "", '{ timeout: "30s" }');
    expect(failure.status).toBe(0);
    expect(failure.error).toMatch(/clos|EOF|ended/i);
    expect(failure.ended.durationMs).toBeLessThan(20_000);
  });

  test.concurrent("no answer within the timeout: 1050", async () => {
    const failure = await failing(`${target.brokenUrl}/hang`, "", '{ timeout: "300ms" }');
    expect(failure).toMatchObject({ status: 0, code: 1050 });
    expect(failure.error).toMatch(/timeout|timed out/i);
  });

  test.concurrent("a body that stops half-way runs into the timeout too", async () => {
    const failure = await failing(`${target.brokenUrl}/hangbody`, "", '{ timeout: "300ms" }');
    expect(failure.code).toBe(1050);
  });

  test.concurrent("a connect that never ends runs into connectTimeout, and counts as unsent", async () => {
    const failure = await failing(`${target.deafUrl}/`, `connectTimeout: "300ms"`, '{ timeout: "20s" }');
    expect(failure.error).toMatch(/connect|dial/i);
    expect(failure.error).toMatch(/timeout|timed out/i);
    expect(failure.ended.summary?.accounting.unsent).toBe(3);
    expect(failure.ended.durationMs).toBeLessThan(10_000);
  });

  test.concurrent("a name that does not resolve: 1101", async () => {
    const failure = await failing("http://no-such-host.invalid/");
    expect(failure).toMatchObject({ status: 0, code: 1101 });
    expect(failure.error).toContain("no-such-host.invalid");
    expect(failure.ended.summary?.accounting.unsent).toBe(3);
  });

  test.concurrent("a URL without a host fails the request by name", async () => {
    const ended = await submit(`
      export const options = { vus: 1, iterations: 1 };
      export default async ({ http }) => { await http.get("http:///items"); };`);
    const errors = summaryOf(ended)
      .errors.map(({ message }) => message)
      .join("\n");
    expect(errors).toContain("http:///items");
    expect(errors).toMatch(/no host|without a host/i);
  });
});

describe("certificates", () => {
  const hosts = (): string => `tlsCACerts: ${JSON.stringify([caText])},`;
  let caText = "";
  beforeAll(async () => {
    caText = await Bun.file(target.ready.tls?.caFile ?? "").text();
  });
  const at = (port: number | undefined): string => `https://localhost:${port}/`;

  test.concurrent("one of the authority given is accepted", async () => {
    const ended = await submit(`
      export const options = { vus: 1, iterations: 3, ${hosts()} };
      export default async ({ http, check }) => {
        const res = await http.get("${at(target.ready.tls?.valid)}");
        check(res, { "it is trusted": (r) => r.status === 200 && r.tls_version !== "" });
      };`);
    expect(valueOf(summaryOf(ended), "checks", "passes")).toBe(3);
  });

  test.concurrent("one of an unknown authority is refused", async () => {
    const failure = await failing(at(target.ready.tls?.valid));
    expect(failure.code).toBeGreaterThanOrEqual(1300);
    expect(failure.error).toMatch(/authority|issuer|verify/i);
    expect(failure.ended.summary?.accounting.unsent).toBe(3);
  });

  test.concurrent("an expired one is refused, and says so", async () => {
    const failure = await failing(at(target.ready.tls?.expired), hosts());
    expect(failure.code).toBeGreaterThanOrEqual(1300);
    expect(failure.error).toMatch(/expired/i);
  });

  test.concurrent("a self-signed one is refused, and says so", async () => {
    const failure = await failing(at(target.ready.tls?.selfSigned), hosts());
    expect(failure.code).toBeGreaterThanOrEqual(1300);
    expect(failure.error).toMatch(/self.signed/i);
  });

  test.concurrent("one for another host is refused, and names the host", async () => {
    const failure = await failing(at(target.ready.tls?.wrongHost), hosts());
    expect(failure.code).toBeGreaterThanOrEqual(1300);
    expect(failure.error).toMatch(/localhost/);
  });

  test.concurrent("insecureSkipTLSVerify accepts every one of them", async () => {
    const { expired, selfSigned, wrongHost } = target.ready.tls ?? {};
    const ended = await submit(`
      export const options = { vus: 1, iterations: 2, insecureSkipTLSVerify: true };
      export default async ({ http, check }) => {
        for (const port of ${JSON.stringify([expired, selfSigned, wrongHost])}) {
          check(await http.get("https://localhost:" + port + "/"), { "it answered": (r) => r.status === 200 });
        }
      };`);
    expect(valueOf(summaryOf(ended), "checks", "passes")).toBe(6);
  });

  test.concurrent("a server that asks for a client certificate gets tlsAuth's, and refuses without", async () => {
    const { mutual, clientCert, clientKey } = target.ready.tls ?? {};
    const tlsAuth = `tlsAuth: [{ cert: ${JSON.stringify(clientCert)}, key: ${JSON.stringify(clientKey)} }],`;
    const get = (options: string): Promise<SubmitRun> =>
      submit(`
      export const options = { vus: 1, iterations: 1, ${hosts()} ${options} };
      export default async ({ http, check }) => {
        check(await http.get("${at(mutual)}"), { "it answered": (r) => r.status === 200 });
      };`);
    const [withCertificate, without] = await Promise.all([get(tlsAuth), get("")]);
    expect(valueOf(summaryOf(withCertificate), "checks", "passes")).toBe(1);
    expect(valueOf(summaryOf(without), "checks", "fails")).toBe(1);
  });

  test.concurrent("TLS to a port that speaks plain HTTP is refused", async () => {
    const failure = await failing(target.url.replace("http://", "https://"));
    expect(failure.status).toBe(0);
    expect(failure.code).toBeGreaterThanOrEqual(1000);
  });
});

describe("answers that are no proper HTTP", () => {
  const BROKEN: readonly (readonly [path: string, words: RegExp])[] = [
    ["/garbage", /malformed|invalid|not http|status line|parse/i],
    ["/bigheaders", /header/i],
    ["/shortbody", /clos|EOF|short|length|ended/i],
    ["/badlength", /content-length/i],
    ["/badchunk", /chunk/i],
    ["/cutchunk", /clos|EOF|chunk|ended/i],
  ];
  test.concurrent.each(BROKEN)("%s fails by name, and the run goes on", async (path, words) => {
    const failure = await failing(`${target.brokenUrl}${path}`);
    expect(failure.error).toMatch(words);
    expect(failure.code).toBeGreaterThanOrEqual(1000);
  });

  test.concurrent("/longbody: what is promised is the body, and the connection is not used again", async () => {
    await using own = await startTarget();
    const ended = await submit(`
      export const options = { vus: 1, iterations: 5 };
      export default async ({ http, check }) => {
        const res = await http.get("${own.brokenUrl}/longbody");
        check(res, { "the body is what was promised": (r) => r.status === 200 && r.body === "right" });
        check(await http.get("${own.brokenUrl}/"), { "the next answer is its own": (r) => r.body === "ok\\n" });
      };`);
    expect(summaryOf(ended).checks.map((check) => check.fails)).toEqual([0, 0]);
    expect((await own.counts()).total).toBe(10);
  });
});
