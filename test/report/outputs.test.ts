// Goal: what -o writes can be read by k6's tools, adds up to the totals, and a disk that refuses never costs the run.
// Method: the lines of the shop job read back and summed; sinks that fail, block or are slow, by hand.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { HyperscaleError } from "../../src/base/error.ts";
import { CSV_COLUMNS } from "../../src/report/csv.ts";
import { createOutput, type FileSink, type LineFormat } from "../../src/report/output.ts";
import { openOutput, parseOutput } from "../../src/report/outputs.ts";
import type { Tested } from "../../src/report/points.ts";
import { buildSummary, NO_VUS, seeVus } from "../../src/report/summary.ts";
import type { SecondWindow } from "../../src/load/result.ts";
import { counter, rate, series, shopResult, shopWindows, STARTED_AT, trend } from "./fixture.ts";

const windows = shopWindows();
const shop = buildSummary(shopResult(windows), windows.reduce(seeVus, NO_VUS));

const lineSchema = z.discriminatedUnion("type", [
  z.strictObject({
    metric: z.string(),
    type: z.literal("Metric"),
    data: z.strictObject({
      name: z.string(),
      type: z.enum(["counter", "gauge", "rate", "trend"]),
      contains: z.enum(["default", "time", "data"]),
      thresholds: z.array(z.string()),
      submetrics: z.null(),
    }),
  }),
  z.strictObject({
    metric: z.string(),
    type: z.literal("Point"),
    data: z.object({
      time: z.iso.datetime(),
      value: z.number(),
      tags: z.record(z.string(), z.string()),
      count: z.number().optional(),
      p95: z.number().optional(),
      max: z.number().optional(),
    }),
  }),
]);
type Line = z.infer<typeof lineSchema>;

/** A sink that keeps everything; `chunks` as they were written. */
function memorySink(): FileSink & { readonly chunks: (string | Uint8Array)[]; isClosed: boolean } {
  return {
    chunks: [],
    isClosed: false,
    async write(chunk) {
      this.chunks.push(chunk);
    },
    async close() {
      this.isClosed = true;
    },
  };
}

/** A full disk: the first `room` writes go through. */
function fullSink(room: number): FileSink & { writes: number; isClosed: boolean } {
  return {
    writes: 0,
    isClosed: false,
    async write() {
      if (++this.writes > room)
        throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    },
    async close() {
      this.isClosed = true;
    },
  };
}

const UNKNOWN: Tested = { thresholds: [], tags: {} };

async function written(spec: string, seconds: readonly SecondWindow[] = windows): Promise<string> {
  const sink = memorySink();
  const output = openOutput(parseOutput(spec), sink, UNKNOWN);
  await output.start();
  for (const window of seconds) output.second(window);
  await output.finish(shop);
  expect(sink.isClosed).toBe(true);
  return sink.chunks.join("");
}

async function jsonLinesOf(seconds?: readonly SecondWindow[]): Promise<readonly Line[]> {
  const text = await written("json=out.json", seconds);
  expect(text.endsWith("\n")).toBe(true);
  return text
    .slice(0, -1)
    .split("\n")
    .map((line) => lineSchema.parse(JSON.parse(line)));
}

/** Rows of RFC 4180 text. */
function csvRows(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g)) {
    rows.at(-1)?.push(quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'));
    if (end === "\n") rows.push([]);
    if (end === "") break;
  }
  return rows.slice(0, -1);
}

function oneSecond(...seriesOfIt: SecondWindow["series"]): SecondWindow {
  return { second: 3, epochMs: STARTED_AT + 3_250, vus: 2, vusMax: 5, series: seriesOfIt };
}

async function rejection(promise: Promise<unknown>): Promise<HyperscaleError> {
  const outcome = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(outcome instanceof HyperscaleError)) throw new Error(`expected a HyperscaleError, got ${String(outcome)}`);
  return outcome;
}

