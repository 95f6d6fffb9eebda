// Goal: a workflow file means what the contract says, in both forms. Method: small files against the scripted target, whose
// counts and echoes are the witness; over two cores wherever rows, VUs or iterations are dealt.

import { afterAll, describe, expect, test } from "bun:test";
import { startTarget } from "../target/start.ts";
import { removeDirs, submit, summaryOf } from "./run.ts";
import { sentRequests, valueOf } from "./summary.ts";

const TIMEOUT_MS = 120_000;
afterAll(removeDirs);
const TWO_CORES = ["--cores", "2"];

describe("the simple form", () => {
  test.concurrent("setup's value reaches every VU and teardown, each of which runs once", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      export const options = { vus: 6, iterations: 30 };
      export async function setup({ http }) {
        const res = await http.post("${target.url}/login", "{}");
        return { token: res.json().token };
      }
      export default async function ({ http, check }, data) {
        const res = await http.get("${target.url}/items", { headers: { authorization: data.token } });
        check(res, { "the token is accepted": (r) => r.status === 200 });
      }
      export async function teardown({ http }, data) { await http.get("${target.url}/seen/teardown?token=" + data.token); }`, TWO_CORES);
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(0);
    expect(summary.checks).toMatchObject([{ name: "the token is accepted", passes: 30, fails: 0 }]);
    expect((await target.counts()).paths).toEqual({ "/login": 1, "/items": 30, "/seen/teardown?token=token-1": 1 });
    expect(sentRequests(summary)).toBe(32);
  }, TIMEOUT_MS);

  test.concurrent("scenarios with exec, startTime, env and tags; thresholds by tag", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      export const options = {
        scenarios: {
          quick: { executor: "shared-iterations", vus: 2, iterations: 10, exec: "browse", env: { WHERE: "first" }, tags: { kind: "read" } },
          later: { executor: "per-vu-iterations", vus: 2, iterations: 5, exec: "browse", startTime: "500ms", env: { WHERE: "second" } },
        },
        thresholds: {
          "http_reqs{scenario:quick}": ["count==10"], "http_reqs{kind:read}": ["count==10"], "http_reqs{workflow:later}": ["count==10"],
        },
      };
      export async function browse({ http, env, workflow }) { await http.get("${target.url}/seen/" + workflow + "?" + env.WHERE); }`, TWO_CORES);
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ "/seen/quick?first": 10, "/seen/later?second": 10 });
    expect(valueOf(summary, "http_reqs{kind:read}", "count")).toBe(10);
    expect(summary.job.durationMs).toBeGreaterThanOrEqual(500);
  }, TIMEOUT_MS);

  test.concurrent("VU ids are unique over the cores, state stays with its VU, iterations count from 0", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      export const options = { scenarios: { one: { executor: "per-vu-iterations", vus: 7, iterations: 3 } } };
      export default async ({ http, id, iteration, state }) => {
        state.trips = (state.trips ?? 0) + 1;
        await http.get("${target.url}/seen?" + [id, iteration, state.trips].join("-"));
      };`, TWO_CORES);
    expect(ended.exitCode).toBe(0);
    const expected: Record<string, number> = {};
    for (let id = 1; id <= 7; id++) for (let iteration = 0; iteration < 3; iteration++) expected[`/seen?${id}-${iteration}-${iteration + 1}`] = 1;
    expect((await target.counts()).paths).toEqual(expected);
  }, TIMEOUT_MS);

  test.concurrent("cookies belong to their VU, and go at the end of its iteration unless noCookiesReset", async () => {
    await using target = await startTarget();
    const file = (options: string): string => `
      export const options = { vus: 3, iterations: 9, ${options} };
      export default async ({ http, check, id, iteration }) => {
        const before = (await http.get("${target.url}/cookie/show")).json();
        if (iteration === 0) await http.get("${target.url}/cookie/set?vu=" + id);
        const after = (await http.get("${target.url}/cookie/show")).json();
        check(null, {
          "no cookie of another VU": () => [before.vu, after.vu].every((vu) => vu === undefined || vu === String(id)),
          "kept within the iteration": () => iteration > 0 || after.vu === String(id),
          "kept over iterations": () => iteration === 0 || before.vu === String(id),
        });
      };`;
    const [reset, kept] = await Promise.all([submit(file(""), TWO_CORES), submit(file("noCookiesReset: true"), TWO_CORES)]);
    const fails = (checks: readonly { name: string; fails: number }[]): Record<string, number> =>
      Object.fromEntries(checks.map((check) => [check.name, check.fails]));
    expect(fails(summaryOf(kept).checks)).toEqual({ "no cookie of another VU": 0, "kept within the iteration": 0, "kept over iterations": 0 });
    const resetFails = fails(summaryOf(reset).checks);
    expect(resetFails["no cookie of another VU"]).toBe(0);
    expect(resetFails["kept within the iteration"]).toBe(0);
    expect(resetFails["kept over iterations"]).toBeGreaterThan(0);
  }, TIMEOUT_MS);

  test.concurrent("requests say what was asked: methods, headers, bodies, forms, files, auth, compression", async () => {
    await using target = await startTarget();
    const authUrl = target.url.replace("http://", "http://ada:lovelace@");
    const ended = await submit(`
      export const options = { vus: 1, iterations: 1 };
      export default async ({ http, check }) => {
        const put = (await http.put("${target.url}/echo", "text", { headers: { "x-a": "b" } })).json();
        const form = (await http.post("${target.url}/echo", { name: "ada l", n: 3 })).json();
        const file = (await http.post("${target.url}/echo", { doc: http.file("inside", "a.txt", "text/plain") })).json();
        const bytes = (await http.post("${target.url}/echo", new Uint8Array([0, 255, 1]))).json();
        const packed = (await http.post("${target.url}/echo", "z".repeat(500), { compression: "gzip" })).json();
        const head = await http.head("${target.url}/bytes/500");
        const basic = await http.get("${authUrl}/basic");
        const results = {
          "put": put.method === "PUT" && put.body === "text" && put.headers["x-a"] === "b",
          "form": form.body === "name=ada+l&n=3" && form.headers["content-type"] === "application/x-www-form-urlencoded",
          "file": file.headers["content-type"].startsWith("multipart/form-data") && file.body.includes('filename="a.txt"') && file.body.includes("inside"),
          "bytes": bytes.base64 === "AP8B",
          "compressed": packed.headers["content-encoding"] === "gzip" && packed.bytes < 100,
          "head has no body": head.status === 200 && head.body === "",
          "basic": basic.status === 200,
          "del": (await http.del("${target.url}/echo")).json().method === "DELETE",
          "patch": (await http.patch("${target.url}/echo", "p")).json().method === "PATCH",
          "options": (await http.options("${target.url}/echo")).json().method === "OPTIONS",
          "request": (await http.request("PURGE", "${target.url}/echo")).status > 0,
          "binary": (await http.get("${target.url}/bytes/1000", { responseType: "binary" })).bytes.length === 1000,
          "dropped": (await http.get("${target.url}/bytes/1000", { responseType: "none" })).body === "",
          "chunked": (await http.get("${target.url}/chunked")).body === [0, 1, 2, 3, 4].map((n) => "chunk " + n + "\\n").join(""),
          "no content": (await http.get("${target.url}/status/204")).status === 204,
          "a redirect not followed": (await http.get("${target.url}/redirect/1", { redirects: 0 })).status === 302,
        };
        for (const encoding of ["gzip", "deflate", "br", "zstd"]) {
          const res = await http.get("${target.url}/" + encoding);
          results[encoding] = res.headers["Content-Encoding"] === encoding && res.json("text").startsWith("the same words");
        }
        for (const [name, ok] of Object.entries(results)) check(null, { [name]: () => ok });
      };`);
    const { checks } = summaryOf(ended);
    expect(checks.filter((check) => check.passes !== 1).map((check) => check.name)).toEqual([]);
    expect(checks.length).toBe(20);
  }, TIMEOUT_MS);

  test.concurrent("custom metrics, groups and tags end in the summary, merged over the cores", async () => {
    const ended = await submit(`
      import { Counter, Gauge, Rate, Trend } from "hyperscale";
      const sold = new Counter("sold"), price = new Trend("price"), level = new Gauge("level"), lucky = new Rate("lucky");
      export const options = {
        scenarios: { one: { executor: "per-vu-iterations", vus: 4, iterations: 25 } },
        thresholds: { "sold{kind:odd}": ["count==150"], price: ["max==100", "p(50)>40"], lucky: ["rate==0.5"], "checks{group:::pay}": ["rate==1"] },
      };
      export default async ({ id, iteration, group, check }) => {
        const odd = iteration % 2 === 1;
        sold.add(odd ? 3 : 1, { kind: odd ? "odd" : "even" });
        price.add((id - 1) * 25 + iteration + 1);
        level.add(id);
        lucky.add(id % 2 === 0);
        await group("pay", async () => { check(1, { "paid": (one) => one === 1 }); });
      };`, TWO_CORES);
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(99);
    expect(summary.metrics["sold"]?.values).toMatchObject({ count: 4 * (12 * 3 + 13) });
    expect(summary.metrics["sold{kind:odd}"]?.thresholds?.["count==150"]?.ok).toBe(false);
    expect(valueOf(summary, "sold{kind:odd}", "count")).toBe(144);
    expect(summary.metrics["price"]?.values).toMatchObject({ count: 100, min: 1, max: 100, avg: 50.5 });
    expect(summary.metrics["price"]?.thresholds?.["max==100"]?.ok).toBe(true);
    expect(summary.metrics["level"]?.values).toMatchObject({ min: 1, max: 4 });
    expect(summary.metrics["lucky"]?.values).toMatchObject({ rate: 0.5, passes: 50, fails: 50 });
    expect(summary.checks).toMatchObject([{ name: "paid", group: "::pay", passes: 100, fails: 0 }]);
    expect(valueOf(summary, "group_duration", "count")).toBe(100);
  }, TIMEOUT_MS);

  test.concurrent("-e, env of the file's options and TypeScript of every kind arrive", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      import type { Options, VU } from "hyperscale";
      interface Place { readonly path: string }
      const place: Place = { path: "/seen" } satisfies Place;
      export const options: Options = { vus: 1, iterations: 1 };
      export default async function ({ http, env }: VU): Promise<void> {
        await http.get(\`${target.url}\${place.path}?\${env["CITY"]}-\${env["EMPTY"] === "" ? "empty" : "?"}-\${env["EQ"]}\`);
      }`, ["-e", "CITY=paris", "-e", "EMPTY=", "-e", "EQ=a=b"]);
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ "/seen?paris-empty-a=b": 1 });
  }, TIMEOUT_MS);

  test.concurrent("an npm package and a local module are bundled", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      import { shout } from "tiny-words";
      import { path } from "./lib/paths.ts";
      export const options = { vus: 2, iterations: 2 };
      export default async ({ http }) => { await http.get("${target.url}" + path + "?" + shout("hello")); };`, TWO_CORES, {
      files: {
        "node_modules/tiny-words/package.json": JSON.stringify({ name: "tiny-words", version: "1.0.0", main: "index.js" }),
        "node_modules/tiny-words/index.js": `exports.shout = (text) => text.toUpperCase();`,
        "lib/paths.ts": `export const path: string = "/seen";`,
      },
    });
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ "/seen?HELLO": 2 });
  }, TIMEOUT_MS);
});

describe("the job form", () => {
  test.concurrent("workflows run in the order of after, and provide reaches the context of those after", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      import { defineJob, workflow } from "hyperscale";
      export default defineJob({
        name: "checkout",
        thresholds: { "http_req_duration{workflow:browse}": ["p(99)<5000"] },
        workflows: {
          login: workflow({ vus: 1, iterations: 1, async run({ http, provide }) {
            const res = await http.post("${target.url}/login", JSON.stringify({ user: "a" }), { headers: { "content-type": "application/json" } });
            provide("token", res.json().token);
          } }),
          browse: workflow({ after: ["login"], executor: "constant-arrival-rate", rate: 50, duration: "1s", preAllocatedVUs: 10, maxVUs: 20,
            async run({ http, context, check }) {
              const res = await http.get("${target.url}/items?u=1", { headers: { authorization: String(context.token) } });
              check(res, { "allowed": (r) => r.status === 200 });
            } }),
          aside: workflow({ vus: 1, iterations: 1, async run({ http, context }) { await http.get("${target.url}/seen/aside?" + typeof context.token); } }),
          pay: workflow({ after: ["browse", "aside"], vus: 2, iterations: 4,
            async run({ http, context }) { await http.get("${target.url}/seen/pay?" + context.token); } }),
        },
      });`, TWO_CORES);
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(0);
    expect(summary.job.name).toBe("checkout");
    expect((await target.counts()).paths).toEqual({ "/login": 1, "/items": 50, "/seen/aside?undefined": 1, "/seen/pay?token-1": 4 });
    expect(summary.checks).toMatchObject([{ name: "allowed", workflow: "browse", passes: 50, fails: 0 }]);
    expect(Object.keys(summary.workflows).sort()).toEqual(expect.arrayContaining(["aside", "browse", "login", "pay"]));
    expect(summary.workflows["pay"]?.metrics["http_reqs"]?.values["count"]).toBe(4);
    expect(summary.metrics["http_req_duration{workflow:browse}"]?.values["count"]).toBe(50);
  }, TIMEOUT_MS);

  test.concurrent("what comes after a workflow starts when that one has ended", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      import { defineJob, workflow } from "hyperscale";
      export default defineJob({ name: "order", workflows: {
        second: workflow({ after: ["first"], vus: 2, iterations: 2, async run({ http, check }) {
          const seen = (await http.get("${target.url}/__count")).json();
          check(seen, { "the first has ended": (counts) => counts.paths["/delay/100"] === 12 });
        } }),
        first: workflow({ vus: 4, iterations: 12, async run({ http }) { await http.get("${target.url}/delay/100"); } }),
      } });`, TWO_CORES);
    expect(ended.exitCode).toBe(0);
    expect(summaryOf(ended).checks).toMatchObject([{ passes: 2, fails: 0 }]);
  }, TIMEOUT_MS);

  test.concurrent("setup and teardown of a job run once each, around all workflows", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      import { defineJob, workflow } from "hyperscale";
      export default defineJob({
        name: "framed",
        async setup({ http }) { await http.get("${target.url}/seen?setup"); return { word: "given" }; },
        async teardown({ http }, data) { await http.get("${target.url}/seen?teardown-" + data.word); },
        workflows: { only: workflow({ vus: 3, iterations: 6, async run({ http }, data) { await http.get("${target.url}/seen?run-" + data.word); } }) },
      });`, TWO_CORES);
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ "/seen?setup": 1, "/seen?run-given": 6, "/seen?teardown-given": 1 });
  }, TIMEOUT_MS);
});

