// Rounds of several tools made into one table: medians, ratios to hyperscale, promises kept or not, and the text of it.

import { cpus, release } from "node:os";
import type { Tool } from "./tools.ts";

/** One run of one tool: what it said, and what the kernel and the server said. */
export type Round = {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly cpuSeconds: number;
  readonly residentBytesMax: number;
  /** Requests the server saw in the run. */
  readonly served: number;
  /** Of the core from which the machine's host took most during the run: the share it took, 0 to 1. */
  readonly stolenShare: number;
};

export type Row = {
  readonly tool: Tool;
  readonly version: string;
  readonly command: string;
  readonly rounds: readonly Round[];
};

export type Promised = { readonly text: string; readonly value: number; readonly isKept: boolean };

/** Median of a number over the rounds. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

/** Nearest rank. `share`: 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

const rateOf = (row: Row): number => median(row.rounds.map((round) => round.perSecond));
/** Microseconds of CPU for each request the server saw. */
const cpuOf = (row: Row): number => median(row.rounds.map((round) => (round.cpuSeconds * 1e6) / round.served));

/** The table as markdown. Ratios are hyperscale over the tool: rate, higher is better; CPU, lower is better. */
export function table(rows: readonly Row[]): string {
  const own = rows.find((row) => row.tool.name === "hyperscale" && row.rounds.length > 0);
  const lines = [
    "| tool | requests/s | CPU µs/request | p50 ms | p99 ms | peak MB | rate ratio | CPU ratio | served - reported |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
  ];
  for (const row of rows) {
    if (row.rounds.length === 0) continue;
    const latency = (of: (round: Round) => number | null): string => {
      const values = row.rounds.map(of).filter((value) => value !== null);
      return values.length === 0 ? "" : median(values).toFixed(2);
    };
    const ratio = (of: (row: Row) => number): string =>
      own === undefined || own === row ? "" : (of(own) / of(row)).toFixed(2);
    const missed = row.rounds.map((round) => round.served - round.requests);
    lines.push(
      `| ${[
        row.tool.name,
        rateOf(row).toFixed(0),
        cpuOf(row).toFixed(1),
        latency((round) => round.p50),
        latency((round) => round.p99),
        (median(row.rounds.map((round) => round.residentBytesMax)) / 1e6).toFixed(0),
        ratio(rateOf),
        ratio(cpuOf),
        missed.join(", "),
      ].join(" | ")} |`,
    );
  }
  return lines.join("\n");
}

/** Every promise that can be judged from the rows. */
export function promises(rows: readonly Row[]): readonly Promised[] {
  const own = rows.find((row) => row.tool.name === "hyperscale" && row.rounds.length > 0);
  if (own === undefined) return [];
  const judged: Promised[] = [];
  for (const row of rows) {
    if (row.rounds.length === 0) continue;
    const { name, rateRatioMin, cpuRatioMax } = row.tool;
    if (rateRatioMin !== null) {
      const value = rateOf(own) / rateOf(row);
      judged.push({ text: `rate at least ${rateRatioMin} x ${name}`, value, isKept: value >= rateRatioMin });
    }
    if (cpuRatioMax !== null) {
      const value = cpuOf(own) / cpuOf(row);
      judged.push({
        text: `client CPU per request at most ${cpuRatioMax} x ${name}`,
        value,
        isKept: value <= cpuRatioMax,
      });
    }
  }
  const missed = own.rounds.reduce((sum, round) => sum + Math.abs(round.served - round.requests), 0);
  judged.push({ text: "http_reqs - unsent is the server's own count", value: missed, isKept: missed === 0 });
  return judged;
}

/** The promises as text, one a line. */
export function promisesText(judged: readonly Promised[]): string {
  return judged
    .map(({ text, value, isKept }) => `- ${isKept ? "kept  " : "BROKEN"} ${text}: ${Number(value.toFixed(2))}`)
    .join("\n");
}

/** What the numbers were measured on, one fact a line. */
export function machine(): string {
  const git = (...args: readonly string[]): string =>
    Bun.spawnSync(["git", ...args], { cwd: import.meta.dir })
      .stdout.toString()
      .trim();
  const isDirty = git("status", "--porcelain", "--", "../src") !== "";
  const now = new Date().toISOString().slice(0, 16).replace("T", " ");
  return [
    `- commit ${git("rev-parse", "--short=12", "HEAD")}${isDirty ? " with uncommitted changes" : ""}, ${now} UTC`,
    `- ${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores; Linux ${release()}; Bun ${Bun.version}`,
  ].join("\n");
}
