// Goal: flag > variable > config file, each value naming its source, and nothing unknown passes in silence.
// Method: the real option table of submit with made-up sources.

import { describe, expect, test } from "bun:test";
import { parseArgs } from "../../src/cli/args.ts";
import { COMMON_OPTIONS, type OptionTable } from "../../src/cli/command.ts";
import { options as submitOptions } from "../../src/cli/commands/submit.ts";
import { resolveSettings, unknownVariables, type Settings } from "../../src/cli/settings.ts";
import { recordOf } from "../../src/cli/values.ts";
import { failureOf } from "./errors.ts";

const TABLE: OptionTable = { ...submitOptions, ...COMMON_OPTIONS };

function settings(args: readonly string[], env: Readonly<Record<string, string>> = {}, config?: unknown): Settings {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  return resolveSettings({
    table: TABLE,
    args: parseArgs(TABLE, ["t.ts", ...args]),
    env,
    config: config === undefined ? null : { path: "load.json", text },
  });
}

describe("precedence", () => {
  test("a flag wins over a variable, a variable over the config file", () => {
    const env = { HYPERSCALE_VUS: "2" };
    const config = { vus: 3, duration: "3s" };
    expect(settings(["-u", "1"], env, config).one("vus")).toEqual({ text: "1", source: "-u" });
    expect(settings([], env, config).one("vus")).toEqual({ text: "2", source: "HYPERSCALE_VUS" });
    expect(settings([], {}, config).one("vus")).toEqual({ text: "3", source: "vus in load.json" });
    expect(settings([], env, config).one("duration")?.text).toBe("3s");
    expect(settings([]).one("vus")).toBeNull();
  });

  test("a nearer source replaces all values of a repeatable option, it does not add to them", () => {
    expect(
      settings(["-s", "1s:1"], { HYPERSCALE_STAGE: "2s:2" }, { stage: ["3s:3", "4s:4"] })
        .all("stage")
        .map((each) => each.text),
    ).toEqual(["1s:1"]);
  });

  test("of NAME=VALUE it replaces the values of its names, and those of other names stay", () => {
    const given = settings(
      ["-e", "A=flag"],
      { HYPERSCALE_ENV: '["A=variable","B=variable"]' },
      { env: { A: "file", B: "file", C: "file" } },
    );
    const env = recordOf(given.all("env"), "=");
    expect(env).toEqual({ A: "flag", B: "variable", C: "file" });
  });

  test("the last of repeated flags counts where one value is wanted", () => {
    expect(settings(["-u", "1", "-u", "2"]).one("vus")?.text).toBe("2");
  });

  test("--quiet=false overrules a variable that says true", () => {
    expect(settings([], { HYPERSCALE_QUIET: "1" }).is("quiet")).toBe(true);
    expect(settings(["--quiet=false"], { HYPERSCALE_QUIET: "1" }).is("quiet")).toBe(false);
  });

  test("an empty variable is as good as none", () => {
    expect(settings([], { HYPERSCALE_VUS: "" }).one("vus")).toBeNull();
  });
});

