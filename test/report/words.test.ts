// Goal: numbers read as k6 prints them, and foreign text cannot steer a terminal. Method: tables.

import { describe, expect, test } from "bun:test";
import type { Contains, MetricType } from "../../src/load/series.ts";
import {
  aggregateOf,
  compareKeys,
  formatCompact,
  formatCount,
  formatEstimate,
  formatRatio,
  formatShare,
  formatThresholdValue,
  oneLine,
  sectionOf,
  splitKey,
} from "../../src/report/words.ts";

describe("numbers", () => {
  test("a share is cut, not rounded: only all of them are 100.00%", () => {
    for (const [part, total, text] of [
      [99_999, 100_000, "99.99%"],
      [29, 100, "29.00%"],
      [7, 100, "7.00%"],
      [1, 1_000_000, "0.00%"],
      [5, 5, "100.00%"],
      [0, 0, "0.00%"],
    ] as const) {
      expect(formatShare(part, total)).toBe(text);
    }
    for (const [ratio, text] of [
      [0.29, "29.00%"],
      [0.07, "7.00%"],
      [0.99999, "99.99%"],
      [1, "100.00%"],
    ] as const)
      expect(formatRatio(ratio)).toBe(text);
  });

  test("a percentile of plain numbers has four digits, and all whole ones", () => {
    for (const [value, text] of [
      [8.996375, "8.996"],
      [123_456.7, "123457"],
      [0, "0"],
      [-3.14159, "-3.142"],
      [0.000123456, "0.0001235"],
    ] as const) {
      expect(formatEstimate(value)).toBe(text);
    }
  });

  test("large numbers are grouped, or short with a prefix", () => {
    for (const [value, text] of [
      [1_234_567, "1,234,567"],
      [999, "999"],
      [-1_234.5, "-1,234.5"],
      [0.1234567, "0.123457"],
    ] as const) {
      expect(formatCount(value)).toBe(text);
    }
    for (const [value, text] of [
      [0, "0"],
      [0.254, "0.25"],
      [12.34, "12.3"],
      [950, "950"],
      [1_234, "1.23k"],
      [3_400_000, "3.4M"],
    ] as const) {
      expect(formatCompact(value)).toBe(text);
    }
  });

  test("a threshold's value is in the unit of what the expression judges", () => {
    const metric = (type: MetricType, contains: Contains) => ({ type, contains });
    for (const [expression, value, of, text] of [
      ["p(95)<500", 148.214, metric("trend", "time"), "148.21ms"],
      ["rate<0.01", 0.005, metric("rate", "default"), "0.50%"],
      ["rate>10", 12.5, metric("counter", "default"), "12.5/s"],
      ["count < 1000", 1_200, metric("counter", "default"), "1200"],
      ["count<2000", 1_500, metric("counter", "data"), "1.5 kB"],
      ["value==1 for 5s", 3, metric("gauge", "default"), "3"],
    ] as const) {
      expect(formatThresholdValue(expression, value, of)).toBe(text);
    }
    expect(aggregateOf(" p(99.9) >= 3 for 10s")).toBe("p(99.9)");
  });
});

describe("names", () => {
  test("a metric comes before its own submetrics, and those before other metrics", () => {
    expect(["vus_max", "vus{a:1}", "vus", "checks"].sort(compareKeys)).toEqual([
      "checks",
      "vus",
      "vus{a:1}",
      "vus_max",
    ]);
    expect(splitKey("a{b:{c}}")).toEqual({ name: "a", tags: "b:{c}" });
  });

  test("every metric has its section, and checks have none", () => {
    expect(["checks", "http_reqs", "response_time", "data_sent", "my_http_req"].map(sectionOf)).toEqual([
      null,
      "HTTP",
      "EXECUTION",
      "NETWORK",
      "CUSTOM",
    ]);
  });

  test("control characters, escape sequences and reversed text are made visible on one line", () => {
    expect(oneLine("a\n  b\tc")).toBe("a b c");
    expect(oneLine("\u001b[31mred\u001b[0m \u202edesrever\u0007")).toBe("\ufffd[31mred\ufffd[0m \ufffddesrever\ufffd");
  });
});
