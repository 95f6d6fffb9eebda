// The files a run writes: -o outputs, --summary-export, --html. Opened before the run starts so that a wrong path costs
// nothing; a file that fails later is said at the end and takes nothing from the others.

import { HyperscaleError } from "../base/error.ts";
import { openSink, requireWritable, resolvePath, writeText, type Sink } from "../io/files.ts";
import type { SecondWindow } from "../load/result.ts";
import { htmlReport, Timeline } from "../report/html.ts";
import { openOutput, parseOutput, type OutputSpec } from "../report/outputs.ts";
import type { Output } from "../report/output.ts";
import type { Tested } from "../report/points.ts";
import type { Summary } from "../report/summary-schema.ts";
import type { Second } from "../report/told-seconds.ts";
import type { Setting, Settings } from "./settings.ts";
import { refuse } from "./values.ts";

export type Exports = {
  /** Out: outputs that have stopped since the last call; the run goes on without them. */
  second(window: SecondWindow): readonly HyperscaleError[];
  /** Whether seconds are written to outputs (-o). */
  readonly hasOutputs: boolean;
  /** What no second held, for outputs alone: a chart would show a peak that never was. */
  rest(second: Second): void;
  /** Writes and closes everything. Out: what failed, one error a file. Never throws for a file. */
  finish(summary: Summary): Promise<readonly HyperscaleError[]>;
  /** Closes what is open, for a run that has no end. Idempotent. */
  close(): Promise<void>;
};

/** Commands that print what a cluster kept have no outputs of seconds. */
const UNKNOWN: Tested = { thresholds: [], tags: {} };

/**
 * Opens what the settings ask for; `tested`: the test, where it is known. Throws `invalid` (two into
 * one file, unknown kind) or `storage` (cannot be written).
 */
export async function openExports(settings: Settings, directory: string, tested: Tested = UNKNOWN): Promise<Exports> {
  const outs = settings.all("out").map((setting) => ({ setting, spec: outputSpec(setting) }));
  const summarySetting = settings.one("summary-export");
  const htmlSetting = settings.one("html");
  const files = outs.map(({ setting, spec }) => ({ path: spec.path, setting }));
  for (const setting of [summarySetting, htmlSetting]) {
    if (setting !== null) files.push({ path: setting.text, setting });
  }
  for (const { path, setting } of files) {
    if (path === "") refuse(setting, "is no file");
    if (path === "-")
      refuse(setting, "would be a file named -", "--json prints the summary; /dev/stdout is a file, too");
  }
  refuseSameFile(files, directory);
  for (const { path } of files) await requireWritable(resolvePath(directory, path));
  const sinks: Sink[] = [];
  const outputs: Output[] = [];
  for (const { spec } of outs) {
    const sink = await openSink(resolvePath(directory, spec.path));
    sinks.push(sink);
    const output = openOutput(spec, sink, tested);
    await output.start();
    outputs.push(output);
  }
  const pathOf = (setting: Setting | null): string | null =>
    setting === null ? null : resolvePath(directory, setting.text);
  return new OpenExports({ sinks, outputs, summaryPath: pathOf(summarySetting), htmlPath: pathOf(htmlSetting) });
}

type Opened = {
  readonly sinks: readonly Sink[];
  readonly outputs: readonly Output[];
  readonly summaryPath: string | null;
  readonly htmlPath: string | null;
};

class OpenExports implements Exports {
  readonly #opened: Opened;
  readonly #timeline: Timeline | null;
  readonly #told = new Set<Output>();

  constructor(opened: Opened) {
    this.#opened = opened;
    this.#timeline = opened.htmlPath === null ? null : new Timeline();
  }

  second(window: SecondWindow): readonly HyperscaleError[] {
    const failures: HyperscaleError[] = [];
    this.#timeline?.second(window);
    for (const output of this.#opened.outputs) {
      output.second(window);
      const failure = output.failure();
      if (failure === null || this.#told.has(output)) continue;
      this.#told.add(output);
      failures.push(failure);
    }
    return failures;
  }

  get hasOutputs(): boolean {
    return this.#opened.outputs.length > 0;
  }

  rest(second: Second): void {
    for (const output of this.#opened.outputs) output.second(second);
  }

  async finish(summary: Summary): Promise<readonly HyperscaleError[]> {
    const { outputs, summaryPath, htmlPath } = this.#opened;
    const timeline = this.#timeline;
    const writes = outputs.map((output) => () => output.finish(summary));
    if (summaryPath !== null) writes.push(() => writeText(summaryPath, summaryJson(summary)));
    if (htmlPath !== null && timeline !== null) writes.push(() => writeText(htmlPath, htmlReport(summary, timeline)));
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
  }

  async close(): Promise<void> {
    for (const sink of this.#opened.sinks) await sink.close();
  }
}

/** The summary as `--summary-export` and `--json` have it. */
export function summaryJson(summary: Summary): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}

/** A wrong -o is named as it was written. */
function outputSpec({ text, source }: Setting): OutputSpec {
  try {
    return parseOutput(text);
  } catch (error) {
    if (!(error instanceof HyperscaleError)) throw error;
    throw new HyperscaleError(
      error.code,
      `${source}: ${error.message}`,
      error.hint === undefined ? {} : { hint: error.hint },
    );
  }
}

function refuseSameFile(
  files: readonly { readonly path: string; readonly setting: Setting }[],
  directory: string,
): void {
  const seen = new Set<string>();
  for (const { path, setting } of files) {
    if (path.startsWith("/dev/")) continue;
    const full = resolvePath(directory, path);
    if (seen.has(full)) refuse(setting, "is written by another option already", "give each its own file");
    seen.add(full);
  }
}
