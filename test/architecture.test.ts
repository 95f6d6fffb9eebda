// Goal: the layers of ARCHITECTURE.md hold: imports only go down, pure folders are pure, and only io/, engine/ and the
// entry points touch the runtime. Method: the import graph and the code of every file under src/, by rules stated as
// tables; each rule is also run on a planted violation, so that a checker that sees nothing fails.

import { describe, expect, test } from "bun:test";
import { posix } from "node:path";
import { codeOf, sourceFiles, type SourceFile } from "./source-files.ts";

/** Lower layers may not know higher ones. Folders of one layer are siblings. */
const LAYERS: readonly (readonly string[])[] = [
  ["base"],
  ["load", "ledger", "wal", "raft", "swim", "health"],
  ["wire", "io"],
  ["engine"],
  ["node"],
  ["sim", "chaos", "tui", "report"],
  ["cli"],
  ["main.ts"],
];
const PURE: readonly string[] = ["base", "load", "ledger", "wal", "raft", "swim", "health"];
/** Parts that may name the runtime (Bun, node:, process, timers, clocks). */
const RUNTIME: readonly string[] = ["io", "engine", "main.ts"];
/** The shared vocabularies, load/ and the ports of the world: siblings may name their types, not their code. */
const VOCABULARIES: readonly string[] = ["src/load/", "src/io/world.ts"];

/** A lazy one is a dynamic import: it loads when it is called. */
type Import = {
  readonly source: string;
  readonly target: string;
  readonly isType: boolean;
  readonly isLazy: boolean;
};

