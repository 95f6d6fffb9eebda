// The module "hyperscale" as the user's code imports it in an engine thread: metrics, open(), data(), defineJob,
// workflow. Types are in hyperscale.d.ts. What the file makes at its top is registered in a ModuleHost.

import { AsyncLocalStorage } from "node:async_hooks";
import { basename, extname, resolve } from "node:path";
import { readFileSync, statSync } from "node:fs";
import { parse as parseCsv } from "csv-parse/sync";
import { plugin } from "bun";
import { createPrng, nextBelow, type Prng } from "../base/prng.ts";
import { feedRow, type Stripe } from "../load/dealing.ts";
import { metricDefinition } from "../load/metrics.ts";
import { show } from "../load/options/problems.ts";
import type { FeedPlan } from "../load/plan.ts";
import type { Contains, MetricType } from "../load/series.ts";
import type { Feeds } from "../load/share.ts";
import type { FeedCursors } from "./feed-cursors.ts";

/** Bytes of all files a test may bring along. */
export const FILES_BYTES_MAX = 64 * 2 ** 20;
/** Of a user's value of a metric. 2 ** 53 such values, more than are ever counted, have a sum that is still finite. */
const VALUE_MAX = 1e290;

/** Adds to a metric of the user's own; set while a share runs. */
export type MetricSink = (
  name: string,
  type: MetricType,
  contains: Contains,
  value: number,
  tags: Readonly<Record<string, string>> | undefined,
) => void;

type PickKind = FeedPlan["pick"];

/** What one load of the user's file registers and uses. One per thread, because the module is. */
export class ModuleHost {
  readonly metrics = new Map<string, { readonly name: string; readonly type: MetricType; readonly isTime: boolean }>();
  readonly feeds: Feed[] = [];
  /** Files named by open() and data(), by the path as written. */
  readonly files: Record<string, Uint8Array>;
  /**
   * Directory that paths are relative to, when files are read from disk; null on a worker, which reads `files` alone.
   */
  readonly baseDir: string | null;
  sink: MetricSink | null = null;
  /** The VU whose iteration runs, for sequential feeds; only entered when there is one. */
  readonly currentVu = new AsyncLocalStorage<object>();
  #isLoading = true;
  #bytes = 0;

  constructor(baseDir: string | null, files: Readonly<Record<string, Uint8Array>>) {
    this.baseDir = baseDir;
    this.files = { ...files };
  }

  /** The top of the module has run: open(), data() and new metrics are refused from now on. */
  seal(): void {
    this.#isLoading = false;
  }

  /** True at the top of the module. */
  get isLoading(): boolean {
    return this.#isLoading;
  }

