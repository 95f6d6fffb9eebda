// Goal: what `bun run stall` is told is what it does, and what it cannot understand it says. Method: command lines.

import { expect, test } from "bun:test";
import { createPrng } from "../../src/base/prng.ts";
import { drawMs, stallOptions } from "./stall.ts";

test("the command follows --, its own options are left alone, and one -- more before the options changes nothing", () => {
  const argv = ["--seed", "7", "--run", "50-300", "--freeze", "20-20", "--", "bun", "test", "--seed", "1"];
  const options = {
    seed: 7,
    run: { minMs: 50, maxMs: 300 },
    freeze: { minMs: 20, maxMs: 20 },
    command: ["bun", "test", "--seed", "1"],
  };
  expect(stallOptions(argv)).toEqual(options);
  expect(stallOptions(["--", ...argv])).toEqual(options);
});

test("what cannot be understood is said: no command, no span, no seed, no such option", () => {
  const command = ["--", "true"];
  expect(() => stallOptions([])).toThrow("no command");
  for (const text of ["50", "300-50", "0-5", "-1-5", "a-b"])
    expect(() => stallOptions([`--run=${text}`, ...command]), text).toThrow(`--run is MIN-MAX in ms, not "${text}"`);
  expect(() => stallOptions(["--seed", "x", ...command])).toThrow('--seed is a whole number, not "x"');
  expect(() => stallOptions(["--nope", ...command])).toThrow("--nope");
});

test("one seed stalls at the same times, within its span", () => {
  const draw = (): readonly number[] => {
    const prng = createPrng(3, "stall");
    return Array.from({ length: 100 }, () => drawMs(prng, { minMs: 20, maxMs: 200 }));
  };
  expect(draw()).toEqual(draw());
  expect(Math.min(...draw())).toBeGreaterThanOrEqual(20);
  expect(Math.max(...draw())).toBeLessThanOrEqual(200);
});
