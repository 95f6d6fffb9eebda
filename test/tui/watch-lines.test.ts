// Goal: `status --watch` fits any terminal, in each of its views, keeps what matters when rows are few, and its keys do
// what the last line says. Method: imagined pictures at many sizes.

import { describe, expect, test } from "bun:test";
import type { NodeStatus } from "../../src/node/status.ts";
import { widthOf } from "../../src/tui/cells.ts";
import { keysOf } from "../../src/tui/keys.ts";
import { type Gaze, gazeAfter, VIEWS, type View, type Watched, watchLines } from "../../src/tui/watch-lines.ts";
import { managerPicture, rateOf, workerPicture } from "./statuses.ts";

const EVENTS: Watched["events"] = [
  { text: "nobody leads", style: "bad", ageMs: 200_000 },
  { text: "b leads, term 7", style: "accent", ageMs: 12_300 },
  { text: "job new was accepted", style: "plain", ageMs: 10 },
];

function watched(changes: Partial<Watched> = {}): Watched {
  return { status: managerPicture(), history: new Map(), events: EVENTS, problem: null, ...changes };
}

const at = (view: View, top = 0): Gaze => ({ view, top });

const shown = (picture: Watched, gaze: Gaze, columns: number, rows: number): string =>
  watchLines(picture, gaze, { columns, rows, color: false })
    .lines.map((line) => line.trimEnd())
    .join("\n");

const manyJobs = (count: number): NodeStatus["jobs"] =>
  Array.from({ length: count }, (_, number) => ({
    id: `job${number}`,
    state: "open",
    outcome: null,
    isPaused: false,
    cores: 1,
    owner: null,
    result: null,
    live: null,
  }));

describe("the view", () => {
  test("of the cluster has facts, jobs with their rates, members, workers and what happened lately", () => {
    const live = rateOf({ requestsPerSecond: 120.3, p99Ms: 40, failedRatio: 0.01 });
    const status = managerPicture();
    const jobs = status.jobs.map((job) => (job.id === "new" ? { ...job, live } : job));
    const text = shown(watched({ status: { ...status, jobs } }), at("cluster"), 80, 40);
    expect(text).toMatch(/^JOB {2}STATE {7}TIME.* REQ\/S +P99 +FAILED/m);
    expect(text).toMatch(/^new {2}running .* 120 +40.*ms +1\.00%/m);
    expect(text).toMatch(/^leader {3}127\.0\.0\.1:9002 \(b1b1b1b1\), term 7$/m);
    expect(text).toMatch(/^b1b1b1b1b1b1b1b1 {2}leader +127\.0\.0\.1:9002 {2}alive {3}1\.0 +linked$/m);
    expect(text).toMatch(/^d3d3d3d3d3d3d3d3 {2}127\.0\.0\.1:9200 +4 +3 {2}█+▌ +new 3 +region=east$/m);
    expect(text).toContain("LATELY\nnow      job new was accepted\n12s ago  b leads, term 7\n3m ago   nobody leads");
  });

  test("of jobs has those that run first, and their last seconds as a line of bars", () => {
    const history = new Map([["new", [0, 50, 100]]]);
    const text = shown(watched({ history }), at("jobs"), 160, 30);
    expect(text).toMatch(/^new .*▁▄█$/m);
    expect(text.indexOf("\nnew ")).toBeLessThan(text.indexOf("\nold "));
  });

  test("of workers and of events", () => {
    expect(shown(watched(), at("workers"), 100, 30)).toMatch(/^WORKER[^]*^NODE/m);
    expect(shown(watched(), at("events"), 100, 30)).toContain("now      job new was accepted\n12s ago");
    expect(shown(watched({ events: [] }), at("events"), 100, 30)).toContain("nothing happened");
  });

  test("in a wide terminal has facts, and members and workers, side by side", () => {
    const text = shown(watched(), at("cluster"), 160, 50);
    expect(text).toMatch(/^asked .{60,}cluster {2}f00dfeed$/m);
    expect(text).toMatch(/^NODE .* WORKER /m);
  });

  test("of a worker has its shares and the managers it knows", () => {
    const text = shown(watched({ status: workerPicture() }), at("cluster"), 100, 30);
    for (const word of ["asked    worker 127.0.0.1:9200", "new  browse", "dead"]) expect(text).toContain(word);
  });

  test("says when it is old, and why a manager has no part", () => {
    const text = shown(watched({ problem: "nobody answers: this is 9 s old" }), at("cluster"), 100, 40);
    expect(text).toContain("this is 9 s old");
    const status = managerPicture({ leader: null, problem: "its data folder is blank" });
    expect(shown(watched({ status }), at("cluster"), 100, 40)).toContain("problem  its data folder is blank");
  });

  test("shows a circuit that is open, with the manager behind it", () => {
    const [, other] = managerPicture().members;
    const circuits = [{ peer: other?.id ?? "", state: "open" as const, failures: 9, samples: 10, opens: 2 }];
    const text = shown(watched({ status: managerPicture({ circuits }) }), at("cluster"), 100, 40);
    expect(text).toContain("circuits 1 open: 127.0.0.1:9002 (b1b1b1b1)");
    expect(text).toMatch(/^127\.0\.0\.1:9002 \(b1b1b1b1\) {2}open {3}9 of 10 {2}2 times$/m);
  });
});

