// Goal: whatever user code throws is told in words, with its place, and telling it never throws. Method: odd values.

import { expect, test } from "bun:test";
import { HyperscaleError } from "../../src/base/error.ts";
import { thrownText, thrownTextAt, userFrames } from "../../src/engine/thrown.ts";

test("an Error is its name and message, a string itself, anything else as it would be written", () => {
  expect(thrownText(new TypeError("no db"))).toBe("TypeError: no db");
  expect(thrownText(new HyperscaleError("invalid", "said already"))).toBe("said already");
  expect(["text", 5, 5n, null, undefined, { code: 5, why: "odd" }, [1]].map(thrownText)).toEqual([
    "text",
    "5",
    "5n",
    "null",
    "undefined",
    '{"code":5,"why":"odd"}',
    "[1]",
  ]);
});

test("what cannot be shown is said to be that, and long messages are cut", () => {
  const hostile = new Error("x");
  Object.defineProperty(hostile, "message", {
    get: () => {
      throw new Error("again");
    },
  });
  const circular: { self?: unknown } = {};
  circular.self = circular;
  expect(thrownText(hostile)).toBe("something that cannot be shown");
  expect(thrownText(Symbol("s"))).toBe("Symbol(s)");
  expect(thrownText(Object.create(null))).toBe("{}");
  expect(thrownText(circular)).toBe("an object that holds itself");
  expect(thrownText(new Error("x".repeat(1_000_000))).length).toBeLessThan(2_100);
});

test("the place is the user's first frame, without the engine's own", () => {
  const error = new Error("boom");
  error.stack =
    "Error: boom\n    at setup (test.ts:2:9)\n    at run (node:async_hooks:144:29)\n" +
    "    at call (/$bunfs/root/entry.js:1:1)\n    at src/engine/loop.ts:1";
  expect(thrownTextAt(error)).toBe("Error: boom (at setup (test.ts:2:9))");
  expect(userFrames(error)).toBe("    at setup (test.ts:2:9)");
  expect(thrownTextAt("text")).toBe("text");
});

test("a name that is everywhere in k6 is told with where it is here", () => {
  const text = (name: string) => thrownText(new ReferenceError(`${name} is not defined`));
  expect(text("sleep")).toContain("it comes with the VU, as in async function ({ sleep }) { ... }");
  expect(text("open")).toContain('import { open } from "hyperscale"');
  expect([text("__VU"), text("__ITER")]).toEqual([
    expect.stringContaining("read id of the VU"),
    expect.stringContaining("read iteration of the VU"),
  ]);
  expect(text("nothing")).toBe("ReferenceError: nothing is not defined");
});

test("what k6's responses do with HTML is told to be absent", () => {
  for (const method of ["html", "submitForm", "clickLink"]) {
    const thrown = new TypeError(`r.${method} is not a function. (In 'r.${method}()', 'r.${method}' is undefined)`);
    expect(thrownText(thrown)).toContain(`a response has no ${method}() here, read its body with`);
  }
  expect(thrownText(new TypeError("r.other is not a function"))).toBe("TypeError: r.other is not a function");
});