describe("several values", () => {
  test("stages may be given one by one, or with commas", () => {
    const expected = ["30s:10", "1m:0"];
    expect(
      settings(["-s", "30s:10", "-s", "1m:0"])
        .all("stage")
        .map((each) => each.text),
    ).toEqual(expected);
    expect(
      settings(["-s", "30s:10,1m:0"])
        .all("stage")
        .map((each) => each.text),
    ).toEqual(expected);
    expect(
      settings([], { HYPERSCALE_STAGE: "30s:10, 1m:0" })
        .all("stage")
        .map((each) => each.text),
    ).toEqual(expected);
    expect(
      settings([], {}, { stage: expected })
        .all("stage")
        .map((each) => each.text),
    ).toEqual(expected);
  });

  test("a variable takes several as a JSON array, and a header keeps its commas", () => {
    expect(
      settings([], { HYPERSCALE_HEADER: '["a: 1","b: 2"]' })
        .all("header")
        .map((each) => each.text),
    ).toEqual(["a: 1", "b: 2"]);
    expect(
      settings([], { HYPERSCALE_HEADER: "accept: a, b" })
        .all("header")
        .map((each) => each.text),
    ).toEqual(["accept: a, b"]);
  });

  test("a config file writes pairs as an object, several thresholds of a metric as a list", () => {
    const config = { env: { A: "1", B: 2 }, threshold: { http_req_duration: ["p(95)<500", "max<2000"] } };
    expect(
      settings([], {}, config)
        .all("env")
        .map((each) => each.text),
    ).toEqual(["A=1", "B=2"]);
    expect(
      settings([], {}, config)
        .all("threshold")
        .map((each) => each.text),
    ).toEqual(["http_req_duration:p(95)<500", "http_req_duration:max<2000"]);
  });

  test("config keys are names in camelCase or as on the command line", () => {
    expect(settings([], {}, { summaryExport: "a.json" }).one("summary-export")?.text).toBe("a.json");
    expect(settings([], {}, { "summary-export": "a.json" }).one("summary-export")?.text).toBe("a.json");
  });
});

test("a config file may hold options of other commands, as variables may; what is none of any is refused", () => {
  const read = (config: unknown): Settings =>
    resolveSettings({
      table: { vus: { type: "string", description: "" } },
      args: { occurrences: [], positionals: {} },
      env: {},
      config: { path: "load.json", text: JSON.stringify(config) },
      tables: [TABLE],
    });
  expect(read({ vus: 3, summaryExport: "out.json" }).one("vus")?.text).toBe("3");
  expect(read({ "summary-export": "out.json" }).one("summary-export")).toBeNull();
  for (const key of ["summaryExpert", "help", "config", "file"])
    expect(failureOf(() => read({ [key]: "x" })).message).toBe(`${key} in load.json is no option`);
});

describe("bad sources are invalid and named", () => {
  const cases: readonly (readonly [name: string, run: () => unknown, message: RegExp, hint?: RegExp])[] = [
    ["a config file that is no JSON", () => settings([], {}, "{vus: 1"), /load\.json is not JSON/],
    ["a config file that is no object", () => settings([], {}, [1]), /load\.json must hold a JSON object/],
    ["an unknown key", () => settings([], {}, { vuss: 1 }), /vuss in load\.json is no option/, /did you mean vus\?/],
    ["an object where one value belongs", () => settings([], {}, { vus: {} }), /vus in load\.json cannot be \{\}/],
    [
      "a string where a boolean belongs",
      () => settings([], {}, { quiet: "yes" }),
      /quiet in load\.json must be true or false/,
    ],
    [
      "a variable that is no boolean",
      () => settings([], { HYPERSCALE_QUIET: "perhaps" }),
      /HYPERSCALE_QUIET must be true or false/,
    ],
    ["a variable that is broken JSON", () => settings([], { HYPERSCALE_ENV: '["A=1"' }), /HYPERSCALE_ENV is not JSON/],
  ];
  for (const [name, run, message, hint] of cases) {
    test(name, () => {
      const failure = failureOf(run);
      expect(failure.code).toBe("invalid");
      expect(failure.message).toMatch(message);
      if (hint !== undefined) expect(failure.hint).toMatch(hint);
    });
  }
});

test("variables that look like options and are none are told, with the nearest", () => {
  const env = { HYPERSCALE_VUSS: "1", HYPERSCALE_VUS: "1", HYPERSCALE_FROB: "1", HOME: "/" };
  expect(unknownVariables([TABLE], env)).toEqual([
    "the variable HYPERSCALE_FROB is no option",
    "the variable HYPERSCALE_VUSS is no option: did you mean HYPERSCALE_VUS?",
  ]);
});
