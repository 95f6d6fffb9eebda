// Goal: `status --watch` fits any terminal, keeps what matters when rows are few, and shows rates and events. Method:
// imagined pictures at many sizes.

import { describe, expect, test } from "bun:test";
import { widthOf } from "../../src/tui/cells.ts";
import { type Watched, watchLines } from "../../src/tui/watch-lines.ts";
import { managerPicture } from "./statuses.ts";
import { jobView } from "./views.ts";

const EVENTS: Watched["events"] = [
  { text: "nobody leads", style: "bad", ageMs: 200_000 },
  { text: "b leads, term 7", style: "accent", ageMs: 12_300 },
  { text: "job new was accepted", style: "plain", ageMs: 10 },
];

function watched(changes: Partial<Watched> = {}): Watched {
  return { status: managerPicture(), views: new Map(), events: EVENTS, problem: null, ...changes };
}

const shown = (picture: Watched, columns: number, rows: number): string =>
  watchLines(picture, { columns, rows, color: false })
    .map((line) => line.trimEnd())
    .join("\n");

describe("the view", () => {
  test("has rates of a job that is followed, and none of one that is not", () => {
    const view = jobView({ requests: 400, requestsPerSecond: 120.3, failedRatio: 0.01 });
    const text = shown(watched({ views: new Map([["new", view]]) }), 100, 40);
    expect(text).toMatch(/^JOB {2}STATE {4}CORES {2}OWNER {11}REQ\/S {2}P99 +FAILED$/m);
    expect(text).toMatch(/^new {2}running {2}3 {6}127\.0\.0\.1:9000 {2}120 .*1\.00%$/m);
    expect(text).toMatch(/^old {2}failed$/m);
  });

  test("has what happened lately, with its age", () => {
    expect(shown(watched(), 100, 40)).toContain(
      "LATELY\n3m ago   nobody leads\n12s ago  b leads, term 7\nnow      job new was accepted",
    );
  });

  test("says when it is old", () => {
    expect(shown(watched({ problem: "nobody answers: this is 9 s old" }), 100, 40)).toContain("this is 9 s old");
  });

  test("fits every size, and keeps heading and newest job in a small one", () => {
    const many = Array.from({ length: 60 }, (_, at) => ({
      id: `job${at}`,
      state: "open" as const,
      outcome: null,
      isPaused: false,
      cores: 1,
      owner: null,
      result: null,
      live: null,
    }));
    const status = managerPicture({ jobs: many });
    for (const [columns, rows] of [
      [80, 24],
      [160, 50],
      [40, 12],
      [30, 10],
    ] as const) {
      const lines = watchLines(watched({ status }), { columns, rows, color: false });
      expect(lines.length).toBeLessThan(rows);
      for (const line of lines) expect(widthOf(line)).toBeLessThan(columns);
    }
    const small = shown(watched({ status }), 80, 24);
    expect(small).toContain("leader   127.0.0.1:9002");
    expect(small).toContain("job59");
    expect(small).not.toContain("job10 ");
    expect(small).toContain("now      job new was accepted");
  });
});
