// Goal: what people bring from k6 or write by mistake does what they mean, or says what to write. Method: small files
// against the scripted target.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { startTarget } from "../target/start.ts";
import { removeDirs, submit, summaryOf } from "./run.ts";
import { valueOf } from "./summary.ts";

setDefaultTimeout(120_000);
afterAll(removeDirs);

test.concurrent("what a VU adds to a metric of the file has the VU's tags and its group then, as in k6", async () => {
  await using target = await startTarget();
  const ended = await submit(
    `
    import { Counter } from "hyperscale";
    const seen = new Counter("seen");
    export const options = { vus: 4, iterations: 8, thresholds: {
      "seen{group:::outer}": ["count==8"], "seen{group:::outer::inner}": ["count==8"],
      "seen{who:me}": ["count==8"], "seen{scenario:default}": ["count==24"],
    } };
    export default async ({ http, group, tags }) => {
      await group("outer", async () => {
        await http.get("${target.url}/seen");
        seen.add(1);
        await group("inner", async () => { await http.get("${target.url}/seen"); seen.add(1); });
      });
      tags.who = "me";
      await http.get("${target.url}/seen");
      seen.add(1);
      delete tags.who;
    };`,
    ["--cores", "1"],
  );
  const summary = summaryOf(ended);
  expect(ended.exitCode).toBe(0);
  const keys = ["seen{group:::outer}", "seen{group:::outer::inner}", "seen{who:me}", "seen"];
  expect(keys.map((key) => valueOf(summary, key, "count"))).toEqual([8, 8, 8, 24]);
});

test.concurrent("without a value of setup the second argument is undefined, so that its default holds", async () => {
  const ended = await submit(`
    export const options = { iterations: 1 };
    export function setup() {}
    export default (vu, { word } = { word: "default" }) => console.log("got " + word);
    export function teardown(vu, rest = "default too") { console.log("got " + rest); }`);
  expect(ended.exitCode).toBe(0);
  expect(ended.stderr).toMatch(/got default\n[^]*got default too/);
});

test.concurrent("a check of a promise, or by one, fails and says that an await is missing", async () => {
  await using target = await startTarget();
  const ended = await submit(`
    export const options = { iterations: 3 };
    export default async ({ http, check }) => {
      const response = http.get("${target.url}/seen");
      check(response, { "is 200": (r) => r.status === 200 });
      await response;
      check(await response, { later: async (r) => r.status === 200 });
    };`);
  expect(summaryOf(ended).checks).toMatchObject([
    { name: "is 200", passes: 0, fails: 3 },
    { name: "later", passes: 0, fails: 3 },
  ]);
  expect(ended.stderr).toContain("check() was given a promise: missing await?");
  expect(ended.stderr).toContain('check "later" fails: its function returns a promise');
});

test.concurrent("a variable of the shell that the file reads of __ENV and is not given is warned about", async () => {
  const file = `
    const url = __ENV.BASE_URL || "http://127.0.0.1:1/", other = __ENV.GIVEN || __ENV.NOWHERE;
    export const options = { iterations: 1 };
    export default () => console.log(url);`;
  const ended = await submit(file, ["-e", "GIVEN=1"], { env: { BASE_URL: "http://127.0.0.1:2/", GIVEN: "2" } });
  expect(ended.stderr.match(/does not see the variable .*/g)).toEqual([
    'does not see the variable BASE_URL of the shell: add -e BASE_URL="$BASE_URL"',
  ]);
});

test.concurrent("console lines that are left out are counted, though none follows them", async () => {
  const ended = await submit(`
    export const options = { iterations: 1 };
    export default () => { for (let at = 0; at < 1000; at++) console.log("line " + at); };`);
  const lines = ended.stderr.match(/line \d+/g)?.length ?? 0;
  expect(lines).toBeGreaterThan(100);
  const leftOut = [...ended.stderr.matchAll(/\((\d+) lines of console output were left out\)/g)];
  expect(leftOut.reduce((sum, [, count]) => sum + Number(count), lines)).toBe(1_000);
});

test.concurrent("a metric that is made twice is the same both times, or refused", async () => {
  const file = (second: string) =>
    submit(`import { Counter, Trend } from "hyperscale";\nconst one = new Trend("one"), two = ${second};
      export const options = { iterations: 1 };\nexport default () => { one.add(1); two.add(3); };`);
  const [same, times, counter] = await Promise.all(
    ['new Trend("one")', 'new Trend("one", true)', 'new Counter("one")'].map(file),
  );
  expect([same?.exitCode, times?.exitCode, counter?.exitCode]).toEqual([0, 107, 107]);
  expect(same?.summary?.metrics["one"]?.values).toMatchObject({ count: 2, max: 3 });
  expect(times?.stderr).toContain('metric "one" is a trend already');
  expect(counter?.stderr).toContain('metric "one" is a trend already');
});

test.concurrent("tags that are null are none", async () => {
  const ended = await submit(`
    import { Counter } from "hyperscale";
    const sold = new Counter("sold");
    export const options = { iterations: 1 };
    export default ({ check }) => {
      sold.add(2, null);
      check(1, { fine: () => true }, null);
    };`);
  expect(summaryOf(ended).metrics["sold"]?.values).toMatchObject({ count: 2 });
  expect(summaryOf(ended).checks).toMatchObject([{ name: "fine", passes: 1, fails: 0 }]);
});

