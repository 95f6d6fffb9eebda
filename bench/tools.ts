// The generators under comparison: how each is told to do the same work, where its own numbers stand, and what it must
// reach. One entry a tool; bench.ts runs whichever are installed.

import { existsSync } from "node:fs";
import { join } from "node:path";

/** What a tool says of its own run. Latencies in ms; null where it does not say. */
export type Reported = {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50: number | null;
  readonly p99: number | null;
};

export type Work = {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  readonly dir: string;
};

export type Tool = {
  readonly name: string;
  /** Path of its program, or null: left out of the table. */
  readonly path: string | null;
  /** Arguments that print its version; `version` reads it from the output. */
  readonly versionArgs: readonly string[];
  readonly args: (work: Work) => readonly string[];
  readonly report: (work: Work, stdout: string) => Promise<Reported>;
  /** hyperscale's rate over this tool's must be at least this: the promise of the README. */
  readonly rateRatioMin: number | null;
  /** hyperscale's CPU per request over this tool's may be at most this. */
  readonly cpuRatioMax: number | null;
};

const HERE = import.meta.dir;
const ROOT = join(HERE, "..");

/** All tools, hyperscale first. */
export function tools(): readonly Tool[] {
  return [hyperscale(), wrk(), oha(), hey(), autocannon(), k6(), locust()];
}

function installed(name: string): string | null {
  const own = join(HERE, ".peers/bin", name);
  return existsSync(own) ? own : Bun.which(name);
}

function hyperscale(): Tool {
  const path = join(ROOT, "dist/hyperscale");
  const file = (work: Work): string => join(work.dir, "hyperscale.json");
  return {
    name: "hyperscale",
    path: existsSync(path) ? path : null,
    versionArgs: ["--version"],
    args: (work) => [
      "submit",
      join(HERE, "work/one-get.ts"),
      "-u",
      String(work.connections),
      "-d",
      `${work.seconds}s`,
      "--cores",
      "1",
      "-e",
      `TARGET=${work.url}`,
      "-q",
      "--summary-export",
      file(work),
    ],
    report: async (work) => {
      const summary: unknown = await Bun.file(file(work)).json();
      const requests =
        numberAt(summary, "metrics", "http_reqs", "values", "count") - numberAt(summary, "accounting", "unsent");
      const passes = numberAt(summary, "metrics", "checks", "values", "passes");
      if (passes !== requests) throw new Error(`hyperscale: ${passes} checks passed of ${requests} requests`);
      return {
        requests,
        perSecond: numberAt(summary, "metrics", "http_reqs", "values", "rate"),
        p50: numberAt(summary, "metrics", "http_req_duration", "values", "med"),
        p99: numberAt(summary, "metrics", "http_req_duration", "values", "p(99)"),
      };
    },
    rateRatioMin: null,
    cpuRatioMax: null,
  };
}

function wrk(): Tool {
  return {
    name: "wrk",
    path: installed("wrk"),
    versionArgs: ["-v"],
    args: (work) => ["-t1", `-c${work.connections}`, `-d${work.seconds}s`, "--latency", work.url],
    report: async (_, stdout) => ({
      requests: numberIn(stdout, /(\d+) requests in/),
      perSecond: numberIn(stdout, /Requests\/sec:\s+([\d.]+)/),
      p50: millisecondsIn(stdout, /\s50%\s+([\d.]+)(us|ms|s)/),
      p99: millisecondsIn(stdout, /\s99%\s+([\d.]+)(us|ms|s)/),
    }),
    rateRatioMin: 0.7,
    cpuRatioMax: 1.5,
  };
}

function oha(): Tool {
  return {
    name: "oha",
    path: installed("oha"),
    versionArgs: ["--version"],
    args: (work) => [
      "-c",
      String(work.connections),
      "-z",
      `${work.seconds}s`,
      "--no-tui",
      "--output-format",
      "json",
      work.url,
    ],
    report: async (_, stdout) => {
      const document: unknown = JSON.parse(stdout);
      return {
        requests: numberAt(document, "statusCodeDistribution", "200"),
        perSecond: numberAt(document, "summary", "requestsPerSec"),
        p50: numberAt(document, "latencyPercentiles", "p50") * 1_000,
        p99: numberAt(document, "latencyPercentiles", "p99") * 1_000,
      };
    },
    rateRatioMin: null,
    cpuRatioMax: null,
  };
}

function hey(): Tool {
  return {
    name: "hey",
    path: installed("hey"),
    versionArgs: ["--version"],
    args: (work) => ["-cpus", "1", "-c", String(work.connections), "-z", `${work.seconds}s`, work.url],
    report: async (_, stdout) => ({
      requests: numberIn(stdout, /\[200\]\s+(\d+) responses/),
      perSecond: numberIn(stdout, /Requests\/sec:\s+([\d.]+)/),
      p50: millisecondsIn(stdout, /50%+ in ([\d.]+) (secs)/),
      p99: millisecondsIn(stdout, /99%+ in ([\d.]+) (secs)/),
    }),
    rateRatioMin: 2,
    cpuRatioMax: null,
  };
}