describe("-o json", () => {
  test("declares each metric once, before its first point", async () => {
    const lines = await jsonLinesOf();
    const declared = new Set<string>();
    for (const { metric, type } of lines) {
      if (type === "Metric") {
        expect(declared.has(metric)).toBe(false);
        declared.add(metric);
      }
      expect(declared.has(metric)).toBe(true);
    }
    expect(declared).toContain("http_req_duration");
    expect(declared).toContain("basket_value");
  });

  test("a metric is declared with the thresholds on all of it, as k6 does", async () => {
    const sink = memorySink();
    const thresholds = [
      { metricKey: "http_req_duration", expression: "p(95)<500" },
      { metricKey: "http_req_duration", expression: "max<900 for 10s" },
      { metricKey: "http_req_duration{name:x}", expression: "avg<5" },
    ];
    const output = openOutput(parseOutput("json=out.json"), sink, { thresholds, tags: {} });
    await output.start();
    for (const window of windows) output.second(window);
    await output.finish(shop);
    const lines = sink.chunks.join("").split("\n");
    const declared = lines.find((line) => line.includes('"type":"Metric"') && line.includes('"http_req_duration"'));
    expect(declared).toContain('"thresholds":["p(95)<500","max<900 for 10s"]');
    expect(lines.find((line) => line.includes('"metric":"iterations","type":"Metric"'))).toContain('"thresholds":[]');
  });

  test("the numbers of VUs carry the test's tags, as all else does", async () => {
    for (const [spec, row] of [
      [
        "json=o",
        '"metric":"vus","type":"Point","data":{"time":"2023-11-14T22:13:20.000Z","value":3,"tags":{"run":"7"}}',
      ],
      ["csv=o", "vus_max,1700000000,4.000000,,,,,,,,,,,,,,,run=7,"],
    ] as const) {
      const sink = memorySink();
      const output = openOutput(parseOutput(spec), sink, { thresholds: [], tags: { run: "7" } });
      await output.start();
      output.second({ second: 0, epochMs: 1_700_000_000_000, vus: 3, vusMax: 4, series: [] });
      await output.finish(shop);
      expect(sink.chunks.join("")).toContain(row);
    }
  });

  test("sums over all points equal the summary's totals", async () => {
    const lines = await jsonLinesOf();
    const points = (metric: string) =>
      lines.flatMap((line) => (line.type === "Point" && line.metric === metric ? [line.data] : []));
    for (const name of ["http_reqs", "iterations", "data_sent", "data_received", "dropped_iterations"]) {
      const metric = shop.metrics[name];
      expect(points(name).reduce((sum, { value }) => sum + value, 0)).toBe(
        metric?.type === "counter" ? metric.values.count : NaN,
      );
    }
    const checks = shop.metrics["checks"];
    expect(Math.round(points("checks").reduce((sum, { value, count = 0 }) => sum + value * count, 0))).toBe(
      checks?.type === "rate" ? checks.values.passes : NaN,
    );
    const latency = shop.metrics["http_req_duration"];
    expect(points("http_req_duration").reduce((sum, { count = 0 }) => sum + count, 0)).toBe(
      latency?.type === "trend" ? latency.values.count : NaN,
    );
    expect(Math.max(...points("http_req_duration").map(({ max = 0 }) => max))).toBe(
      latency?.type === "trend" ? latency.values.max : NaN,
    );
    expect(points("vus")).toHaveLength(windows.length);
  });

  test("a point carries the second's start, the tags with k6's scenario, and the numbers of its type", async () => {
    const tags = { workflow: "browse", name: 'say "hi"' };
    const lines = await jsonLinesOf([
      oneSecond(
        series("http_reqs", tags, counter(7)),
        series("http_req_failed", tags, rate(1, 4)),
        series("http_req_duration", tags, trend([1, 2, 6])),
        series("queue", {}, { type: "gauge", value: 8, min: 1, max: 9, atMs: 1 }),
      ),
    ]);
    const time = new Date(STARTED_AT + 3_250).toISOString();
    const data = Object.fromEntries(
      lines.flatMap((line) => (line.type === "Point" ? [[line.metric, line.data] as const] : [])),
    );
    expect(data["vus"]).toEqual({ time, value: 2, tags: {} });
    expect(data["vus_max"]).toEqual({ time, value: 5, tags: {} });
    const said = { ...tags, scenario: "browse" };
    expect(data["http_reqs"]).toEqual({ time, value: 7, tags: said });
    expect(data["http_req_failed"]).toEqual({ time, value: 0.25, tags: said, count: 4 });
    expect(data["http_req_duration"]).toMatchObject({ time, value: 3, tags: said, count: 3, max: 6 });
    expect(data["queue"]).toEqual({ time, value: 8, tags: {} });
  });

  test("series in which nothing happened give no point, and a workflow's own vus none beside the job's", async () => {
    const lines = await jsonLinesOf([
      oneSecond(
        series("http_reqs", {}, counter(0)),
        series("checks", {}, rate(0, 0)),
        series("vus", { workflow: "a" }, { type: "gauge", value: 1, min: 1, max: 1, atMs: 1 }),
      ),
    ]);
    expect(lines.filter(({ type }) => type === "Point").map(({ metric }) => metric)).toEqual(["vus", "vus_max"]);
  });
});

