// Goal: option values are read as people write them; a wrong one is `invalid` and names its source.
// Method: tables.

import { describe, expect, test } from "bun:test";
import { bytesOf, countOf, durationOf, pairOf, rateOf, recordOf, stageOf, thresholdOf } from "../../src/cli/values.ts";
import type { Setting } from "../../src/cli/settings.ts";
import { failureOf } from "./errors.ts";

const of = (text: string): Setting => ({ text, source: "--flag" });

describe("readings", () => {
  const cases: readonly (readonly [name: string, read: () => unknown, value: unknown])[] = [
    ["a count", () => countOf(of("12"), 1), 12],
    ["a count in thousands", () => countOf(of("10k"), 1), 10_000],
    ["a count in millions", () => countOf(of("2M"), 1), 2_000_000],
    ["a duration", () => durationOf(of("1m30s")), 90_000],
    ["a rate a second", () => rateOf(of("100/s")), { rate: 100, timeUnitMs: 1_000 }],
    ["a bare rate", () => rateOf(of("100")), { rate: 100, timeUnitMs: 1_000 }],
    ["thousands a second", () => rateOf(of("1.5k/s")), { rate: 1_500, timeUnitMs: 1_000 }],
    ["a rate a minute", () => rateOf(of("90/m")), { rate: 90, timeUnitMs: 60_000 }],
    ["a rate per odd unit", () => rateOf(of("50/500ms")), { rate: 50, timeUnitMs: 500 }],
    ["a stage", () => stageOf(of("30s:10")), { durationMs: 30_000, target: 10 }],
    ["a jump", () => stageOf(of("0s:5")), { durationMs: 0, target: 5 }],
    ["a size", () => bytesOf(of("2GiB")), 2 ** 31],
    ["a pair with an equals sign in its value", () => pairOf(of("A=x=y"), "="), { name: "A", value: "x=y" }],
    ["an empty value", () => pairOf(of("A="), "="), { name: "A", value: "" }],
    ["a header", () => pairOf(of("Host:  a:80 "), ":"), { name: "Host", value: "a:80" }],
    ["a record, the last of a name", () => recordOf([of("A=1"), of("A=2"), of("B=3")], "="), { A: "2", B: "3" }],
    [
      "a threshold",
      () => thresholdOf(of("http_req_duration:p(95)<500")),
      { metric: "http_req_duration", expression: "p(95)<500" },
    ],
    [
      "a threshold with a tag filter",
      () => thresholdOf(of("http_reqs{status:200,a:b}: count>10 ")),
      { metric: "http_reqs{status:200,a:b}", expression: "count>10" },
    ],
  ];
  for (const [name, read, value] of cases) test(name, () => expect(read()).toEqual(value));
});

describe("refusals", () => {
  const cases: readonly (readonly [name: string, read: () => unknown])[] = [
    ["a word for a count", () => countOf(of("ten"), 1)],
    ["a fraction for a count", () => countOf(of("1.5"), 1)],
    ["a negative count", () => countOf(of("-1"), 0)],
    ["a count under the least", () => countOf(of("0"), 1)],
    ["a count beyond whole numbers", () => countOf(of("99999999999999999999"), 1)],
    ["a duration of nothing", () => durationOf(of("0s"))],
    ["a duration without sense", () => durationOf(of("10 parsecs"))],
    ["a rate of zero", () => rateOf(of("0/s"))],
    ["a rate of two units", () => rateOf(of("10/s/s"))],
    ["a rate without unit after the slash", () => rateOf(of("5/"))],
    ["a rate per parsec", () => rateOf(of("5/parsec"))],
    ["a stage without target", () => stageOf(of("30s"))],
    ["a stage with a fraction", () => stageOf(of("30s:1.5"))],
    ["a size in feet", () => bytesOf(of("3ft"))],
    ["a pair without separator", () => pairOf(of("A"), "=")],
    ["a pair without name", () => pairOf(of("=1"), "=")],
    ["a threshold without metric", () => thresholdOf(of("p(95)<500"))],
  ];
  for (const [name, read] of cases) {
    test(name, () => {
      const failure = failureOf(read);
      expect(failure.code).toBe("invalid");
      expect(failure.message).toStartWith("--flag: ");
    });
  }
});
