// Goal: clusters form once, outlive every one of their nodes, and never take a wiped or damaged disk at its word.
// Method: whole clusters in virtual time, every checker after every step; the negative of each promise as well.

import { expect, test } from "bun:test";
import { view } from "../../src/raft/raft.ts";
import { watch, type Watch } from "./checkers.ts";
import {
  addBlank,
  addFormed,
  bytes,
  type Cluster,
  crash,
  createCluster,
  damage,
  give,
  isolate,
  heal,
  leaderOf,
  nodeOf,
  restart,
  runFor,
  wipe,
} from "./cluster.ts";

function lead(cluster: Cluster): string {
  if (!runFor(cluster, 10_000, () => leaderOf(cluster) !== null)) throw new Error("nobody leads");
  return leaderOf(cluster)?.id ?? "";
}

/** Proposes until it is committed. */
function write(cluster: Cluster, watched: Watch, sequence: number): boolean {
  const key = `k ${sequence}`;
  for (let tries = 0; tries < 100 && !watched.appliedAt.has(key); tries++) {
    const leader = leaderOf(cluster);
    if (leader !== null)
      give(cluster, leader.id, {
        kind: "propose",
        proposals: [{ client: "k", sequence, since: 0, command: bytes(`v${sequence}`) }],
      });
    runFor(cluster, 50);
  }
  return watched.appliedAt.has(key);
}

function formed(cluster: Cluster, ids: readonly string[]): boolean {
  const clusters = new Set(ids.map((id) => nodeOf(cluster, id).durable.hard.cluster));
  return clusters.size === 1 && !clusters.has(null) && leaderOf(cluster) !== null;
}

test("blank peers form one cluster, whose id and voters are its first committed entry", () => {
  const ids = ["b", "c", "a"];
  const cluster = createCluster({ seed: 21 });
  const watched = watch(cluster);
  for (const id of ids) addBlank(cluster, id);
  for (const id of ids) give(cluster, id, { kind: "form", peers: ids });
  expect(runFor(cluster, 5_000, () => watched.committedMax >= 1)).toBe(true);
  expect(formed(cluster, ids)).toBe(true);
  expect(watched.committed.get(1)?.payload).toContain('"voters":["a","b","c"]');
  expect(write(cluster, watched, 1)).toBe(true);
});

test("nothing is formed while one configured peer is down, and it forms when that one comes", () => {
  const ids = ["a", "b", "c"];
  const cluster = createCluster({ seed: 22 });
  for (const id of ids) addBlank(cluster, id);
  crash(cluster, nodeOf(cluster, "c"));
  for (const id of ["a", "b"]) give(cluster, id, { kind: "form", peers: ids });
  runFor(cluster, 30_000);
  expect(ids.map((id) => nodeOf(cluster, id).durable.hard.standing)).toEqual(["blank", "blank", "blank"]);
  restart(cluster, nodeOf(cluster, "c"));
  give(cluster, "c", { kind: "form", peers: ids });
  expect(runFor(cluster, 5_000, () => formed(cluster, ids))).toBe(true);
});

test("peers that were configured otherwise are refused by name", () => {
  const cluster = createCluster({ seed: 23 });
  for (const id of ["a", "b", "c"]) addBlank(cluster, id);
  give(cluster, "b", { kind: "form", peers: ["b", "c"] });
  give(cluster, "a", { kind: "form", peers: ["a", "b", "c"] });
  runFor(cluster, 1_000);
  const { state } = nodeOf(cluster, "a");
  if (state === null) throw new Error("a runs");
  expect(view(state).formationRefusals).toEqual({
    b: "b was given other peers: b, c",
    c: "c does not know its peers yet",
  });
  expect(state.hard.standing).toBe("blank");
});

test("a wiped majority is refused by name and not formed anew", () => {
  const ids = ["a", "b", "c"];
  const cluster = createCluster({ seed: 24 });
  addFormed(cluster, ids);
  const watched = watch(cluster);
  lead(cluster);
  expect(write(cluster, watched, 1)).toBe(true);
  for (const id of ["a", "b"]) wipe(cluster, nodeOf(cluster, id));
  for (const id of ["a", "b"]) give(cluster, id, { kind: "form", peers: ids });
  runFor(cluster, 60_000);
  const { state } = nodeOf(cluster, "a");
  if (state === null) throw new Error("a runs");
  expect(view(state).formationRefusals).toEqual({ c: "c belongs to cluster c" });
  expect(leaderOf(cluster)).toBeNull();
  expect(write(cluster, watched, 2)).toBe(false);
});

test("every node of five, wiped one after another with a replace between, loses nothing", () => {
  const cluster = createCluster({ seed: 25 });
  addFormed(cluster, ["n1", "n2", "n3", "n4", "n5"]);
  const watched = watch(cluster);
  watched.areLeasesChecked = false;
  for (let round = 1; round <= 5; round++) {
    expect(write(cluster, watched, round)).toBe(true);
    const before = `n${round}`;
    const after = `m${round}`;
    crash(cluster, nodeOf(cluster, before));
    watched.areCopiesChecked = false;
    addBlank(cluster, after);
    const isDone = runFor(cluster, 30_000, () => {
      const leader = leaderOf(cluster);
      const inForce = leader?.state?.memberships.at(-1);
      if (leader === null || leader.state === null || inForce === undefined || inForce.index > leader.state.commit)
        return false;
      const { voters, replacing } = inForce.membership;
      if (!voters.includes(after) && replacing === null)
        give(cluster, leader.id, { kind: "change", id: before, change: { kind: "replace", before, after } });
      return voters.includes(after) && !voters.includes(before);
    });
    expect(`${before}: ${isDone}`).toBe(`${before}: true`);
    cluster.nodes.delete(before);
  }
  expect(write(cluster, watched, 6)).toBe(true);
  runFor(cluster, 1_000);
  for (const node of cluster.nodes.values())
    expect(node.applied.map(({ key }) => key)).toEqual([1, 2, 3, 4, 5, 6].map((at) => `k ${at} v${at}`));
});

