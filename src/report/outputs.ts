// The table of -o outputs: which kinds there are, and what `kind=path` on the command line means.

import { HyperscaleError } from "../base/error.ts";
import { csv } from "./csv.ts";
import { jsonLines } from "./json-lines.ts";
import { createOutput, type FileSink, type LineFormat, type Output } from "./output.ts";
import type { Tested } from "./points.ts";

export type OutputKind = "json" | "csv";
export type OutputSpec = { readonly kind: OutputKind; readonly path: string };

const FORMATS: Readonly<Record<OutputKind, (tested: Tested) => LineFormat>> = { json: jsonLines, csv };
const EXTENSIONS: readonly { readonly pattern: RegExp; readonly kind: OutputKind }[] = [
  { pattern: /\.(json|jsonl|ndjson)(\.gz)?$/i, kind: "json" },
  { pattern: /\.csv(\.gz)?$/i, kind: "csv" },
];

/** Names of the kinds, for help and completions. */
export const OUTPUT_KINDS: readonly OutputKind[] = ["json", "csv"];

/**
 * `json=results.json`, `csv=results.csv.gz`, or a bare path whose ending tells the kind.
 * Throws HyperscaleError("invalid") for an unknown kind, a missing path, or an ending that tells nothing.
 */
export function parseOutput(spec: string): OutputSpec {
  const match = /^([A-Za-z][A-Za-z0-9_-]*)=(.*)$/s.exec(spec);
  if (match === null) {
    const inferred = EXTENSIONS.find(({ pattern }) => pattern.test(spec));
    if (inferred !== undefined) return { kind: inferred.kind, path: spec };
    const isKind = OUTPUT_KINDS.some((kind) => kind === spec);
    throw unusable(spec, isKind ? "the file is missing" : "its ending tells no kind of output");
  }
  const [, name = "", path = ""] = match;
  const kind = OUTPUT_KINDS.find((known) => known === name.toLowerCase());
  if (kind === undefined) throw unusable(spec, `no output of kind ${JSON.stringify(name)}`);
  if (path === "") throw unusable(spec, "the file is missing");
  return { kind, path };
}

/** The output of a spec, writing into `sink`, which the caller opened at spec.path. */
export function openOutput(spec: OutputSpec, sink: FileSink, tested: Tested): Output {
  return createOutput({ path: spec.path, format: FORMATS[spec.kind](tested), sink });
}

function unusable(spec: string, problem: string): HyperscaleError {
  const hint = `use one of: ${OUTPUT_KINDS.map((kind) => `${kind}=FILE`).join(", ")}; FILE may end in .gz`;
  return new HyperscaleError("invalid", `${JSON.stringify(spec)}: ${problem}`, { hint });
}
