// Goal: of what a file exports nothing is lost unsaid on its way to the plan. Method: modules written as records.

import { expect, test } from "bun:test";
import { exportsOf, functionOf, shapeOf } from "../../src/engine/functions.ts";
import { ModuleHost } from "../../src/engine/module.ts";

const host = new ModuleHost(null, {});
const run = (): void => {};

function optionsOf(options: unknown): unknown {
  return shapeOf({ default: run, options }, host).options;
}

test("options that would be taken for none are refused by name", () => {
  expect(() => optionsOf(() => ({ vus: 3 }))).toThrow("options is a function: write the value itself");
  expect(() => optionsOf(Promise.resolve({ vus: 3 }))).toThrow("options is a promise (missing await?)");
  expect(() => optionsOf(new Map([["vus", 3]]))).toThrow("options is a Map");
  expect(() => optionsOf({ vus: () => 3 })).toThrow("options.vus is a function");
  expect(() => optionsOf({ scenarios: { a: { stages: [{ target: run }] } } })).toThrow(
    "options.scenarios.a.stages[0].target is a function",
  );
  expect(() => shapeOf({ default: { name: "j", workflows: { a: { run, vus: run } } } }, host)).toThrow(
    "job.workflows.a.vus is a function",
  );
});

test("what options say is kept, and a job's functions are left out", () => {
  expect(optionsOf({ vus: 3, tags: { a: "b" }, stages: [{ duration: "1s", target: 1 }], rate: undefined })).toEqual({
    vus: 3,
    tags: { a: "b" },
    stages: [{ duration: "1s", target: 1 }],
  });
  expect(optionsOf(undefined)).toBeNull();
  const job = { name: "j", setup: run, teardown: run, workflows: { "a.b": { run, vus: 2 } } };
  const shape = shapeOf({ default: job }, host);
  expect(shape.options).toEqual({ name: "j", workflows: { "a.b": { vus: 2 } } });
  expect([shape.hasSetup, shape.hasTeardown]).toEqual([true, true]);
});

test("the exports of a CommonJS file are what it assigns to module.exports", () => {
  const own = { options: { vus: 2 }, default: run, setup: run };
  expect(exportsOf({ default: own })).toBe(own);
  for (const other of [{ default: run }, { default: { workflows: {} } }, { default: own, options: {} }])
    expect(exportsOf(other)).toBe(other);
});

test("what should be a function and is none is refused, not left out", () => {
  expect(() => shapeOf({ default: run, setup: { token: 1 } }, host)).toThrow(
    'setup is {"token":1}: it must be a function',
  );
  const job = (more: object): object => ({ name: "j", workflows: { a: { run } }, ...more });
  expect(() => shapeOf({ default: job({ teardown: 5 }) }, host)).toThrow("job.teardown is 5: it must be a function");
  const generators = [function* () {}, async function* () {}];
  for (const one of generators) {
    expect(() => shapeOf({ default: one }, host)).toThrow("default is a generator (function*)");
    expect(() => shapeOf({ default: job({ setup: one }) }, host)).toThrow("job.setup is a generator");
    // What no workflow runs may be what it likes; what one names by exec may not.
    const module = { default: () => undefined, rows: one };
    expect(shapeOf(module, host).functions).toEqual(["default", "rows"]);
    expect(() => functionOf(module, "w", { kind: "export", name: "rows" })).toThrow("rows is a generator");
  }
  expect(() => shapeOf({ default: job({ workflows: { a: { vus: 1 } } }) }, host)).toThrow(
    'workflow "a" has no function: write async run(vu, data) { ... }',
  );
  expect(shapeOf({ default: job({ setup: undefined }) }, host).hasSetup).toBe(false);
});
