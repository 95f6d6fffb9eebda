// Goal: paths of response.json() reach what k6's would. Method: a table.

import { expect, test } from "bun:test";
import { valueAt } from "../../../src/engine/http/json-path.ts";

const DOCUMENT = {
  user: { name: "a", roles: ["x", "y"], "do.t": 1, none: null },
  list: [{ n: 1 }, { n: 2 }, { m: 3 }],
  odd: { "a*": 3 },
};

test("paths", () => {
  const cases: readonly (readonly [path: string, value: unknown])[] = [
    ["", DOCUMENT],
    ["user.name", "a"],
    ["user.roles.1", "y"],
    ["user.roles.#", 2],
    ["user.do\\.t", 1],
    ["user.none", null],
    ["list.#.n", [1, 2]],
    ["list.1.n", 2],
    ["user.missing", undefined],
    ["user.name.deeper", undefined],
    ["list.7", undefined],
    ["list.length", undefined],
    ["user.none.x", undefined],
    ["user.constructor", undefined],
    ["odd.a*", 3],
  ];
  for (const [path, value] of cases) expect([path, valueAt<unknown>(DOCUMENT, path)]).toEqual([path, value]);
});

test("what only gjson knows is refused, not taken for a value that is missing", () => {
  for (const path of ["list.#(n==2).n", "list.#(n==2)#", "user.na*", "user.n?me", "user|name", "@reverse"])
    expect(() => valueAt(DOCUMENT, path)).toThrow("is not known in a path");
});