describe("data feeds over two cores", () => {
  const CSV = `name,city\n${Array.from({ length: 40 }, (_, row) => `user${row},"city, ${row}"`).join("\n")}\n`;
  const feed = (url: string, pick: string, iterations: number): string => `
    import { data } from "hyperscale";
    const users = data("./users.csv", { pick: "${pick}" });
    export const options = { vus: 8, iterations: ${iterations} };
    export default async ({ http }) => {
      const user = users.next();
      if (user.city !== "city, " + user.name.slice(4)) throw new Error("a torn row: " + JSON.stringify(user));
      await http.get("${url}/seen?" + user.name);
    };`;

  test.concurrent("unique: every row once, exactly", async () => {
    await using target = await startTarget();
    const ended = await submit(feed(target.url, "unique", 40), TWO_CORES, { files: { "users.csv": CSV } });
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual(Object.fromEntries(Array.from({ length: 40 }, (_, row) => [`/seen?user${row}`, 1])));
  }, TIMEOUT_MS);

  test.concurrent("unique: an iteration beyond the last row fails and says so, none gets a row twice", async () => {
    await using target = await startTarget();
    const ended = await submit(feed(target.url, "unique", 60), TWO_CORES, { files: { "users.csv": CSV } });
    const { total, paths } = await target.counts();
    expect(Object.values(paths).every((count) => count === 1)).toBe(true);
    expect(total).toBeLessThanOrEqual(40);
    expect(ended.output + ended.summaryText).toMatch(/users\.csv/);
  }, TIMEOUT_MS);

  test.concurrent("circular: in order and around, so that rows differ by one use at most", async () => {
    await using target = await startTarget();
    const ended = await submit(feed(target.url, "circular", 80), TWO_CORES, { files: { "users.csv": CSV } });
    expect(ended.exitCode).toBe(0);
    const { total, paths } = await target.counts();
    expect(total).toBe(80);
    expect(Object.keys(paths).length).toBeGreaterThanOrEqual(20);
  }, TIMEOUT_MS);

  test.concurrent("sequential: every VU walks the rows from the first", async () => {
    await using target = await startTarget();
    const source = feed(target.url, "sequential", 0).replace(/options = .*;/, `options = { scenarios: { one: { executor: "per-vu-iterations", vus: 4, iterations: 3 } } };`);
    const ended = await submit(source, TWO_CORES, { files: { "users.csv": CSV } });
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ "/seen?user0": 4, "/seen?user1": 4, "/seen?user2": 4 });
  }, TIMEOUT_MS);

  test.concurrent("random: rows of the file, and more than a few of them", async () => {
    await using target = await startTarget();
    const ended = await submit(feed(target.url, "random", 200), TWO_CORES, { files: { "users.csv": CSV } });
    expect(ended.exitCode).toBe(0);
    const { total, paths } = await target.counts();
    expect(total).toBe(200);
    // 200 draws of 40 rows miss any given row with probability 0.6 %: below 30 rows is not chance.
    expect(Object.keys(paths).length).toBeGreaterThan(30);
  }, TIMEOUT_MS);

  test.concurrent("JSON, JSON lines, arrays, and open() as text and bytes", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      import { data, open } from "hyperscale";
      const a = data("./a.json"), b = data("./b.jsonl"), c = data([{ n: 5 }, { n: 6 }]);
      const text = open("./body.txt"), bytes = open("./body.bin", "b");
      export const options = { vus: 1, iterations: 1 };
      export default async ({ http }) => {
        const seen = [a.next().n, a.length, b.next().n, b.length, c.next().n, c.length, text.trim(), bytes[1], bytes.length];
        await http.get("${target.url}/seen?" + seen.join("-"));
      };`, [], {
      files: { "a.json": `[{"n":1},{"n":2}]`, "b.jsonl": `{"n":3}\n{"n":4}\n{"n":5}\n`, "body.txt": "grüße\n", "body.bin": new Uint8Array([7, 255, 9]) },
    });
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ [`/seen?1-2-3-3-5-2-${encodeURIComponent("grüße")}-255-3`]: 1 });
  }, TIMEOUT_MS);
});

describe("how a run ends", () => {
  test.concurrent("thresholds that fail: exit 99, the run complete, the failed one marked", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      export const options = {
        vus: 2, iterations: 20,
        thresholds: { http_req_failed: ["rate<0.1"], http_req_duration: ["p(95)<10000"], "http_reqs{status:503}": ["count<5"] },
      };
      export default async ({ http, iteration }) => { await http.get("${target.url}/status/" + (iteration % 2 === 0 ? 503 : 200)); };`);
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(99);
    expect(summary.job.state).toBe("completed");
    expect(valueOf(summary, "iterations", "count")).toBe(20);
    expect(summary.metrics["http_req_failed"]?.thresholds).toMatchObject({ "rate<0.1": { ok: false } });
    expect(summary.metrics["http_req_duration"]?.thresholds).toMatchObject({ "p(95)<10000": { ok: true } });
    expect(summary.metrics["http_reqs{status:503}"]?.thresholds).toMatchObject({ "count<5": { ok: false } });
    expect(ended.stderr).toMatch(/http_req_failed/);
  }, TIMEOUT_MS);

  test.concurrent("a threshold over seconds fails only after that many bad ones", async () => {
    const file = (forSeconds: number): string => `
      import { Gauge, Rate } from "hyperscale";
      const good = new Rate("good");
      export const options = { vus: 1, duration: "4500ms", thresholds: { good: [{ threshold: "rate>0.5 for ${forSeconds}s", abortOnFail: true }] } };
      export default async ({ sleep }) => { good.add(false); await sleep(0.05); };`;
    const [two, thirty] = await Promise.all([submit(file(2)), submit(file(30))]);
    expect(two.exitCode).toBe(99);
    expect(summaryOf(two).job.durationMs).toBeLessThan(4_400);
    expect(thirty.exitCode).toBe(0);
  }, TIMEOUT_MS);

  test.concurrent("setup that throws: exit 107, nothing starts, no teardown", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      export const options = { vus: 1, iterations: 5 };
      export async function setup() { throw new Error("the database is empty"); }
      export default async ({ http }) => { await http.get("${target.url}/seen?run"); };
      export async function teardown({ http }) { await http.get("${target.url}/seen?teardown"); }`);
    expect(ended.exitCode).toBe(107);
    expect(ended.stderr).toContain("the database is empty");
    expect((await target.counts()).total).toBe(0);
  }, TIMEOUT_MS);

  test.concurrent("setup that takes too long: exit 100, nothing starts", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      export const options = { vus: 1, iterations: 5, setupTimeout: "500ms" };
      export async function setup({ sleep }) { await sleep(30); }
      export default async ({ http }) => { await http.get("${target.url}/seen?run"); };`);
    expect(ended.exitCode).toBe(100);
    expect(ended.stderr).toMatch(/setup/);
    expect(ended.durationMs).toBeLessThan(20_000);
    expect((await target.counts()).total).toBe(0);
  }, TIMEOUT_MS);

  test.concurrent("teardown that takes too long: exit 101, the numbers are there", async () => {
    const ended = await submit(`
      export const options = { vus: 1, iterations: 5, teardownTimeout: "500ms" };
      export default async () => {};
      export async function teardown({ sleep }) { await sleep(30); }`);
    expect(ended.exitCode).toBe(101);
    expect(ended.stderr).toMatch(/teardown/);
    expect(valueOf(summaryOf(ended), "iterations", "count")).toBe(5);
    expect(ended.durationMs).toBeLessThan(20_000);
  }, TIMEOUT_MS);

  test.concurrent("teardown runs after abort, after abortOnFail and after Ctrl+C", async () => {
    const file = (url: string, ending: string, options: string): string => `
      export const options = { vus: 2, duration: "30s", gracefulStop: "2s", ${options} };
      export async function setup() { return 1; }
      export default async ({ http, sleep, iteration, abort }) => { await http.get("${url}/seen?run"); await sleep(0.02); ${ending} };
      export async function teardown({ http }) { await http.get("${url}/seen?teardown"); }`;
    const endings = [
      { ending: `if (iteration === 5) abort("enough");`, options: "", exitCode: 108, isInterrupted: false },
      { ending: "", options: `thresholds: { http_reqs: [{ threshold: "count<10", abortOnFail: true }] }`, exitCode: 99, isInterrupted: false },
      { ending: "", options: "", exitCode: 105, isInterrupted: true },
    ];
    await Promise.all(endings.map(async ({ ending, options, exitCode, isInterrupted }) => {
      await using target = await startTarget();
      const signals = isInterrupted ? [{ signal: "SIGINT" as const, when: async () => (await target.counts()).total > 10 }] : [];
      const ended = await submit(file(target.url, ending, options), TWO_CORES, { signals });
      expect(ended.exitCode).toBe(exitCode);
      expect((await target.counts()).paths["/seen?teardown"]).toBe(1);
      expect(sentRequests(summaryOf(ended))).toBe((await target.counts()).total);
    }));
  }, TIMEOUT_MS);

  test.concurrent("a second Ctrl+C leaves at once", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      export const options = { vus: 2, duration: "60s", gracefulStop: "50s" };
      export default async ({ http }) => { await http.get("${target.url}/delay/40000"); };`, [], {
      signals: [
        { signal: "SIGINT", when: async () => (await target.counts()).total >= 2 },
        { signal: "SIGINT", when: async () => (await target.counts()).total >= 2 },
      ],
    });
    expect(ended.exitCode).toBe(105);
    expect(ended.durationMs).toBeLessThan(20_000);
  }, TIMEOUT_MS);

  test.concurrent("checks that fail do not fail the run", async () => {
    const ended = await submit(`
      export const options = { vus: 1, iterations: 4 };
      export default async ({ check, iteration }) => { check(iteration, { "even": (n) => n % 2 === 0 }); };`);
    expect(ended.exitCode).toBe(0);
    expect(summaryOf(ended).checks).toMatchObject([{ name: "even", passes: 2, fails: 2 }]);
    expect(valueOf(summaryOf(ended), "checks", "rate")).toBe(0.5);
    expect(ended.stdout).toContain("even");
  }, TIMEOUT_MS);
});