/** The part of src/ a path belongs to: its folder, or the file itself at the top. */
function partOf(path: string): string {
  return path.replace(/^src\//, "").split("/")[0] ?? "";
}

function layerOf(part: string): number {
  return LAYERS.findIndex((layer) => layer.includes(part));
}

/** Imports of files, static and dynamic, resolved to paths from the root; packages are left out. */
function importsOf(file: SourceFile): readonly Import[] {
  const found: Import[] = [];
  const statement = /^\s*(import|export)\s+(type\s+)?(?:([^"';]*?)\s+from\s+)?"([^"]+)"/gm;
  for (const [, , type, names = "", target = ""] of file.text.matchAll(statement)) {
    const listed = /^\{([^}]*)\}$/s.exec(names.trim())?.[1];
    const isType =
      type !== undefined ||
      (listed !== undefined &&
        listed.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type ")));
    if (target.startsWith("."))
      found.push({ source: file.path, target: posix.join(posix.dirname(file.path), target), isType, isLazy: false });
  }
  for (const [, target = ""] of file.text.matchAll(/\bimport\(\s*"(\.[^"]+)"\s*\)/g)) {
    found.push({
      source: file.path,
      target: posix.join(posix.dirname(file.path), target),
      isType: false,
      isLazy: true,
    });
  }
  return found;
}

function importViolations(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(importsOf).flatMap(({ source, target, isType }) => {
    if (!target.startsWith("src/"))
      return target === "package.json" && source === "src/main.ts" ? [] : [`${source} imports ${target}, outside src/`];
    const [from, to] = [partOf(source), partOf(target)];
    if (from === to) return [];
    if (layerOf(from) < 0 || layerOf(to) < 0)
      return [`${source} imports ${target}: ${layerOf(from) < 0 ? from : to} is in no layer`];
    if (layerOf(to) > layerOf(from)) return [`${source} imports ${target}: up, from ${from} to ${to}`];
    const isSibling = layerOf(to) === layerOf(from);
    if (!isSibling) return [];
    if (isType && VOCABULARIES.some((vocabulary) => target.startsWith(vocabulary))) return [];
    return [`${source} imports ${target}: ${from} and ${to} are siblings`];
  });
}

const IMPURE: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["a clock", /\bDate\b|\bperformance\b/],
  ["randomness", /\bMath\.random\b|\bcrypto\b/],
  ["the runtime", /\bBun\b|\bprocess\b|\bglobalThis\b/],
  ["timers", /\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
  ["async code", /\basync\b|\bawait\b|\bPromise\b/],
  ["logging", /\bconsole\b/],
  ["network", /\bfetch\b|\bWebSocket\b/],
];
const OF_RUNTIME: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["Bun", /\bBun\b/],
  ["process", /(?<![.\w])process\b(?!\s*[:?(])/],
  ["a clock", /\bDate\.now\b|\bnew Date\(\)|\bperformance\b/],
  ["timers", /\bset(?:Timeout|Interval|Immediate)\b/],
  ["randomness", /\bMath\.random\b/],
  ["console", /\bconsole\b/],
  ["network", /(?<![.\w#])fetch\(|\bnew WebSocket\b/],
];

function purityViolations(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter((file) => PURE.includes(partOf(file.path)))
    .flatMap((file) => {
      const code = codeOf(file.text);
      return [
        ...IMPURE.filter(([, pattern]) => pattern.test(code)).map(([what]) => `${file.path} uses ${what}`),
        ...(/from "(?:node:|bun)/.test(file.text) ? [`${file.path} imports the runtime`] : []),
      ];
    });
}

function runtimeViolations(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter((file) => !RUNTIME.includes(partOf(file.path)) && !PURE.includes(partOf(file.path)))
    .flatMap((file) => {
      const code = codeOf(file.text);
      return [
        ...OF_RUNTIME.filter(([, pattern]) => pattern.test(code)).map(([what]) => `${file.path} uses ${what}`),
        ...(/from "(?:node:|bun)/.test(file.text) ? [`${file.path} imports the runtime`] : []),
      ];
    });
}

/** The files that need themselves through others to be loaded: a way of imports of code from each back to itself. */
function circles(files: readonly SourceFile[]): readonly string[] {
  const needs = new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .filter(({ isType, isLazy }) => !isType && !isLazy)
        .map(({ target }) => target),
    ]),
  );
  const isReached = (from: string): boolean => {
    const seen = new Set<string>();
    const open = [...(needs.get(from) ?? [])];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (at === from) return true;
      if (seen.has(at)) continue;
      seen.add(at);
      open.push(...(needs.get(at) ?? []));
    }
    return false;
  };
  return [...needs.keys()].filter(isReached);
}

const SOURCES = sourceFiles("src").filter((file) => !file.path.endsWith(".d.ts"));

describe("the sources", () => {
  test("imports only go down the layers, and siblings meet only in the types of vocabularies", () => {
    expect(importViolations(SOURCES)).toEqual([]);
  });

  test("pure folders use no clock, randomness, timers, async, I/O or logging", () => {
    expect(purityViolations(SOURCES)).toEqual([]);
  });

  test("only io/, engine/ and main.ts touch the runtime", () => {
    expect(runtimeViolations(SOURCES)).toEqual([]);
  });

  test("only the entry points build the real world", () => {
    const builders = SOURCES.filter((file) =>
      importsOf(file).some(({ target, isType }) => !isType && target === "src/io/real-world.ts"),
    );
    expect(
      builders.map((file) => file.path).filter((path) => path !== "src/main.ts" && path !== "src/engine/entry.ts"),
    ).toEqual([]);
  });

  test("no file needs itself through others", () => {
    expect(circles(SOURCES)).toEqual([]);
  });

  test("the graph that is judged is not empty", () => {
    expect(SOURCES.length).toBeGreaterThan(30);
    expect(SOURCES.flatMap(importsOf).length).toBeGreaterThan(100);
  });
});

describe("the checkers see planted faults", () => {
  const file = (path: string, text: string): SourceFile => ({ path, text });
  const imports: readonly (readonly [name: string, planted: SourceFile, isFault: boolean])[] = [
    ["base imports load", file("src/base/a.ts", 'import { plan } from "../load/plan.ts";'), true],
    ["load imports io in a type", file("src/load/a.ts", 'import type { Clock } from "../io/world.ts";'), true],
    ["engine imports node dynamically", file("src/engine/a.ts", 'await import("../node/manager.ts");'), true],
    ["ledger imports code of load", file("src/ledger/a.ts", 'import { dealt } from "../load/dealing.ts";'), true],
    ["ledger re-exports code of load", file("src/ledger/a.ts", 'export { dealt } from "../load/dealing.ts";'), true],
    ["load imports types of ledger", file("src/load/a.ts", 'import type { Job } from "../ledger/job.ts";'), true],
    ["tui imports report", file("src/tui/a.ts", 'import { words } from "../report/words.ts";'), true],
    [
      "a mixed import of a type and code",
      file("src/ledger/a.ts", 'import {\n  type Plan,\n  dealt,\n} from "../load/dealing.ts";'),
      true,
    ],
    ["a folder in no layer", file("src/cli/a.ts", 'import { x } from "../magic/x.ts";'), true],
    ["src imports a test", file("src/cli/a.ts", 'import { x } from "../../test/x.ts";'), true],
    ["ledger imports types of load", file("src/ledger/a.ts", 'import type { Plan } from "../load/plan.ts";'), false],
    [
      "ledger imports listed types of load",
      file("src/ledger/a.ts", 'import { type Plan, type Stage } from "../load/plan.ts";'),
      false,
    ],
    [
      "cli imports everything",
      file("src/cli/a.ts", 'import { x } from "../tui/x.ts";\nimport { y } from "../base/y.ts";'),
      false,
    ],
  ];
  for (const [name, planted, isFault] of imports) {
    test(`${name}: ${isFault ? "refused" : "allowed"}`, () =>
      expect(importViolations([planted]).length > 0).toBe(isFault));
  }

  test("a circle of code over three files is seen, one closed by a type or by a dynamic import is none", () => {
    const closedBy = (closing: string): readonly string[] =>
      circles([
        file("src/load/a.ts", 'import { b } from "./b.ts";'),
        file("src/load/b.ts", 'import { c, type C } from "./c.ts";'),
        file("src/load/c.ts", closing),
        file("src/load/d.ts", 'import { a } from "./a.ts";'),
      ]);
    expect(closedBy('export { a } from "./a.ts";')).toEqual(["src/load/a.ts", "src/load/b.ts", "src/load/c.ts"]);
    expect(closedBy('import type { A } from "./a.ts";')).toEqual([]);
    expect(closedBy('const later = () => import("./a.ts");')).toEqual([]);
  });

  const impure: readonly string[] = [
    "const now = Date.now();",
    "const r = Math.random();",
    "setTimeout(f, 1);",
    "async function f() {}",
    "console.log(1);",
    "Bun.file(x);",
    'import { readFileSync } from "node:fs";',
    "const t = performance.now();",
    "new Promise(f);",
  ];
  for (const text of impure) {
    test(`in a pure folder: ${text}`, () => expect(purityViolations([file("src/load/a.ts", text)])).toHaveLength(1));
  }

  test("words in comments and strings are no code", () => {
    const text =
      '// Date.now() and await\n/* process */ const a = "Bun and setTimeout"; const b = `console`; const c = /Date/;';
    expect(purityViolations([file("src/load/a.ts", text)])).toEqual([]);
  });

  const runtime: readonly string[] = [
    "process.exit(1);",
    "Bun.write(a, b);",
    'import { join } from "node:path";',
    "console.log(1);",
    "setInterval(f, 1);",
    "const now = Date.now();",
  ];
  for (const text of runtime) {
    test(`above io/ and engine/: ${text}`, () => {
      expect(runtimeViolations([file("src/cli/a.ts", text)])).toHaveLength(1);
      expect(runtimeViolations([file("src/io/a.ts", text)])).toEqual([]);
    });
  }
});
