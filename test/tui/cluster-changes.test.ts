// Goal: what happened between two pictures of a cluster is said, once, and nothing is said of what stayed. Method: one
// change at a time to an imagined picture.

import { describe, expect, test } from "bun:test";
import type { NodeStatus } from "../../src/node/status.ts";
import { changesBetween } from "../../src/tui/cluster-changes.ts";
import { managerPicture, quorumOf } from "./statuses.ts";

const BEFORE = managerPicture();
const of = (changes: Partial<NodeStatus>): readonly string[] =>
  changesBetween(BEFORE, managerPicture(changes)).map(({ text }) => text);

/** The members with one of them changed. */
const members = (at: number, changes: Partial<NodeStatus["members"][number]>): NodeStatus["members"] =>
  BEFORE.members.map((member, index) => (index === at ? { ...member, ...changes } : member));

/** The jobs with the one that runs changed. */
const jobs = (changes: Partial<NodeStatus["jobs"][number]>): NodeStatus["jobs"] =>
  BEFORE.jobs.map((job) => (job.id === "new" ? { ...job, ...changes } : job));

describe("between two pictures", () => {
  test("nothing happened", () => {
    expect(of({})).toEqual([]);
  });

  const cases: readonly (readonly [name: string, changes: Partial<NodeStatus>, said: readonly string[]])[] = [
    ["another leads", { leader: BEFORE.node.id, term: 8 }, ["127.0.0.1:9000 (a0a0a0a0) leads, term 8"]],
    ["nobody leads", { leader: null }, ["nobody leads"]],
    [
      "the quorum went",
      { quorum: quorumOf({ have: 1, need: 2, voters: BEFORE.quorum?.voters ?? [] }) },
      ["there is no quorum"],
    ],
    ["a member died", { members: members(2, { status: "dead" }) }, ["manager 127.0.0.1:9004 (c2c2c2c2) is dead"]],
    ["one left", { members: members(3, { status: "left" }) }, ["worker 127.0.0.1:9200 (d3d3d3d3) has left"]],
    [
      "one started again: said once, not that it is alive too",
      { members: members(3, { incarnation: { boot: 2, count: 0 } }) },
      ["worker 127.0.0.1:9200 (d3d3d3d3) started again"],
    ],
    ["a refutation is nothing", { members: members(3, { incarnation: { boot: 1, count: 1 } }) }, []],
    ["the pool lost a worker", { workers: [] }, ["the cores of worker 127.0.0.1:9200 (d3d3d3d3) are gone"]],
    ["a job ended", { jobs: jobs({ state: "finished", outcome: "aborted" }) }, ["job new ended: aborted"]],
    [
      "a job changed hands",
      { jobs: jobs({ owner: BEFORE.leader }) },
      ["job new is owned by 127.0.0.1:9002 (b1b1b1b1)"],
    ],
    ["a job was forgotten", { jobs: [] }, []],
    ["a job is paused", { jobs: jobs({ isPaused: true }) }, ["job new is paused"]],
    ["a job is ending", { jobs: jobs({ state: "closing" }) }, ["job new is ending"]],
    [
      "a manager took another's place",
      { quorum: quorumOf({ have: 2, need: 2, voters: [...(BEFORE.quorum?.voters.slice(0, 2) ?? []), "eeee"] }) },
      ["manager 127.0.0.1:9004 (c2c2c2c2) counts no more", "manager eeee counts now"],
    ],
    [
      "a circuit opened",
      { circuits: [{ peer: BEFORE.leader ?? "", state: "open", failures: 5, samples: 9, opens: 1 }] },
      ["the circuit to 127.0.0.1:9002 (b1b1b1b1) opened"],
    ],
    [
      "another node is asked: what it alone knows is no news",
      {
        node: { ...BEFORE.node, id: BEFORE.leader ?? "" },
        circuits: [{ peer: BEFORE.node.id, state: "open", failures: 5, samples: 9, opens: 1 }],
      },
      ["asking 127.0.0.1:9002 (b1b1b1b1) from now on"],
    ],
  ];
  for (const [name, changes, said] of cases) test(name, () => expect(of(changes)).toEqual([...said]));

  test("what came: a member, its cores, a job", () => {
    const before = managerPicture({ members: BEFORE.members.slice(0, 3), workers: [], jobs: [] });
    expect(changesBetween(before, BEFORE).map(({ text }) => text)).toEqual([
      "worker 127.0.0.1:9200 (d3d3d3d3) is alive",
      "worker 127.0.0.1:9200 (d3d3d3d3) gives 4 cores",
      "job old ended: failed",
      "job new was accepted",
    ]);
  });
});
