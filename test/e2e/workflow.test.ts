// Goal: a workflow file means what the contract says, in both forms. Method: small files against the scripted target,
// whose counts and echoes are the witness; over two cores wherever rows, VUs or iterations are dealt.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startTarget } from "../target/start.ts";
import { removeDirs, submit, summaryOf } from "./run.ts";
import { sentRequests, valueOf } from "./summary.ts";

setDefaultTimeout(120_000);
afterAll(removeDirs);
const TWO_CORES = ["--cores", "2"];

describe("the simple form", () => {
  test.concurrent("fetch() and proxies of the environment are warned about, once", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      export const options = { vus: 4, iterations: 20 };
      export default async ({ http }) => {
        await fetch("${target.url}/fetched");
        await http.get("http://shop.test:${new URL(target.url).port}/");
        await http.get("${target.url}/");
      };
      options.hosts = { "shop.test": "127.0.0.1" };`,
      [],
      { env: { HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1" } },
    );
    expect(summaryOf(ended).metrics["http_reqs"]?.values).toMatchObject({ count: 40 });
    expect((await target.counts()).paths["/fetched"]).toBe(20);
    expect(ended.stderr.match(/fetch\(\) is in no metric/g)).toHaveLength(1);
    expect(ended.stderr.match(/HTTP_PROXY is set, and requests go to shop\.test itself/g)).toHaveLength(1);
    expect(ended.stderr).not.toContain("go to 127.0.0.1 itself");
  });

  test.concurrent("setup's value reaches every VU and teardown, each of which runs once", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      export const options = { vus: 6, iterations: 30 };
      export async function setup({ http }) {
        const res = await http.post("${target.url}/login", "{}");
        return { token: res.json().token };
      }
      export default async function ({ http, check }, data) {
        const res = await http.get("${target.url}/items", { headers: { authorization: data.token } });
        check(res, { "the token is accepted": (r) => r.status === 200 });
      }
      export async function teardown({ http }, data) {
        await http.get("${target.url}/seen/teardown?token=" + data.token);
      }`,
      TWO_CORES,
    );
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(0);
    expect(summary.checks).toMatchObject([{ name: "the token is accepted", passes: 30, fails: 0 }]);
    expect((await target.counts()).paths).toEqual({ "/login": 1, "/items": 30, "/seen/teardown?token=token-1": 1 });
    expect(sentRequests(summary)).toBe(32);
  });

  test.concurrent("scenarios with exec, startTime, env and tags; thresholds by tag", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      export const options = {
        scenarios: {
          quick: {
            executor: "shared-iterations", vus: 2, iterations: 10, exec: "browse",
            env: { WHERE: "first" }, tags: { kind: "read" },
          },
          later: {
            executor: "per-vu-iterations", vus: 2, iterations: 5, exec: "browse",
            env: { WHERE: "second" }, startTime: "500ms",
          },
        },
        thresholds: {
          "http_reqs{scenario:quick}": ["count==10"],
          "http_reqs{kind:read}": ["count==10"],
          "http_reqs{workflow:later}": ["count==10"],
        },
      };
      export async function browse({ http, env, workflow }) {
        await http.get("${target.url}/seen/" + workflow + "?" + env.WHERE);
      }`,
      TWO_CORES,
    );
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ "/seen/quick?first": 10, "/seen/later?second": 10 });
    expect(valueOf(summary, "http_reqs{kind:read}", "count")).toBe(10);
    expect(summary.job.durationMs).toBeGreaterThanOrEqual(500);
  });

  test.concurrent("VU ids are unique over the cores, state stays with its VU, iterations count from 0", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      export const options = { scenarios: { one: { executor: "per-vu-iterations", vus: 7, iterations: 3 } } };
      export default async ({ http, id, iteration, state }) => {
        state.trips = (state.trips ?? 0) + 1;
        await http.get("${target.url}/seen?" + [id, iteration, state.trips].join("-"));
      };`,
      TWO_CORES,
    );
    expect(ended.exitCode).toBe(0);
    const expected: Record<string, number> = {};
    for (let id = 1; id <= 7; id++)
      for (let iteration = 0; iteration < 3; iteration++) expected[`/seen?${id}-${iteration}-${iteration + 1}`] = 1;
    expect((await target.counts()).paths).toEqual(expected);
  });

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
    const [reset, kept] = await Promise.all([
      submit(file(""), TWO_CORES),
      submit(file("noCookiesReset: true"), TWO_CORES),
    ]);
    const fails = (checks: readonly { name: string; fails: number }[]): Record<string, number> =>
      Object.fromEntries(checks.map((check) => [check.name, check.fails]));
    expect(fails(summaryOf(kept).checks)).toEqual({
      "no cookie of another VU": 0,
      "kept within the iteration": 0,
      "kept over iterations": 0,
    });
    const resetFails = fails(summaryOf(reset).checks);
    expect(resetFails["no cookie of another VU"]).toBe(0);
    expect(resetFails["kept within the iteration"]).toBe(0);
    expect(resetFails["kept over iterations"]).toBeGreaterThan(0);
  });

  test.concurrent(
    "requests say what was asked: methods, headers, bodies, forms, files, auth, compression",
    async () => {
      await using target = await startTarget();
      const authUrl = target.url.replace("http://", "http://ada:lovelace@");
      const ended = await submit(`
      export const options = { vus: 1, iterations: 1 };
      export default async ({ http, check }) => {
        const post = async (body, params) => (await http.post("${target.url}/echo", body, params)).json();
        const put = (await http.put("${target.url}/echo", "text", { headers: { "x-a": "b" } })).json();
        const form = await post({ name: "ada l", n: 3 });
        const file = await post({ doc: http.file("inside", "a.txt", "text/plain") });
        const bytes = await post(new Uint8Array([0, 255, 1]));
        const packed = await post("z".repeat(500), { compression: "gzip" });
        const chunks = [0, 1, 2, 3, 4].map((n) => "chunk " + n + "\\n").join("");
        const head = await http.head("${target.url}/bytes/500");
        const basic = await http.get("${authUrl}/basic");
        const results = {
          "put": put.method === "PUT" && put.body === "text" && put.headers["x-a"] === "b",
          "form": form.body === "name=ada+l&n=3",
          "form's type": form.headers["content-type"] === "application/x-www-form-urlencoded",
          "file": file.body.includes('filename="a.txt"') && file.body.includes("inside"),
          "file's type": file.headers["content-type"].startsWith("multipart/form-data"),
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
          "chunked": (await http.get("${target.url}/chunked")).body === chunks,
          "no content": (await http.get("${target.url}/status/204")).status === 204,
          "a redirect not followed": (await http.get("${target.url}/redirect/1", { redirects: 0 })).status === 302,
        };
        for (const encoding of ["gzip", "deflate", "br", "zstd"]) {
          const res = await http.get("${target.url}/" + encoding);
          const isEncoded = res.headers["Content-Encoding"] === encoding;
          results[encoding] = isEncoded && res.json("text").startsWith("the same words");
        }
        for (const [name, ok] of Object.entries(results)) check(null, { [name]: () => ok });
      };`);
      const { checks } = summaryOf(ended);
      expect(checks.filter((check) => check.passes !== 1).map((check) => check.name)).toEqual([]);
      expect(checks.length).toBe(22);
    },
  );

  test.concurrent("custom metrics, groups and tags end in the summary, merged over the cores", async () => {
    const ended = await submit(
      `
      import { Counter, Gauge, Rate, Trend } from "hyperscale";
      const sold = new Counter("sold"), price = new Trend("price");
      const level = new Gauge("level"), lucky = new Rate("lucky");
      export const options = {
        scenarios: { one: { executor: "per-vu-iterations", vus: 4, iterations: 25 } },
        thresholds: {
          "sold{kind:odd}": ["count==150"], price: ["max==100", "p(50)>40"],
          lucky: ["rate==0.5"], "checks{group:::pay}": ["rate==1"],
        },
      };
      export default async ({ id, iteration, group, check }) => {
        const odd = iteration % 2 === 1;
        sold.add(odd ? 3 : 1, { kind: odd ? "odd" : "even" });
        price.add((id - 1) * 25 + iteration + 1);
        level.add(id);
        lucky.add(id % 2 === 0);
        await group("pay", async () => { check(1, { "paid": (one) => one === 1 }); });
      };`,
      TWO_CORES,
    );
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
  });

  test.concurrent("a value no sum could hold is an error of its iteration, and counts nothing", async () => {
    const ended = await submit(
      `
      import { Counter, Trend } from "hyperscale";
      const price = new Trend("price"), sold = new Counter("sold");
      const tried = [() => price.add(NaN), () => price.add(1e300), () => sold.add(-Infinity), () => sold.add(1e290),
        () => price.add(null), () => price.add("")];
      export const options = { vus: 1, iterations: 6 };
      export default ({ iteration }) => tried[iteration]();`,
    );
    const summary = summaryOf(ended);
    expect(ended.stderr).toContain("price.add(1e+300): give a number of at most 1e+290, not NaN");
    expect(ended.stderr).toContain("price.add(null): give a number");
    expect(summary.metrics["price"]).toBeUndefined();
    expect(valueOf(summary, "sold", "count")).toBe(1e290);
  });

  test.concurrent("-e, env of the file's options and TypeScript of every kind arrive", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      import type { Options, VU } from "hyperscale";
      interface Place { readonly path: string }
      const place: Place = { path: "/seen" } satisfies Place;
      export const options: Options = { vus: 1, iterations: 1 };
      export default async function ({ http, env }: VU): Promise<void> {
        const empty = env["EMPTY"] === "" ? "empty" : "?";
        await http.get(\`${target.url}\${place.path}?\${env["CITY"]}-\${empty}-\${env["EQ"]}\`);
      }`,
      ["-e", "CITY=paris", "-e", "EMPTY=", "-e", "EQ=a=b"],
    );
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ "/seen?paris-empty-a=b": 1 });
  });

  test.concurrent("an npm package and a local module are bundled", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      import { shout } from "tiny-words";
      import { path } from "./lib/paths.ts";
      export const options = { vus: 2, iterations: 2 };
      export default async ({ http }) => { await http.get("${target.url}" + path + "?" + shout("hello")); };`,
      TWO_CORES,
      {
        files: {
          "node_modules/tiny-words/package.json": JSON.stringify({
            name: "tiny-words",
            version: "1.0.0",
            main: "index.js",
          }),
          "node_modules/tiny-words/index.js": `exports.shout = (text) => text.toUpperCase();`,
          "lib/paths.ts": `export const path: string = "/seen";`,
        },
      },
    );
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ "/seen?HELLO": 2 });
  });
});

describe("the job form", () => {
  test.concurrent("workflows run in the order of after, and provide reaches the context of those after", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      import { defineJob, workflow } from "hyperscale";
      export default defineJob({
        name: "checkout",
        thresholds: { "http_req_duration{workflow:browse}": ["p(99)<5000"] },
        workflows: {
          login: workflow({ vus: 1, iterations: 1, async run({ http, provide }) {
            const headers = { "content-type": "application/json" };
            const res = await http.post("${target.url}/login", JSON.stringify({ user: "a" }), { headers });
            provide("token", res.json().token);
          } }),
          browse: workflow({
            after: ["login"],
            executor: "constant-arrival-rate", rate: 50, duration: "1s", preAllocatedVUs: 10, maxVUs: 20,
            // On a machine that stands still they come late, and all come.
            onLate: "queue",
            async run({ http, context, check }) {
              const headers = { authorization: String(context.token) };
              const res = await http.get("${target.url}/items?u=1", { headers });
              check(res, { "allowed": (r) => r.status === 200 });
            } }),
          aside: workflow({ vus: 1, iterations: 1, async run({ http, context }) {
            await http.get("${target.url}/seen/aside?" + typeof context.token);
          } }),
          pay: workflow({ after: ["browse", "aside"], vus: 2, iterations: 4,
            async run({ http, context }) { await http.get("${target.url}/seen/pay?" + context.token); } }),
        },
      });`,
      TWO_CORES,
    );
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(0);
    expect(summary.job.name).toBe("checkout");
    expect((await target.counts()).paths).toEqual({
      "/login": 1,
      "/items": 50,
      "/seen/aside?undefined": 1,
      "/seen/pay?token-1": 4,
    });
    expect(summary.checks).toMatchObject([{ name: "allowed", workflow: "browse", passes: 50, fails: 0 }]);
    expect(Object.keys(summary.workflows).sort()).toEqual(expect.arrayContaining(["aside", "browse", "login", "pay"]));
    expect(summary.workflows["pay"]?.metrics["http_reqs"]?.values["count"]).toBe(4);
    expect(summary.metrics["http_req_duration{workflow:browse}"]?.values["count"]).toBe(50);
  });

  test.concurrent("what comes after a workflow starts when that one has ended", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      import { defineJob, workflow } from "hyperscale";
      export default defineJob({ name: "order", workflows: {
        second: workflow({ after: ["first"], vus: 2, iterations: 2, async run({ http, check }) {
          const seen = (await http.get("${target.url}/__count")).json();
          check(seen, { "the first has ended": (counts) => counts.paths["/delay/100"] === 12 });
        } }),
        first: workflow({ vus: 4, iterations: 12, async run({ http }) { await http.get("${target.url}/delay/100"); } }),
      } });`,
      TWO_CORES,
    );
    expect(ended.exitCode).toBe(0);
    expect(summaryOf(ended).checks).toMatchObject([{ passes: 2, fails: 0 }]);
  });

  test.concurrent("setup and teardown of a job run once each, around all workflows", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      import { defineJob, workflow } from "hyperscale";
      export default defineJob({
        name: "framed",
        async setup({ http }) { await http.get("${target.url}/seen?setup"); return { word: "given" }; },
        async teardown({ http }, data) { await http.get("${target.url}/seen?teardown-" + data.word); },
        workflows: { only: workflow({ vus: 3, iterations: 6, async run({ http }, data) {
          await http.get("${target.url}/seen?run-" + data.word);
        } }) },
      });`,
      TWO_CORES,
    );
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({
      "/seen?setup": 1,
      "/seen?run-given": 6,
      "/seen?teardown-given": 1,
    });
  });
});
