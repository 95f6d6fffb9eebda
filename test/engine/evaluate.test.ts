// Goal: what evaluate.ts tells people about imports is what the module "hyperscale" and its types really have. Method:
// the lists against the registered module and against the declarations that editors read.

import { expect, test } from "bun:test";
import { EXPORTS, OF_THE_VU } from "../../src/engine/evaluate.ts";
import { installModule, ModuleHost } from "../../src/engine/module.ts";

test("the exports named in hints are those of the module", async () => {
  installModule(() => new ModuleHost(null, {}));
  const module: object = await import("hyperscale");
  expect(Object.keys(module).sort()).toEqual([...EXPORTS].sort());
});

test("what is said to come with the VU is declared there", async () => {
  const declarations = await Bun.file(`${import.meta.dir}/../../src/engine/hyperscale.d.ts`).text();
  const vu = /export interface VU \{\n(.*?)\n\}/s.exec(declarations)?.[1] ?? "";
  const members = [...vu.matchAll(/^ {2}(?:readonly )?([a-z]+)[<(:]/gm)].map(([, name]) => name);
  expect(members.length).toBeGreaterThan(10);
  for (const name of OF_THE_VU) expect(members).toContain(name);
});