function autocannon(): Tool {
  return {
    name: "autocannon",
    path: installed("autocannon"),
    versionArgs: ["--version"],
    args: (work) => ["-c", String(work.connections), "-d", String(work.seconds), "--json", work.url],
    report: async (_, stdout) => {
      const document: unknown = JSON.parse(stdout);
      return {
        requests: numberAt(document, "requests", "total"),
        perSecond: numberAt(document, "requests", "average"),
        p50: numberAt(document, "latency", "p50"),
        p99: numberAt(document, "latency", "p99"),
      };
    },
    rateRatioMin: 1,
    cpuRatioMax: null,
  };
}

function k6(): Tool {
  const file = (work: Work): string => join(work.dir, "k6.json");
  return {
    name: "k6",
    path: installed("k6"),
    versionArgs: ["version"],
    args: (work) => [
      "run",
      "--quiet",
      "--no-usage-report",
      "--vus",
      String(work.connections),
      "--duration",
      `${work.seconds}s`,
      "--summary-trend-stats",
      "med,p(99)",
      "--summary-export",
      file(work),
      "-e",
      `TARGET=${work.url}`,
      join(HERE, "work/k6.js"),
    ],
    report: async (work) => {
      const summary: unknown = await Bun.file(file(work)).json();
      return {
        requests: numberAt(summary, "metrics", "http_reqs", "count"),
        perSecond: numberAt(summary, "metrics", "http_reqs", "rate"),
        p50: numberAt(summary, "metrics", "http_req_duration", "med"),
        p99: numberAt(summary, "metrics", "http_req_duration", "p(99)"),
      };
    },
    rateRatioMin: 5,
    cpuRatioMax: null,
  };
}

function locust(): Tool {
  return {
    name: "Locust FastHttpUser",
    path: installed("locust"),
    versionArgs: ["--version"],
    args: (work) => [
      "-f",
      join(HERE, "work/locustfile.py"),
      "--headless",
      "-u",
      String(work.connections),
      "-r",
      String(work.connections),
      "-t",
      `${work.seconds}s`,
      "--host",
      work.url.slice(0, -1),
      "--json",
      "--skip-log",
    ],
    report: async (_, stdout) => {
      const stats = elementsOf(JSON.parse(stdout))[0];
      const requests = numberAt(stats, "num_requests");
      const seconds = numberAt(stats, "last_request_timestamp") - numberAt(stats, "start_time");
      const times = memberOf(stats, "response_times");
      return {
        requests,
        perSecond: requests / seconds,
        p50: percentileOf(times, requests * 0.5),
        p99: percentileOf(times, requests * 0.99),
      };
    },
    rateRatioMin: 8,
    cpuRatioMax: null,
  };
}

/** The value below which `rank` samples lie, of counts by value ({"7": 120, "8": 3}). */
function percentileOf(counts: unknown, rank: number): number {
  const sorted = Object.entries(typeof counts === "object" && counts !== null ? counts : {})
    .map(([value, count]) => ({ value: Number(value), count: Number(count) }))
    .sort((left, right) => left.value - right.value);
  let sum = 0;
  for (const { value, count } of sorted) {
    sum += count;
    if (sum >= rank) return value;
  }
  return Number.NaN;
}

/** First thing in the output that looks like a version. */
export function versionOf(tool: Tool): string {
  if (tool.path === null) return "";
  const { stdout, stderr } = Bun.spawnSync([tool.path, ...tool.versionArgs]);
  const text = `${stdout.toString()}\n${stderr.toString()}`;
  // wrk says "wrk debian/4.1.0-3+b2", hey says nothing at all.
  return /(?:^|[\s/v])(\d+\.\d+\.\d+[\w.+-]*)/.exec(text)?.[1] ?? "";
}

function numberIn(text: string, pattern: RegExp): number {
  return finite(Number(pattern.exec(text)?.[1]), String(pattern));
}

function millisecondsIn(text: string, pattern: RegExp): number {
  const [, digits, unit] = pattern.exec(text) ?? [];
  const scale = unit === "us" ? 0.001 : unit === "ms" ? 1 : 1_000;
  return finite(Number(digits), String(pattern)) * scale;
}

function elementsOf(document: unknown): readonly unknown[] {
  return Array.isArray(document) ? document : [];
}

function memberOf(document: unknown, key: string): unknown {
  return typeof document === "object" && document !== null
    ? Object.entries(document).find(([name]) => name === key)?.[1]
    : undefined;
}

function numberAt(document: unknown, ...path: readonly string[]): number {
  const value = path.reduce(memberOf, document);
  return finite(Number(value ?? Number.NaN), path.join("."));
}

function finite(value: number, where: string): number {
  if (!Number.isFinite(value)) throw new Error(`no number at ${where}`);
  return value;
}