describe("any terminal", () => {
  test("is filled and never overrun, in every view and at every place", () => {
    const status = managerPicture({ jobs: manyJobs(60) });
    for (const columns of [20, 30, 40, 79, 80, 111, 160, 300])
      for (const rows of [6, 10, 12, 24, 50])
        for (const view of VIEWS)
          for (const top of [0, 3, 1_000]) {
            const { lines } = watchLines(watched({ status }), at(view, top), { columns, rows, color: false });
            expect(lines.length).toBe(rows);
            for (const line of lines) expect(widthOf(line)).toBeLessThan(columns);
          }
  });

  test("with few rows keeps the leader, the newest job and the newest event, and says that there is more", () => {
    const status = managerPicture({ jobs: manyJobs(60) });
    const text = shown(watched({ status }), at("cluster"), 80, 24);
    expect(text).toContain("leader   127.0.0.1:9002");
    expect(text).toContain("job59");
    expect(text).not.toContain("job10 ");
    expect(text).toContain("now      job new was accepted");
    expect(text).toContain("more below");
  });

  test("scrolls to the end and no further, the heading stays", () => {
    const status = managerPicture({ jobs: manyJobs(60) });
    const { lines, gaze } = watchLines(watched({ status }), at("jobs", 1_000), { columns: 80, rows: 24, color: false });
    expect(lines.some((line) => line.startsWith("JOB "))).toBe(true);
    expect(lines.some((line) => line.startsWith("job0 "))).toBe(true);
    expect(lines.some((line) => line.startsWith("job59"))).toBe(false);
    expect(lines.at(-1)).toMatch(/ of 60$/);
    expect(gaze.top).toBeLessThan(60);
  });
});

describe("a key", () => {
  const after = (text: string, from: Gaze): Gaze | null =>
    keysOf(text).reduce<Gaze | null>((gaze, key) => (gaze === null ? null : gazeAfter(gaze, key, 10)), from);

  const cases: readonly (readonly [name: string, typed: string, view: View, top: number])[] = [
    ["2 is jobs, from its top", "2", "jobs", 0],
    ["4 is events", "4", "events", 0],
    ["down, and j", "\x1b[Bj", "cluster", 7],
    ["up, and k", "\x1bOAk", "cluster", 3],
    ["up stays at the top", "\x1b[A".repeat(9), "cluster", 0],
    ["a page down", "\x1b[6~", "cluster", 15],
    ["a page up", "\x1b[5~", "cluster", 0],
    ["home", "\x1b[H", "cluster", 0],
    ["right and tab go through the views", "\x1b[C\t", "workers", 0],
    ["left goes round", "\x1b[D", "events", 0],
    ["anything else is nothing", "x7\x1b[3~\x1b[15;2~é", "cluster", 5],
  ];
  for (const [name, typed, view, top] of cases)
    test(name, () => expect(after(typed, at("cluster", 5))).toEqual({ view, top }));

  test("q and Ctrl+C leave", () => {
    for (const typed of ["q", "Q", "\x03", "2q"]) expect(after(typed, at("cluster"))).toBeNull();
  });
});