describe("-o csv", () => {
  test("has k6's columns in k6's order, then count, min, max and p95", () => {
    expect(CSV_COLUMNS.join(",")).toBe(
      "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service," +
        "status,subproto,tls_version,url,extra_tags,metadata,count,min,max,p95",
    );
  });

  test("every row has every column, and counters add up to the totals", async () => {
    const [head, ...rows] = csvRows(await written("csv=out.csv"));
    expect(head).toEqual([...CSV_COLUMNS]);
    expect(rows.length).toBeGreaterThan(300);
    for (const row of rows) expect(row).toHaveLength(CSV_COLUMNS.length);
    const requests = shop.metrics["http_reqs"];
    const sum = rows.filter(([name]) => name === "http_reqs").reduce((total, row) => total + Number(row[2]), 0);
    expect(sum).toBe(requests?.type === "counter" ? requests.values.count : NaN);
  });

  test("tags go to their columns, others to extra_tags, and awkward values are quoted", async () => {
    const tags = { workflow: "browse", check: 'a, "b"\nc', status: "200", zone: "eu", build: "7" };
    const [, , , row] = csvRows(
      await written("csv=out.csv", [oneSecond(series("http_req_duration", tags, trend([2, 4])))]),
    );
    const field = (name: string): string | undefined => row?.[CSV_COLUMNS.indexOf(name)];
    expect(field("timestamp")).toBe(String(Math.floor((STARTED_AT + 3_250) / 1_000)));
    expect(field("metric_value")).toBe("3.000000");
    expect(field("check")).toBe(tags.check);
    expect(field("scenario")).toBe("browse");
    expect(field("extra_tags")).toBe("build=7&workflow=browse&zone=eu");
    expect([field("count"), field("min"), field("max")]).toEqual(["2", "2.000000", "4.000000"]);
  });
});

