// Bundles a workflow file with everything it imports (npm packages too) into one ESM text, `hyperscale` left open, so
// that a worker needs nothing installed. Errors name file, line and column.

import type { BunPlugin } from "bun";
import { existsSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { HyperscaleError, messageOf } from "../base/error.ts";

/** A test ready to be evaluated and submitted. */
export type BundledSource = {
  readonly code: string;
  /** File name, for people. */
  readonly entry: string;
  /** Directory that open() and data() paths are relative to. */
  readonly baseDir: string;
};

const KINDS: readonly string[] = [".ts", ".mts", ".tsx", ".js", ".mjs", ".jsx", ".cjs", ".cts"];

/**
 * Bundles the file at `path`. Throws HyperscaleError("load"): no such file, syntax errors, imports that do not
 * resolve.
 */
export async function bundleFile(path: string): Promise<BundledSource> {
  const full = resolve(path);
  if (!existsSync(full)) {
    const isHost = /^[\w.-]+:\d+(\/|$)|^\[[0-9a-f:]+\]|^localhost(\/|$)/i.test(path);
    throw new HyperscaleError("load", `${path}: no such file`, {
      hint: isHost
        ? `A URL begins with its scheme: http://${path}`
        : "Give the path of a workflow file (hyperscale init writes an example), or a URL",
    });
  }
  if (!statSync(full).isFile())
    throw new HyperscaleError("load", `${path}: not a file`, {
      hint: "Give the path of a workflow file, not of a folder",
    });
  if (!KINDS.includes(extname(full).toLowerCase())) {
    throw new HyperscaleError("load", `${path}: not a workflow file`, {
      hint: `A workflow is TypeScript or JavaScript: ${KINDS.join(", ")}`,
    });
  }
  return { code: await build(full, path, null), entry: basename(full), baseDir: dirname(full) };
}

/**
 * As bundleFile, of a text that is no file: imports and paths are relative to `directory`, `name` has the language's
 * ending.
 */
export async function bundleSource(text: string, name: string, directory: string): Promise<BundledSource> {
  return { code: await build(join(directory, name), name, text), entry: name, baseDir: directory };
}

async function build(full: string, path: string, text: string | null): Promise<string> {
  let result: Awaited<ReturnType<typeof Bun.build>>;
  try {
    result = await Bun.build({
      entrypoints: [full],
      target: "bun",
      format: "esm",
      external: ["hyperscale"],
      plugins: [REFUSE_URLS],
      throw: false,
      sourcemap: "inline",
      ...(text === null ? {} : { files: { [full]: text } }),
    });
  } catch (thrown) {
    throw new HyperscaleError("load", `${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
  const output = result.outputs.find((one) => one.kind === "entry-point");
  if (!result.success || output === undefined) {
    const lines = result.logs.filter((log) => log.level === "error").map((log) => describe(log, path));
    throw new HyperscaleError("load", lines.length > 0 ? lines.slice(0, 10).join("\n") : `${path}: cannot be bundled`);
  }
  refuseFiles(result.outputs.filter((one) => one !== output));
  return output.text();
}

/** What is no code is imported as the name of a copy, which no worker has: a test would take it for the content. */
function refuseFiles(outputs: readonly Bun.BuildArtifact[]): void {
  const names = outputs
    .filter(({ path, loader }) => loader === "file" || (loader === "html" && !path.includes("/chunk-")))
    .map(({ path, hash }) => path.replace(`-${hash}.`, "."));
  if (names.length === 0) return;
  throw new HyperscaleError("load", `${names.join(", ")} cannot be imported: it is neither code nor JSON`, {
    hint: 'Read it with open("./...") or data("./...") of "hyperscale"',
  });
}

/** Left to itself, the bundler leaves such an import open, and it fails where the test runs. */
const REFUSE_URLS: BunPlugin = {
  name: "urls",
  setup: (build) => {
    build.onResolve({ filter: /^https?:\/\// }, ({ path }) => {
      throw new Error(
        `Could not resolve: "${path}". URLs are not fetched: save the file beside the test, or npm install`,
      );
    });
  },
};

type BuildLog = {
  readonly message: string;
  readonly position: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly lineText: string;
  } | null;
};

function describe(log: BuildLog, path: string): string {
  const at = log.position;
  const message = log.message.replace(/ Maybe you need to "bun install"\?/, ` ${importHint(log.message)}`);
  if (at === null) return `${path}: ${message}`;
  const file = at.file === "" ? path : at.file;
  const where = at.line === 0 ? file : `${file}:${at.line}:${at.column}`;
  const source = at.lineText.trimEnd().slice(0, 200);
  if (source === "") return `${where}: ${message}`;
  return `${where}: ${message}\n    ${source}\n    ${" ".repeat(Math.max(at.column - 1, 0))}^`;
}

/** What to do about an import that does not resolve. */
function importHint(message: string): string {
  if (!/"k6(\/[^"]*)?"/.test(message)) return "Install it beside the file (npm install), or mend the path";
  return (
    "k6's modules are not here: http, check, group and sleep come with the VU, as in " +
    "export default async function ({ http, check, sleep }) { ... }, metrics, open() and data() (for SharedArray) " +
    'from "hyperscale"; http returns promises'
  );
}