  /** Bytes of a file named by the test. */
  read(path: string, caller: string): Uint8Array {
    if (!this.#isLoading)
      throw new Error(`${caller}("${path}"): files are opened at the top of the module, not inside a function`);
    const known = this.files[path];
    if (known !== undefined) return known;
    if (this.baseDir === null)
      throw new Error(`${caller}("${path}"): this file was not named when the test was submitted`);
    const full = resolve(this.baseDir, path);
    const bytes = readBytes(full, path, caller, FILES_BYTES_MAX - this.#bytes);
    this.#bytes += bytes.length;
    this.files[path] = bytes;
    return bytes;
  }

  /** Lets every feed draw from the worker's cursors; `seed` makes the random ones of each share differ. */
  deal(cursors: FeedCursors, stripe: Stripe, seed: number): void {
    for (const feed of this.feeds) feed.deal(cursors, stripe, seed);
  }

  /** Rows drawn so far by this worker, by feed: for a cut. */
  drawn(cursors: FeedCursors): Feeds {
    const drawn: Record<string, number> = {};
    for (const { plan } of this.feeds)
      if (plan.pick === "unique" || plan.pick === "circular") drawn[String(plan.id)] = cursors.drawn(plan.id);
    return drawn;
  }
}

function readBytes(full: string, path: string, caller: string, bytesLeft: number): Uint8Array {
  try {
    const size = statSync(full).size;
    if (size > bytesLeft) {
      throw new Error(
        `${size} bytes are too many: the files of a test may have ${FILES_BYTES_MAX / 2 ** 20} MiB in all`,
      );
    }
    return readFileSync(full);
  } catch (thrown) {
    const why =
      thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT"
        ? "no such file"
        : thrown instanceof Error
          ? thrown.message
          : String(thrown);
    throw new Error(`${caller}("${path}"): ${why} (looked at ${full})`);
  }
}

/** Rows handed out as `pick` says. */
class Feed {
  readonly plan: FeedPlan;
  readonly #rows: readonly unknown[];
  readonly #host: ModuleHost;
  #prng: Prng;
  readonly #walks = new WeakMap<object, { at: number }>();
  #cursors: FeedCursors | null = null;
  #stripe: Stripe = { index: 0, of: 1 };

  constructor(host: ModuleHost, source: string, pick: PickKind, rows: readonly unknown[]) {
    this.plan = { id: host.feeds.length, source, pick, rows: rows.length };
    this.#rows = rows;
    this.#host = host;
    this.#prng = createPrng(host.feeds.length + 1, source);
  }

  get length(): number {
    return this.#rows.length;
  }

  deal(cursors: FeedCursors, stripe: Stripe, seed: number): void {
    this.#cursors = cursors;
    this.#stripe = stripe;
    this.#prng = createPrng(this.plan.id + 1, `${this.plan.source} ${stripe.index} ${seed}`);
  }

  next(): unknown {
    const cursors = this.#cursors;
    if (this.#host.isLoading || cursors === null) {
      throw new Error(
        `data("${this.plan.source}").next(): rows are for the functions of the test, not for the top of the module`,
      );
    }
    switch (this.plan.pick) {
      case "unique":
        return this.#unique(cursors);
      case "circular":
        return this.#rows[feedRow(this.plan, this.#stripe, cursors.draw(this.plan.id))];
      case "random":
        return this.#rows[nextBelow(this.#prng, this.#rows.length)];
      case "sequential":
        return this.#sequential();
    }
  }

  #unique(cursors: FeedCursors): unknown {
    const row = feedRow(this.plan, this.#stripe, cursors.draw(this.plan.id));
    if (row >= 0) return this.#rows[row];
    throw new Error(
      `data("${this.plan.source}"): all ${this.#rows.length} rows are used up, and pick is "unique". ` +
        'Bring more rows, run fewer iterations, or pick "circular"',
    );
  }

  #sequential(): unknown {
    const vu = this.#host.currentVu.getStore() ?? this.#host;
    let walk = this.#walks.get(vu);
    if (walk === undefined) this.#walks.set(vu, (walk = { at: 0 }));
    return this.#rows[walk.at++ % this.#rows.length];
  }
}

const PICKS: readonly PickKind[] = ["unique", "sequential", "random", "circular"];

function parseRows(bytes: Uint8Array, path: string): readonly unknown[] {
  const text = new TextDecoder("utf-8", { fatal: false, ignoreBOM: false }).decode(bytes);
  const kind = extname(path).toLowerCase();
  if (kind === ".csv") {
    refuseOtherSeparators(text);
    return parseCsv(text, { columns: true, bom: true, skip_empty_lines: true, trim: false });
  }
  if (kind === ".jsonl" || kind === ".ndjson") {
    return text
      .split("\n")
      .flatMap((line, at) => (line.trim() === "" ? [] : [parseJson(line, `line ${at + 1} of ${path}`)]));
  }
  if (kind === ".json") {
    const rows = parseJson(text, path);
    if (!Array.isArray(rows)) throw new Error("a .json file has to hold an array of rows");
    return rows;
  }
  throw new Error(`rows are read from .csv, .json and .jsonl files, not "${kind === "" ? basename(path) : kind}"`);
}

/** As spreadsheets write them in many countries: every row would be one column. A header in quotes is as it is. */
function refuseOtherSeparators(text: string): void {
  const [header = ""] = text.trimStart().split(/\r?\n/, 1);
  if (!/^[^",]*[;\t][^",]*$/.test(header)) return;
  const found = header.includes(";") ? "semicolons" : "tabs";
  throw new Error(`its columns are separated by ${found} (${show(header)}), and have to be by commas: save it so`);
}

/** `source`: what the text is, for the message. */
function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new Error(`${source} is not JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

/** Registers the virtual module "hyperscale" in this thread, over whatever host `current` gives at the time of use. */
export function installModule(current: () => ModuleHost): void {
  const metric = (type: MetricType) =>
    class {
      readonly name: string;
      readonly #contains: Contains;

      constructor(name: string, isTime = false) {
        const host = current();
        if (!host.isLoading)
          throw new Error(`new metric "${name}": metrics are made at the top of the module, not inside a function`);
        if (typeof name !== "string" || !/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name))
          throw new Error(`metric name ${show(name)}: letters, digits and _ are allowed, 128 at most`);
        if (metricDefinition(name) !== null)
          throw new Error(
            `metric name "${name}": every test has this metric, and measures it itself. Take another name`,
          );
        const known = host.metrics.get(name);
        if (known !== undefined && (known.type !== type || known.isTime !== isTime))
          throw new Error(`metric "${name}" is a ${known.type}${known.isTime ? " of times" : ""} already`);
        host.metrics.set(name, { name, type, isTime });
        this.name = name;
        this.#contains = isTime ? "time" : "default";
      }

      add(value: unknown, tags?: Readonly<Record<string, string>> | null): void {
        // Number() takes both for 0: a value that a response lacks would count.
        const number = value === null || value === "" ? Number.NaN : Number(value);
        if (!(Math.abs(number) <= VALUE_MAX))
          throw new TypeError(`${this.name}.add(${show(value)}): give a number of at most ${VALUE_MAX}, not NaN`);
        current().sink?.(this.name, type, this.#contains, number, tags ?? undefined);
      }
    };
  const exports = {
    Counter: metric("counter"),
    Gauge: metric("gauge"),
    Rate: metric("rate"),
    Trend: metric("trend"),
    open(path: string, mode?: string): string | Uint8Array {
      const bytes = current().read(String(path), "open");
      return mode === "b" ? bytes.slice() : new TextDecoder().decode(bytes);
    },
    data(source: unknown, options: { readonly pick?: PickKind } = {}): Feed {
      return makeFeed(current(), source, options.pick ?? "circular");
    },
    defineJob: (job: unknown): unknown => job,
    workflow: (workflow: unknown): unknown => workflow,
  };
  plugin({
    name: "hyperscale",
    setup: (build) => void build.module("hyperscale", () => ({ exports, loader: "object" })),
  });
}

function makeFeed(host: ModuleHost, source: unknown, pick: PickKind): Feed {
  if (!host.isLoading) throw new Error("data(): feeds are made at the top of the module, not inside a function");
  const name = typeof source === "string" ? source : `array ${host.feeds.length + 1}`;
  if (!PICKS.includes(pick)) throw new Error(`data("${name}"): pick "${String(pick)}" is none of ${PICKS.join(", ")}`);
  let rows: readonly unknown[];
  if (Array.isArray(source)) rows = source;
  else if (typeof source === "string") {
    try {
      rows = parseRows(host.read(source, "data"), source);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      throw new Error(message.startsWith("data(") ? message : `data("${source}"): ${message}`);
    }
  } else throw new Error("data(): give the path of a .csv, .json or .jsonl file, or an array");
  if (rows.length === 0) throw new Error(`data("${name}"): there are no rows`);
  const feed = new Feed(host, name, pick, rows);
  host.feeds.push(feed);
  return feed;
}
