// The files a run writes: -o outputs, --summary-export, --html. Opened before the run starts so that a wrong path costs
// nothing; a file that fails later is said at the end and takes nothing from the others.

import { HyperscaleError } from "../base/error.ts";
import { openSink, requireWritable, resolvePath, writeText } from "../io/files.ts";
import type { SecondWindow } from "../load/result.ts";
import { htmlReport, Timeline } from "../report/html.ts";
import { openOutput, parseOutputs, type OutputSpec } from "../report/outputs.ts";
import type { Output } from "../report/output.ts";
import type { Summary } from "../report/summary-schema.ts";
import type { Setting, Settings } from "./settings.ts";
import { refuse } from "./values.ts";

export type Exports = {
  second(window: SecondWindow): void;
  /** Writes and closes everything. Out: what failed, one error a file. Never throws for a file. */
  finish(summary: Summary): Promise<readonly HyperscaleError[]>;
};

/**
 * Opens what the settings ask for. Throws `invalid` (two into one file, unknown kind) or `storage` (cannot be
 * written).
 */
export async function openExports(settings: Settings, directory: string): Promise<Exports> {
  const specs = outputSpecs(settings.all("out"));
  const summaryPath = settings.one("summary-export");
  const htmlPath = settings.one("html");
  refuseSameFile(
    [
      ...specs.map((spec, at) => ({ path: spec.path, setting: settings.all("out")[at] ?? null })),
      ...[summaryPath, htmlPath].map((setting) => ({ path: setting?.text ?? "", setting })),
    ],
    directory,
  );
  for (const setting of [summaryPath, htmlPath])
    if (setting !== null) await requireWritable(resolvePath(directory, setting.text));
  for (const { path } of specs) await requireWritable(resolvePath(directory, path));

  const outputs: Output[] = [];
  for (const spec of specs) {
    const output = openOutput(spec, await openSink(resolvePath(directory, spec.path)));
    await output.start();
    outputs.push(output);
  }
  const timeline = htmlPath === null ? null : new Timeline();
  return {
    second(window) {
      for (const output of outputs) output.second(window);
      timeline?.second(window);
    },
    async finish(summary) {
      const writes = [
        ...outputs.map((output) => () => output.finish(summary)),
        ...(summaryPath === null
          ? []
          : [() => writeText(resolvePath(directory, summaryPath.text), summaryJson(summary))]),
        ...(htmlPath === null || timeline === null
          ? []
          : [() => writeText(resolvePath(directory, htmlPath.text), htmlReport(summary, timeline))]),
      ];
      const failures: HyperscaleError[] = [];
      for (const write of writes) {
        try {
          await write();
        } catch (error) {
          if (!(error instanceof HyperscaleError)) throw error;
          failures.push(error);
        }
      }
      return failures;
    },
  };
}

/** The summary as `--summary-export` and `--json` have it. */
export function summaryJson(summary: Summary): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}

/** A wrong -o is a wrong value like any other, whichever source it came from. */
function outputSpecs(settings: readonly Setting[]): readonly OutputSpec[] {
  try {
    return parseOutputs(settings.map((setting) => setting.text));
  } catch (error) {
    if (!(error instanceof HyperscaleError)) throw error;
    throw new HyperscaleError("invalid", error.message, error.hint === undefined ? {} : { hint: error.hint });
  }
}

function refuseSameFile(
  files: readonly { readonly path: string; readonly setting: Setting | null }[],
  directory: string,
): void {
  const seen = new Set<string>();
  for (const { path, setting } of files) {
    if (setting === null || path.startsWith("/dev/")) continue;
    const full = resolvePath(directory, path);
    if (seen.has(full)) refuse(setting, "is written by another option already", "give each its own file");
    seen.add(full);
  }
}