test.concurrent("setup that throws is told with its place; a thrown object as it would be written", async () => {
  const [error, value] = await Promise.all([
    submit(`export default () => {};\nexport function setup() {\n  throw new TypeError("no db");\n}`),
    submit(`export default () => {};\nexport function setup() { throw { code: 5 }; }`),
  ]);
  expect([error.exitCode, value.exitCode]).toEqual([107, 107]);
  expect(error.stderr).toContain("setup threw: TypeError: no db (at setup (test.ts:3:");
  expect(value.stderr).toContain('setup threw: {"code":5}');
});

test.concurrent("an import that the module does not have is answered with what to write", async () => {
  const [ofVu, slip] = await Promise.all([
    submit(`import { sleep } from "hyperscale";\nexport default () => sleep(1);`),
    submit(`import { Countr } from "hyperscale";\nnew Countr("x");\nexport default () => {};`),
  ]);
  expect([ofVu.exitCode, slip.exitCode]).toEqual([107, 107]);
  expect(ofVu.stderr).toContain("sleep comes with the VU: export default async function ({ sleep }) { ... }");
  expect(slip.stderr).toContain("Did you mean Counter?");
});

test.concurrent("a key that no context could keep is refused by provide", async () => {
  const ended = await submit(`
    export const options = { iterations: 1 };
    export default ({ provide }) => {
      for (const key of ["", "__proto__"]) try { provide(key, 1); } catch (error) { console.log(error.message); }
    };`);
  expect(ended.stderr).toContain('provide(""): give another key');
  expect(ended.stderr).toContain('provide("__proto__"): give another key');
});

test.concurrent("whatever a test prints, standard output is the summary's alone", async () => {
  const ended = await submit(
    `
    console.table([{ top: 1 }]);
    export const options = { iterations: 1 };
    export default async () => {
      console.table([{ column: 1 }]);
      console.log(new RangeError("printed"));
      console.dir({ shown: 1 });
      console.group("a group");
      console.count("counted");
      console.time("timed");
      console.timeEnd("timed");
      console.assert(false, "because");
      console.write("written\\n");
      process.stdout.write("raw\\n");
    };`,
    ["--json", "-q", "--cores", "1"],
  );
  expect(JSON.parse(ended.stdout)).toEqual(JSON.parse(ended.summaryText));
  for (const text of ["│ top", "│ column", "{ shown: 1 }", "a group", "counted: 1", "written", "raw"])
    expect(ended.stderr).toContain(text);
  expect(ended.stderr).toMatch(/info {2}default: RangeError: printed\n +at .*test\.ts:\d+:\d+\)?\n(?! +at )/);
  expect(ended.stderr).toMatch(/info {2}default: timed: \d+\.\d{3} ms\n/);
  expect(ended.stderr).toContain("error default: assertion failed because\n");
});

test.concurrent(
  "a response is printed as what the manual says of it, and a group without a function is refused",
  async () => {
    await using target = await startTarget();
    const ended = await submit(`
    export const options = { iterations: 1 };
    export default async ({ http, group }) => {
      console.log(await http.get("${target.url}/seen"));
      await group("empty");
    };`);
    expect(ended.stderr).toMatch(/status: 200,\n +status_text: '200 OK'/);
    expect(ended.stderr).not.toContain("sendStartMs");
    expect(ended.stderr).toContain('group("empty"): its second argument must be a function, not undefined');
  },
);

test.concurrent("a metric without a name, or with the name of one that every test has, is refused", async () => {
  const [unnamed, known] = await Promise.all(
    ["", '"http_reqs"'].map((name) =>
      submit(`import { Counter } from "hyperscale";\nnew Counter(${name});\nexport default () => {};`),
    ),
  );
  expect([unnamed?.exitCode, known?.exitCode]).toEqual([107, 107]);
  expect(unnamed?.stderr).toContain("metric name undefined: letters, digits and _ are allowed");
  expect(known?.stderr).toContain('metric name "http_reqs": every test has this metric');
});

test.concurrent("groups side by side stay apart and end; tags set inside keep the group", async () => {
  await using target = await startTarget();
  const ended = await submit(
    `
    export const options = { vus: 1, iterations: 3, thresholds: {
      "group_duration{group:::left}": ["avg>=0"], "group_duration{group:::right}": ["avg>=0"],
      "http_reqs{group:}": ["count==6"], "http_reqs{group:::tagged,step:one}": ["count==3"], "http_reqs{step:one}": ["count==3"],
    } };
    export default async ({ http, group, tags, sleep }) => {
      await http.get("${target.url}/seen");
      await Promise.all([group("left", () => sleep("5ms")), group("right", () => sleep("20ms"))]);
      await http.get("${target.url}/seen");
      await group("tagged", async () => { tags.step = "one"; await http.get("${target.url}/seen"); });
      delete tags.step;
      void group("forgotten", () => new Promise(() => {}));
    };`,
    ["--cores", "1"],
  );
  const summary = summaryOf(ended);
  expect(ended.exitCode).toBe(0);
  const groups = ["group_duration{group:::left}", "group_duration{group:::right}"];
  expect(groups.map((key) => valueOf(summary, key, "count"))).toEqual([3, 3]);
  const requests = ["http_reqs{group:}", "http_reqs{group:::tagged,step:one}", "http_reqs{step:one}"];
  expect(requests.map((key) => valueOf(summary, key, "count"))).toEqual([6, 3, 3]);
});
