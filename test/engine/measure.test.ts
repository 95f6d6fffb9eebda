// Goal: every exchange lands once, in the series of its tags, and cardinality stays bounded. Method: exchanges counted
// through Measure and read back as cuts.

import { describe, expect, test } from "bun:test";
import { Board } from "../../src/engine/board.ts";
import type { Exchange } from "../../src/engine/http/owner.ts";
import { Measure, OTHER_NAME, REQUEST_NAMES_MAX, TAG_SETS_MAX } from "../../src/engine/measure.ts";
import type { Series } from "../../src/load/series.ts";

const exchange: Exchange = {
  method: "GET",
  url: "http://h/",
  name: "http://h/",
  status: 200,
  errorCode: 0,
  error: "",
  isExpected: true,
  isSent: true,
  isInterrupted: false,
  bytesSent: 10,
  bytesReceived: 100,
  blockedMs: 0,
  connectingMs: 0,
  tlsMs: 0,
  sendingMs: 1,
  waitingMs: 2,
  receivingMs: 3,
  tags: null,
};

function make(): { measure: Measure; warnings: string[] } {
  const warnings: string[] = [];
  const measure = new Measure(
    new Board(),
    { workflow: "w" },
    { series: () => undefined, warning: (text) => void warnings.push(text) },
  );
  return { measure, warnings };
}

function sum(series: readonly Series[], metric: string): number {
  return series
    .filter((one) => one.id.metric === metric)
    .reduce((total, one) => total + (one.cells.type === "counter" ? one.cells.sum : 0), 0);
}

