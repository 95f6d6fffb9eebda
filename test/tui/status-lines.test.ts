// Goal: `status` and `jobs` show the leader, quorum, members, workers and jobs of a picture, in tables that line up.
// Method: whole texts of imagined pictures.

import { describe, expect, test } from "bun:test";
import { jobState } from "../../src/tui/job-state.ts";
import { jobLines, statusLines } from "../../src/tui/status-lines.ts";
import { widthOf } from "../../src/tui/cells.ts";
import { managerPicture, workerPicture } from "./statuses.ts";

const PLAIN = { columns: 100, color: false };
const text = (lines: readonly string[]): string => lines.map((line) => line.trimEnd()).join("\n");

describe("a cluster", () => {
  test("as a manager knows it", () => {
    expect(text(statusLines(managerPicture(), PLAIN)))
      .toBe(`asked    manager 127.0.0.1:9000 (a0a0a0a0), environment default
cluster  f00dfeed
leader   127.0.0.1:9002 (b1b1b1b1), term 7
quorum   3 of 3 managers, 2 needed
workers  1, 3 of 4 cores busy
jobs     1 running, 1 finished

NODE              ROLE     ADDRESS         STATUS  INCARNATION  LINK
a0a0a0a0a0a0a0a0  manager  127.0.0.1:9000  alive   1.0          itself
b1b1b1b1b1b1b1b1  leader   127.0.0.1:9002  alive   1.0          linked
c2c2c2c2c2c2c2c2  manager  127.0.0.1:9004  alive   1.0          linked
d3d3d3d3d3d3d3d3  worker   127.0.0.1:9200  alive   1.0          linked

WORKER            ADDRESS         CORES  BUSY            RUNS   LABELS
d3d3d3d3d3d3d3d3  127.0.0.1:9200      4     3  ███████▌  new 3  region=east

JOB  STATE    CORES  OWNER
old  failed
new  running      3  127.0.0.1:9000`);
  });

  test("as a worker knows it: members and its own shares", () => {
    const shown = text(statusLines(workerPicture(), PLAIN));
    expect(shown).toContain("asked    worker 127.0.0.1:9200 (d3d3d3d3)");
    expect(shown).toContain("b1b1b1b1b1b1b1b1  manager  127.0.0.1:9002  dead");
    expect(shown).toContain("new  browse        1  running");
    expect(shown).not.toContain("leader");
  });

  test("says so while nobody leads, and before it is formed", () => {
    expect(text(statusLines(managerPicture({ leader: null }), PLAIN))).toContain("leader   nobody leads, term 7");
    expect(text(statusLines(managerPicture({ cluster: null, leader: null }), PLAIN))).toContain("cluster  none yet");
  });

  test("a job that waits for cores is queued, and not counted as running", () => {
    const { jobs } = managerPicture();
    const waiting = jobs.map((job) => ({ ...job, cores: 0 }));
    expect(text(statusLines(managerPicture({ jobs: waiting }), PLAIN))).toContain(
      "jobs     0 running, 1 queued, 1 finished",
    );
  });

  test("says that a disk is full", () =>
    expect(text(statusLines(managerPicture({ isDiskFull: true }), PLAIN))).toContain(
      "disk     full: submits are refused until there is space",
    ));

  test("says a problem to its end, in as many rows as it takes", () => {
    const problem =
      'this manager was removed: it serves nobody; stop it, or take it back with "hyperscale peer add a0"';
    const shown = statusLines(managerPicture({ problem }), { columns: 50, color: false });
    const from = shown.findIndex((line) => line.startsWith("problem  "));
    expect(text(shown.slice(from, from + 4))).toBe(`problem  this manager was removed: it serves
         nobody; stop it, or take it back with
         "hyperscale peer add a0"
leader   127.0.0.1:9002 (b1b1b1b1), term 7`);
  });

  test("fits the terminal", () => {
    for (const columns of [40, 80])
      for (const line of statusLines(managerPicture(), { columns, color: false }))
        expect(widthOf(line)).toBeLessThanOrEqual(columns);
  });
});

describe("a job", () => {
  const [, job] = managerPicture().jobs;
  if (job === undefined) throw new Error("the picture has two jobs");

  test("is at one of these", () => {
    expect(jobState(job)).toBe("running");
    expect(jobState({ ...job, owner: null })).toBe("waiting");
    expect(jobState({ ...job, cores: 0 })).toBe("queued");
    expect(jobState({ ...job, isPaused: true })).toBe("paused");
    expect(jobState({ ...job, state: "closing" })).toBe("ending");
    expect(jobState({ ...job, state: "finished", outcome: "aborted" })).toBe("aborted");
  });

  test("with an id that holds escape codes cannot move the cursor", () => {
    const jobs = [{ ...job, id: "a\u001b[2Jb" }];
    expect(text(jobLines({ jobs, members: [] }, PLAIN))).toContain("a?[2Jb");
  });
});
