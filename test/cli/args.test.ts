// Goal: argv is read strictly, in every spelling people use, and what is wrong is said with a way out.
// Method: tables of arguments against a small option table and the one of submit.

import { describe, expect, test } from "bun:test";
import { parseArgs } from "../../src/cli/args.ts";
import { COMMON_OPTIONS, type OptionTable } from "../../src/cli/command.ts";
import { options as submitOptions } from "../../src/cli/commands/submit.ts";
import { failureOf } from "./errors.ts";

const TABLE: OptionTable = { ...submitOptions, ...COMMON_OPTIONS };

function valuesOf(args: readonly string[], name: string): readonly string[] {
  return parseArgs(TABLE, args)
    .occurrences.filter((occurrence) => occurrence.name === name)
    .map((occurrence) => occurrence.value);
}

describe("spellings", () => {
  const cases: readonly (readonly [args: string, name: string, values: readonly string[]])[] = [
    ["t.ts -u 10", "vus", ["10"]],
    ["t.ts -u10", "vus", ["10"]],
    ["t.ts -u=10", "vus", ["10"]],
    ["t.ts --vus 10", "vus", ["10"]],
    ["t.ts --vus=10", "vus", ["10"]],
    ["t.ts --users 10", "vus", ["10"]],
    ["-n 200 t.ts", "iterations", ["200"]],
    ["t.ts -z 10s", "duration", ["10s"]],
    ["t.ts --run-time 10s", "duration", ["10s"]],
    ["t.ts --insecure", "insecure-skip-tls-verify", ["true"]],
    ["t.ts -k", "insecure-skip-tls-verify", ["true"]],
    ["t.ts -qk", "quiet", ["true"]],
    ["t.ts -qk", "insecure-skip-tls-verify", ["true"]],
    ["t.ts -qu5", "vus", ["5"]],
    ["t.ts --quiet=false", "quiet", ["false"]],
    ["t.ts -s 30s:10 -s 1m:0", "stage", ["30s:10", "1m:0"]],
    ["t.ts -e A=1 --env B=x=y", "env", ["A=1", "B=x=y"]],
    ["t.ts -b -5", "body", ["-5"]],
    ["t.ts -b -", "body", ["-"]],
    ["t.ts --body=-q", "body", ["-q"]],
    ["t.ts --no-thresholds", "no-thresholds", ["true"]],
  ];
  for (const [args, name, values] of cases) {
    test(`${args} gives ${name} ${JSON.stringify(values)}`, () => {
      expect(valuesOf(args.split(" "), name)).toEqual(values);
    });
  }

  test("a value may hold spaces, colons and equals signs", () => {
    expect(valuesOf(["t.ts", "-H", "Authorization: Bearer a=b"], "header")).toEqual(["Authorization: Bearer a=b"]);
  });

  test("an occurrence remembers how it was typed, for messages", () => {
    expect(parseArgs(TABLE, ["t.ts", "--users", "3"]).occurrences[0]).toEqual({
      name: "vus",
      typed: "--users",
      value: "3",
    });
  });

  test("after -- everything is an argument", () => {
    expect(parseArgs(TABLE, ["--", "-q"]).positionals).toEqual({ file: "-q" });
    expect(valuesOf(["--", "-q"], "quiet")).toEqual([]);
  });

  test("a lone - is an argument: standard input", () => {
    expect(parseArgs(TABLE, ["-"]).positionals).toEqual({ file: "-" });
  });
});

describe("what is wrong is a usage error with a way out", () => {
  const cases: readonly (readonly [args: string, message: RegExp, hint: RegExp | null])[] = [
    ["t.ts --vsu 3", /unknown option --vsu/, /did you mean --vus\?/],
    ["t.ts --dura 3s", /unknown option --dura/, /did you mean --duration\?/],
    ["t.ts --summary-exprot=x", /unknown option --summary-exprot/, /did you mean --summary-export\?/],
    ["t.ts -duration 5s", /unknown option -duration/, /did you mean --duration\?/],
    ["t.ts --xyzzy", /unknown option --xyzzy/, null],
    ["t.ts -j", /unknown option -j/, null],
    ["t.ts -qj", /unknown option -j/, null],
    ["t.ts -t 30s", /unknown option -t/, /--duration/],
    ["t.ts --timeout 5s", /unknown option --timeout/, /http\.get\(url, \{ timeout/],
    ["t.ts --connections 5", /unknown option --connections/, /--vus/],
    ["t.ts --vus", /option --vus needs a value/, /--vus=N/],
    ["t.ts -u -q", /option -u needs a value/, /-u=N/],
    ["t.ts --quiet=maybe", /--quiet takes no value but true or false/, null],
    ["t.ts other.ts", /unexpected argument "other.ts"/, null],
    ["t.ts -q 100", /unexpected argument "100"/, /--rate/],
    ["-q", /FILE\|URL is missing/, null],
  ];
  for (const [args, message, hint] of cases) {
    test(args, () => {
      const failure = failureOf(() => parseArgs(TABLE, args.split(" ")));
      expect(failure.code).toBe("usage");
      expect(failure.message).toMatch(message);
      if (hint === null) expect(failure.hint).toBeUndefined();
      else expect(failure.hint).toMatch(hint);
    });
  }
});

test("--help needs no file", () => {
  expect(parseArgs(TABLE, ["--help"]).occurrences[0]?.name).toBe("help");
});