describe("measure", () => {
  test("exchanges of different answers are kept apart by their tags", () => {
    const { measure } = make();
    measure.exchange(measure.base, exchange);
    measure.exchange(measure.base, { ...exchange, status: 500, isExpected: false, errorCode: 1500 });
    measure.exchange(measure.base, { ...exchange, method: "POST" });
    measure.exchange(measure.base, { ...exchange, tags: { kind: "a" } });
    measure.exchange(measure.base, exchange);
    const requests = measure.cut("all").filter((one) => one.id.metric === "http_reqs");
    expect(requests.map((one) => one.id.tags)).toEqual([
      { workflow: "w", name: "http://h/", method: "GET", status: "200", expected_response: "true" },
      {
        workflow: "w",
        name: "http://h/",
        method: "GET",
        status: "500",
        expected_response: "false",
        error_code: "1500",
      },
      { workflow: "w", name: "http://h/", method: "POST", status: "200", expected_response: "true" },
      { workflow: "w", kind: "a", name: "http://h/", method: "GET", status: "200", expected_response: "true" },
    ]);
    expect(sum(measure.cut("all"), "http_reqs")).toBe(5);
  });

  test("[LD-34.3.3] http_req_duration is sending + waiting + receiving, and a failed answer counts in http_req_failed", () => {
    const { measure } = make();
    measure.exchange(measure.base, { ...exchange, isExpected: false });
    const cut = measure.cut("all");
    const duration = cut.find((one) => one.id.metric === "http_req_duration")?.cells;
    expect(duration?.type === "trend" && duration.sum).toBe(6);
    expect(cut.find((one) => one.id.metric === "http_req_failed")?.cells).toEqual({
      type: "rate",
      passes: 1,
      total: 1,
    });
  });

  test("an exchange of which nothing is said is in every metric but http_req_failed, without the tag", () => {
    const { measure } = make();
    measure.exchange(measure.base, { ...exchange, isExpected: null });
    const cut = measure.cut("all");
    expect(sum(cut, "http_reqs")).toBe(1);
    expect(cut.some(({ id }) => id.metric === "http_req_failed" || "expected_response" in id.tags)).toBe(false);
    const durations = cut.filter(({ id }) => id.metric === "http_req_duration").map(({ cells }) => cells);
    expect(durations).toMatchObject([{ type: "trend", count: 1, sum: 6 }]);
  });

  test("[LD-21.1.2] a cut holds only what changed since the one before it", () => {
    const { measure } = make();
    measure.exchange(measure.base, exchange);
    measure.check(measure.base, "ok", true, undefined);
    expect(measure.cut("changed").map((one) => one.id.metric)).toContain("checks");
    expect(measure.cut("changed")).toEqual([]);
    measure.exchange(measure.base, exchange);
    const cut = measure.cut("changed").map((one) => one.id.metric);
    expect(cut).toContain("http_reqs");
    expect(cut).not.toContain("checks");
    expect(sum(measure.cut("all"), "http_reqs")).toBe(2);
  });

  test("a cut of scalars leaves the changed trends for the next one", () => {
    const { measure } = make();
    measure.exchange(measure.base, exchange);
    expect(measure.cut("scalars").every((one) => one.cells.type !== "trend")).toBe(true);
    const rest = measure.cut("changed");
    expect(rest.length).toBe(7);
    expect(rest.every((one) => one.cells.type === "trend")).toBe(true);
  });

  test("tags that a test gives as numbers are text, so that thresholds find them", () => {
    const { measure } = make();
    const numbers: Record<string, string> = JSON.parse('{"page":1,"isNew":true,"none":null}');
    measure.exchange(measure.base, { ...exchange, tags: numbers });
    measure.exchange(measure.base, { ...exchange, tags: { page: "1", isNew: "true", none: "null" } });
    measure.check(measure.base, "c", true, numbers);
    measure.add(measure.extend(measure.base, numbers), "mine", "counter", "default", 1, 0);
    const cut = measure.cut("all");
    const requests = cut.filter((one) => one.id.metric === "http_reqs");
    expect(requests.map((one) => one.id.tags["page"])).toEqual(["1"]);
    expect(sum(requests, "http_reqs")).toBe(2);
    for (const metric of ["checks", "mine", "http_req_duration"])
      expect(cut.find((one) => one.id.metric === metric)?.id.tags).toMatchObject({ page: "1", isNew: "true" });
  });

  test("a tag name of the scenario or the VU names its requests, as one of the request does", () => {
    const { measure } = make();
    const grouped = measure.extend(measure.base, { name: "grouped" });
    for (const name of ["http://h/1", "http://h/2"]) measure.exchange(grouped, { ...exchange, name });
    measure.exchange(grouped, { ...exchange, name: "own", tags: { name: "own" } });
    const named = measure.cut("all").filter(({ id }) => id.metric === "http_reqs");
    expect(named.map(({ id, cells }) => [id.tags["name"], cells.type === "counter" && cells.sum])).toEqual([
      ["grouped", 2],
      ["own", 1],
    ]);
  });

  test("tags that are no record are refused", () => {
    const { measure } = make();
    expect(() => measure.check(measure.base, "ok", true, JSON.parse('"home"'))).toThrow(
      'tags must be { name: "value" }',
    );
  });

  test("[LD-39.2.1] past the limit of names, requests are counted together and the warning is said once", () => {
    const { measure, warnings } = make();
    const count = REQUEST_NAMES_MAX + 50;
    for (let at = 0; at < count; at++) measure.exchange(measure.base, { ...exchange, name: `http://h/${at}` });
    const requests = measure.cut("all").filter((one) => one.id.metric === "http_reqs");
    expect(sum(requests, "http_reqs")).toBe(count);
    const other = requests.find((one) => one.id.tags["name"] === OTHER_NAME);
    expect(other?.cells).toEqual({ type: "counter", count: 50, sum: 50 });
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain("http.url");
  });

  test("[LD-39.2.4] past the limit of tag sets, values are counted under the base tags and none is lost", () => {
    const { measure, warnings } = make();
    const count = TAG_SETS_MAX + 100;
    for (let at = 0; at < count; at++) measure.check(measure.base, "ok", true, { id: String(at) });
    const checks = measure.cut("all").filter((one) => one.id.metric === "checks");
    expect(checks.reduce((total, one) => total + (one.cells.type === "rate" ? one.cells.total : 0), 0)).toBe(count);
    expect(warnings.length).toBe(1);
  });
});
