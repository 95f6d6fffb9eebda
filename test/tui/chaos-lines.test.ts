// Goal: nodes under chaos and the verdict of a random run read at a glance. Method: imagined ones, drawn without colours.

import { expect, test } from "bun:test";
import { type ChaosNode, chaosLines } from "../../src/tui/chaos-lines.ts";
import { verdictLines, type VerdictPicture } from "../../src/tui/verdict-lines.ts";

const node = (changes: Partial<ChaosNode>): ChaosNode => ({
  id: "a0a0a0a0a0a0a0a0",
  role: "manager",
  pid: 4_711,
  address: { host: "127.0.0.1", tcp: 9_000 },
  state: "running",
  doesAnswer: true,
  faults: [],
  ...changes,
});

test("a line a node: what it is, how it is, what it suffers and how long still", () => {
  const nodes = [
    node({ faults: [{ text: "disk is full", leftMs: 1_200 }] }),
    node({ id: "b1b1b1b1b1b1b1b1", state: "paused", doesAnswer: false }),
    node({ id: "c2c2c2c2c2c2c2c2", doesAnswer: false }),
    node({ id: "d3d3d3d3d3d3d3d3", role: "worker", state: "stranger" }),
  ];
  const lines = chaosLines(nodes, { columns: 100, color: false, leader: "a0a0a0a0a0a0a0a0" });
  expect(lines.map((line) => line.trimEnd().replaceAll(/ {2,}/g, " | "))).toEqual([
    "NODE | ROLE | ADDRESS | PROCESS | STATE | FAULTS",
    "a0a0a0a0 | leader | 127.0.0.1:9000 | 4711 | running | disk is full (2s)",
    "b1b1b1b1 | manager | 127.0.0.1:9000 | 4711 | paused",
    "c2c2c2c2 | manager | 127.0.0.1:9000 | 4711 | no answer",
    "d3d3d3d3 | worker | 127.0.0.1:9000 | 4711 | not this node",
  ]);
});

const picture = (changes: Partial<VerdictPicture>): VerdictPicture => ({
  profile: "mixed",
  seed: 7,
  verdict: "held",
  invalid: "",
  submitted: 10,
  acknowledged: 9,
  completed: 8,
  cancelled: 1,
  failed: 0,
  lost: 0,
  duplicated: 0,
  overBound: 0,
  unacknowledged: [{ because: "the disk is full", jobs: 1 }],
  requestsServed: 170,
  findings: [],
  recovery: [
    {
      kind: "kill",
      faults: 2,
      acknowledgedMsP50: 260,
      acknowledgedMsP99: 810,
      completedMsP50: null,
      completedMsP99: null,
    },
  ],
  ...changes,
});

test("a verdict ends with its word, and shows counts and recovery", () => {
  const lines = verdictLines(picture({}), false);
  expect(lines[0]).toBe("jobs        10 submitted, 9 acknowledged");
  expect(lines[1]).toBe("            1 not: the disk is full");
  expect(lines.find((line) => line.startsWith("kill"))).toMatch(/^kill +2 +0\.26 s +0\.81 s +never +never$/);
  expect(lines.at(-1)).toBe("held (profile mixed, seed 7)");
});

test("what is wrong is named, at most twenty times; why a run proves nothing is said where it does not", () => {
  const findings = Array.from({ length: 25 }, (_, at) => ({ kind: "lost", job: `job-${at}`, message: "it is gone" }));
  const violated = verdictLines(picture({ verdict: "violated", invalid: "no kill came", findings }), false);
  expect(violated.filter((line) => line.includes("it is gone"))).toHaveLength(20);
  expect(violated).toContain("  and 5 more");
  expect(violated.at(-1)).toBe("violated (profile mixed, seed 7)");
  const invalid = verdictLines(picture({ verdict: "invalid", invalid: "no kill came" }), false);
  expect(invalid.at(-1)).toBe("invalid: no kill came (profile mixed, seed 7)");
});