describe("a file", () => {
  test("is gzip when its name ends in .gz, and holds the same lines", async () => {
    const sink = memorySink();
    const output = openOutput(parseOutput("json=out.json.gz"), sink, UNKNOWN);
    await output.start();
    for (const window of windows) output.second(window);
    await output.finish(shop);
    const bytes = await new Blob(
      sink.chunks.map((chunk) => (typeof chunk === "string" ? chunk : new Uint8Array(chunk))),
    ).bytes();
    expect([bytes[0], bytes[1]]).toEqual([0x1f, 0x8b]);
    expect(new TextDecoder().decode(Bun.gunzipSync(bytes))).toBe(await written("json=out.json"));
    expect(sink.isClosed).toBe(true);
  });

  for (const path of ["full.csv", "full.csv.gz"]) {
    test(`on a full disk stops (${path}), spares the run, and says so at the end`, async () => {
      const sink = fullSink(0);
      const output = openOutput({ kind: "csv", path }, sink, UNKNOWN);
      await output.start();
      for (const window of windows) {
        output.second(window);
        await Promise.resolve();
      }
      const error = await rejection(output.finish(shop));
      expect(error.code).toBe("storage");
      expect(error.message).toContain(`cannot write "${path}": ENOSPC: no space left on device`);
      expect(output.failure()).toBe(error);
      expect(sink.isClosed).toBe(true);
    });
  }

  test("that fails half-way is left alone from then on", async () => {
    const sink = fullSink(3);
    const output = createOutput({ path: "x.csv", format: numbered, sink });
    await output.start();
    for (const window of windows) {
      output.second(window);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
    const error = await rejection(output.finish(shop));
    expect(sink.writes).toBe(4);
    expect(error.message).toContain("about second 3");
  });

  test("whose sink names it in its own error is not named twice", async () => {
    const own = new HyperscaleError("storage", "cannot write /x.csv: no space left on the disk");
    const output = createOutput({
      path: "/x.csv",
      format: numbered,
      sink: { write: () => Promise.reject(own), close: async () => {} },
    });
    await output.start();
    const error = await rejection(output.finish(shop));
    expect(error.message).toBe(
      "cannot write /x.csv: no space left on the disk; the file is incomplete from about second 0",
    );
    expect(error.cause).toBe(own);
  });

  test("that cannot be closed is an error too", async () => {
    const sink: FileSink = { write: async () => {}, close: () => Promise.reject(new Error("EIO: close")) };
    const output = createOutput({ path: "x.csv", format: numbered, sink });
    await output.start();
    expect((await rejection(output.finish(shop))).message).toContain("EIO: close");
  });

  test("[LD-35.1.2] that is slow gets what came meanwhile in one write, in order, and finish waits for it", async () => {
    const chunks: string[] = [];
    let release = (): void => {};
    let gate: Promise<void> | null = new Promise((resolve) => (release = resolve));
    const sink: FileSink = {
      async write(chunk) {
        chunks.push(String(chunk));
        await gate;
      },
      close: async () => {},
    };
    const output = createOutput({ path: "x.csv", format: numbered, sink });
    const started = output.start();
    for (const window of windows.slice(0, 4)) output.second(window);
    expect(chunks).toEqual(["head\n"]);
    gate = null;
    release();
    await started;
    await output.finish(shop);
    expect(chunks).toEqual(["head\n", "0\n1\n2\n3\n"]);
  });

  test("[LD-35.1.4] [LD-35.1.3] whose disk never answers does not make the program grow: the output stops at its limit", async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const sink: FileSink = { write: () => gate, close: async () => {} };
    const output = createOutput({
      path: "x.csv",
      format: { head: () => "", second: () => "0123456789" },
      sink,
      pendingMax: 35,
    });
    await output.start();
    for (const window of windows.slice(0, 3)) output.second(window);
    expect(output.failure()).toBeNull();
    output.second(windows[3] ?? oneSecond());
    expect(output.failure()?.message).toContain("too slow");
    release();
    expect((await rejection(output.finish(shop))).message).toContain("too slow");
  });
});

describe("-o specs", () => {
  test("kind=path, or a path whose ending tells the kind", () => {
    for (const [spec, kind, path] of [
      ["json=r.txt", "json", "r.txt"],
      ["CSV=r", "csv", "r"],
      ["r.json", "json", "r.json"],
      ["a/b.jsonl.gz", "json", "a/b.jsonl.gz"],
      ["r.csv.gz", "csv", "r.csv.gz"],
      ["json=a=b.json", "json", "a=b.json"],
      ["./a=b.csv", "csv", "./a=b.csv"],
    ] as const) {
      expect(parseOutput(spec)).toEqual({ kind, path });
    }
  });

  test("anything else is refused with a hint that lists the kinds", () => {
    for (const [spec, problem] of [
      ["influxdb=http://x", 'no output of kind "influxdb"'],
      ["json=", "the file is missing"],
      ["csv", "the file is missing"],
      ["results.txt", "tells no kind"],
      ["", "tells no kind"],
    ] as const) {
      const thrown = (() => {
        try {
          return parseOutput(spec);
        } catch (error) {
          return error;
        }
      })();
      expect(thrown).toBeInstanceOf(HyperscaleError);
      expect(thrown).toMatchObject({ code: "invalid", hint: "use one of: json=FILE, csv=FILE; FILE may end in .gz" });
      expect(String(thrown)).toContain(problem);
    }
  });
});

const numbered: LineFormat = { head: () => "head\n", second: ({ second }) => `${second}\n` };