test("a disk wiped under its old name takes entries, never votes or counts, and says that it is barred", () => {
  const cluster = createCluster({ seed: 26 });
  addFormed(cluster, ["a", "b", "c"]);
  const watched = watch(cluster);
  lead(cluster);
  expect(write(cluster, watched, 1)).toBe(true);
  const victim = [...cluster.nodes.values()].find((node) => node !== leaderOf(cluster));
  const third = [...cluster.nodes.values()].find((node) => node !== victim && node !== leaderOf(cluster));
  if (victim === undefined || third === undefined) throw new Error("three nodes");
  wipe(cluster, victim);
  watched.areCopiesChecked = false;
  runFor(cluster, 2_000);
  expect(victim.applied.length).toBe(1);
  expect(victim.state === null ? null : view(victim.state)).toMatchObject({ standing: "joining", isBarred: true });
  crash(cluster, third);
  expect(write(cluster, watched, 2)).toBe(false);
  restart(cluster, third);
  expect(write(cluster, watched, 3)).toBe(true);
});

test("a voter that lost votes recovers when all others answer; while one is gone it waits, unless its votes are known whole", () => {
  for (const [term, isAnswered, lost] of [
    [0, true, "nothing"],
    [0, false, "votes"],
    [null, false, "nothing"],
  ] as const) {
    const cluster = createCluster({ seed: 27 });
    addFormed(cluster, ["a", "b", "c"]);
    const watched = watch(cluster);
    lead(cluster);
    expect(write(cluster, watched, 1)).toBe(true);
    runFor(cluster, 500);
    const [victim, third] = [...cluster.nodes.values()].filter((node) => node !== leaderOf(cluster));
    if (victim === undefined || third === undefined) throw new Error("three nodes");
    watched.areCopiesChecked = false;
    damage(cluster, victim, { from: 1, term });
    if (!isAnswered)
      runFor(cluster, 1, () => {
        crash(cluster, third);
        return true;
      });
    runFor(cluster, 5_000);
    expect(victim.durable.hard.lost).toBe(lost);
    // It was repaired by the leader it heard meanwhile, or will be once everyone answers.
    restart(cluster, third);
    expect(runFor(cluster, 10_000, () => victim.durable.hard.lost === "nothing")).toBe(true);
    expect(write(cluster, watched, 2)).toBe(true);
  }
});

test("a recovering voter makes no majority, so what it lost is not outvoted", () => {
  const cluster = createCluster({ seed: 28 });
  addFormed(cluster, ["a", "b", "c"]);
  const watched = watch(cluster);
  watched.areLeasesChecked = false;
  lead(cluster);
  expect(write(cluster, watched, 1)).toBe(true);
  runFor(cluster, 500);
  const leader = leaderOf(cluster);
  const [victim] = [...cluster.nodes.values()].filter((node) => node !== leader);
  if (leader === null || victim === undefined) throw new Error("three nodes");
  isolate(cluster, leader.id);
  damage(cluster, victim, { from: 1, term: 0 });
  runFor(cluster, 20_000);
  expect(leaderOf(cluster)).toBeNull();
  heal(cluster);
  watched.areCopiesChecked = false;
  expect(write(cluster, watched, 2)).toBe(true);
});

test("a cluster of one is replaced by adding first, and a replacement can be taken back before it is caught up", () => {
  const cluster = createCluster({ seed: 29 });
  addFormed(cluster, ["a"]);
  watch(cluster);
  lead(cluster);
  give(cluster, "a", { kind: "change", id: "1", change: { kind: "replace", before: "a", after: "z" } });
  runFor(cluster, 5_000);
  expect(leaderOf(cluster)?.state?.memberships.at(-1)?.membership).toMatchObject({ voters: ["a"], learners: ["z"] });
  expect(give(cluster, "a", { kind: "change", id: "2", change: { kind: "cancelReplace" } })).toContainEqual(
    expect.objectContaining({ kind: "change", outcome: expect.objectContaining({ kind: "appended" }) }),
  );
  expect(leaderOf(cluster)?.state?.memberships.at(-1)?.membership).toMatchObject({
    voters: ["a"],
    learners: [],
    replacing: null,
  });
  addBlank(cluster, "b");
  give(cluster, "a", { kind: "change", id: "3", change: { kind: "replace", before: "a", after: "b" } });
  expect(runFor(cluster, 10_000, () => leaderOf(cluster)?.id === "b")).toBe(true);
  expect(leaderOf(cluster)?.state?.memberships.at(-1)?.membership).toMatchObject({
    voters: ["b"],
    learners: [],
    replacing: null,
  });
});

test("leadership is handed over without an election timeout", () => {
  const cluster = createCluster({ seed: 30 });
  addFormed(cluster, ["a", "b", "c"]);
  const watched = watch(cluster);
  watched.areLeasesChecked = false;
  for (let times = 0; times < 20; times++) {
    const from = lead(cluster);
    runFor(cluster, 300);
    const at = cluster.now;
    give(cluster, from, { kind: "transfer", to: null });
    expect(runFor(cluster, 1_000, () => leaderOf(cluster) !== null && leaderOf(cluster)?.id !== from)).toBe(true);
    expect(cluster.now - at).toBeLessThan(50);
  }
});
