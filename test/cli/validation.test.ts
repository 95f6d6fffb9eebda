// Goal: `validate` prints the plan as people and programs need it, refuses what submit would refuse, and sends nothing.
// Method: real workflow files, whole outputs.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../../src/cli/program.ts";
import { createWorld } from "../../src/io/real-world.ts";
import { fakeTerminal } from "./fake-terminal.ts";

let folder = "";
const JOB = `
import { data, defineJob, workflow } from "hyperscale";
const users = data([{ name: "ada" }, { name: "bob" }], { pick: "unique" });
const run = async () => { users.next(); };
export default defineJob({
  name: "shop", setup() {}, thresholds: { http_req_duration: ["p(95)<500"] },
  workflows: {
    pay: workflow({ after: ["browse", "login"], executor: "constant-arrival-rate", rate: 20, duration: "10s", preAllocatedVUs: 5, gracefulStop: "0s", run }),
    login: workflow({ executor: "constant-vus", vus: 4, duration: "10s", gracefulStop: "0s", run }),
    browse: workflow({ executor: "ramping-vus", stages: [{ duration: "10s", target: 8 }], gracefulStop: "0s", run }),
  },
});`;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hyperscale-validate-"));
  await writeFile(join(folder, "shop.ts"), JOB);
  await writeFile(
    join(folder, "simple.ts"),
    "export const options = { vus: 1, iterations: 2 };\nexport default () => {};",
  );
  await writeFile(join(folder, "wrong.ts"), "export const options = { vuss: 1 };\nexport default () => {};");
  await writeFile(join(folder, "torn.ts"), "export default ( => {};");
  await writeFile(join(folder, "load.json"), JSON.stringify({ vus: 3, duration: "7s" }));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function validate(
  args: string,
  options: { readonly input?: string } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const directory = process.cwd();
  const terminal = fakeTerminal(
    [
      "validate",
      ...args.split(" ").map((arg) => (arg.endsWith(".ts") || arg.endsWith(".json") ? join(folder, arg) : arg)),
    ],
    { directory, ...options },
  );
  const code = await runProgram(terminal, "1.0.0", async () => createWorld());
  return { code, stdout: terminal.stdout(), stderr: terminal.stderr() };
}

test("a job is shown in the order it runs, with shares per core and the load over time", async () => {
  const { code, stdout } = await validate("shop.ts --cores 3");
  expect(code).toBe(0);
  expect(stdout).toStartWith(`job shop: valid

before all: setup
first:
  login: 4 looping VUs for 10s
    constant-vus, 3 shares of 1 to 2 VUs
  browse: Up to 8 looping VUs for 10s over 1 stage (gracefulRampDown: 30s)
    ramping-vus, 3 shares of 2 to 3 VUs
then:
  pay: 20.00 iterations/s for 10s (maxVUs: 5, after: browse, login)
    constant-arrival-rate, 3 shares of 1 to 2 VUs

thresholds:
  http_req_duration: p(95)<500
`);
  expect(stdout).toMatch(/: 2 rows, unique\n/);
  expect(stdout).toMatch(/virtual users:\n +1\d ┤/);
  expect(stdout).toMatch(/iterations started per second:\n +20 ┤/);
});

test("--json is the plan for programs", async () => {
  const plan: unknown = JSON.parse((await validate("shop.ts --json --cores 2")).stdout);
  expect(plan).toMatchObject({ version: 1, cores: 2, order: [["login", "browse"], ["pay"]], plan: { name: "shop" } });
});

test("options of the command line and of a config file are applied", async () => {
  expect((await validate("simple.ts -u 9 -d 5s")).stdout).toContain("9 looping VUs for 5s");
  expect((await validate("simple.ts -c load.json")).stdout).toContain("3 looping VUs for 7s");
  expect((await validate("simple.ts -c load.json -u 4")).stdout).toContain("4 looping VUs for 7s");
});

test("the config file of a submit can be validated", async () => {
  await writeFile(join(folder, "submit.json"), '{ "vus": 3, "duration": "7s", "summaryExport": "out.json" }');
  expect((await validate("simple.ts -c submit.json")).stdout).toContain("3 looping VUs for 7s");
});

test("a config file may begin with a byte order mark", async () => {
  await writeFile(join(folder, "marked.json"), '\uFEFF{ "vus": 3, "duration": "7s" }');
  expect((await validate("simple.ts -c marked.json")).stdout).toContain("3 looping VUs for 7s");
});

test("a URL and standard input can be validated too", async () => {
  expect((await validate("http://127.0.0.1:1/x")).stdout).toContain("200 iterations shared among 50 VUs");
  expect((await validate("http://127.0.0.1:1/x --rate 5/s")).stdout).toContain("5.00 iterations/s for 10s");
  expect(
    (await validate("-", { input: "export const options = { vus: 1, iterations: 6 };\nexport default () => {};" }))
      .stdout,
  ).toContain("job stdin: valid");
});

test("what cannot run is refused as submit refuses it", async () => {
  const wrong = await validate("wrong.ts");
  expect(wrong.code).toBe(104);
  expect(wrong.stderr).toContain('did you mean "vus"?');
  expect(wrong.stdout).toBe("");
  const torn = await validate("torn.ts");
  expect(torn.code).toBe(107);
  expect(torn.stderr).toMatch(/torn\.ts:1:\d+/);
  expect((await validate("missing.ts")).code).toBe(107);
  expect((await validate("simple.ts -c missing.json")).code).toBe(104);
  const unnamed = await validate("simple.ts -c=");
  expect([unnamed.code, unnamed.stderr]).toEqual([104, 'error: -c: "" is no file\n']);
  const both = await validate("http://127.0.0.1:1/ --rate 5 -s 1s:1");
  expect(both.stderr).toContain('error: -s, --rate: "rate" and "stages" do not go together');
});

test("a broken line of a .jsonl file is named by its number", async () => {
  await writeFile(join(folder, "rows.jsonl"), '{"a":1}\n\n{"a":\n');
  const source = 'import { data } from "hyperscale"; data("./rows.jsonl"); export default () => {};';
  await writeFile(join(folder, "rows.ts"), source);
  const { code, stderr } = await validate("rows.ts");
  expect(code).toBe(107);
  expect(stderr).toContain('data("./rows.jsonl"): line 3 of ./rows.jsonl is not JSON');
});
