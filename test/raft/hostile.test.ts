// Goal: no message of a peer, however wrong, throws or breaks the core; every message has a schema with bounds.
// Method: seeded random messages with plausible and absurd fields, in every role; the schemas on both sides of a bound.

import { expect, test } from "bun:test";
import { createPrng, nextBelow, nextFloat, type Prng } from "../../src/base/prng.ts";
import { assertConfig, INDEX_MAX, lan, LIMITS, TERM_MAX, wan } from "../../src/raft/limits.ts";
import { raftMessageSchema } from "../../src/raft/messages.ts";
import * as shipped from "../../src/raft/raft.ts";
import type { Entry, RaftMessage } from "../../src/raft/raft.ts";
import { Bench, command, GENESIS, MEMBERSHIP } from "./passages.ts";

const KINDS = [
  "append",
  "appendReply",
  "vote",
  "voteReply",
  "snapshot",
  "snapshotReply",
  "timeoutNow",
  "blankQuery",
  "blankReply",
  "form",
  "formReply",
  "recoveryQuery",
  "recoveryReply",
] as const;

function number(prng: Prng): number {
  return [0, 1, 2, 3, 4, 5, 8, 1_000, TERM_MAX - 1, TERM_MAX][nextBelow(prng, nextFloat(prng) < 0.8 ? 7 : 10)] ?? 0;
}

function entries(prng: Prng): Entry[] {
  return Array.from({ length: nextBelow(prng, 4) }, () => {
    const entry = command(number(prng), number(prng));
    return nextFloat(prng) < 0.2
      ? { ...entry, payload: { kind: "config", membership: { ...MEMBERSHIP, voters: ["x"], learners: ["a"] } } }
      : entry;
  });
}

function randomMessage(prng: Prng): RaftMessage {
  const n = (): number => number(prng);
  const flag = (): boolean => nextFloat(prng) < 0.5;
  const cluster = nextFloat(prng) < 0.9 ? "c" : "other";
  const common = { cluster, term: n(), round: n(), sentAtMs: n() };
  const kind = KINDS[nextBelow(prng, KINDS.length)] ?? "append";
  const inOrder = (first: number): Entry[] => entries(prng).map((entry, at) => ({ ...entry, index: first + at + 1 }));
  switch (kind) {
    case "append": {
      const prevIndex = n();
      return {
        kind,
        ...common,
        prevIndex,
        prevTerm: n(),
        commit: n(),
        entries: flag() ? entries(prng) : inOrder(Math.min(prevIndex, 1_000)),
      };
    }
    case "appendReply":
      return { kind, ...common, isAccepted: flag(), index: n(), hintIndex: n(), hintTerm: n(), counts: flag() };
    case "vote":
      return { kind, cluster, term: n(), isPre: flag(), isForced: flag(), lastIndex: n(), lastTerm: n() };
    case "voteReply":
      return { kind, cluster, term: n(), isPre: flag(), isGranted: flag() };
    case "snapshot": {
      const head = flag() ? { membership: MEMBERSHIP, sessions: GENESIS.sessions } : null;
      return {
        kind,
        ...common,
        index: n(),
        indexTerm: n(),
        size: nextBelow(prng, 12),
        offset: nextBelow(prng, 8),
        chunk: new Uint8Array(nextBelow(prng, 8)),
        head,
      };
    }
    case "snapshotReply":
      return { kind, ...common, index: n(), held: n(), counts: flag() };
    case "timeoutNow":
      return { kind, cluster, term: n() };
    case "blankQuery":
      return { kind, peers: ["a", "b"] };
    case "blankReply":
      return { kind, cluster: flag() ? cluster : null, peers: flag() ? ["a", "b", "c"] : null, nonce: n() };
    case "form":
      return { kind, membership: { ...MEMBERSHIP, cluster }, nonce: n() };
    case "formReply":
      return { kind, cluster };
    case "recoveryQuery":
      return { kind, cluster, nonce: n() };
    case "recoveryReply":
      return { kind, cluster, nonce: n(), term: n(), lastIndex: flag() ? n() : null };
  }
}

test("random messages in every role never throw, and never undo what is committed", () => {
  for (let seed = 1; seed <= 400; seed++) {
    const prng = createPrng(seed, "hostile");
    const node = new Bench(shipped, {
      terms: [1, 1, 2],
      isTight: true,
      hard: { lost: seed % 7 === 0 ? "votes" : "nothing", standing: seed % 11 === 0 ? "joining" : "member" },
    });
    if (seed % 7 !== 0 && seed % 11 !== 0 && seed % 2 === 0) node.lead();
    let { commit } = node.state;
    for (let at = 0; at < 300; at++) {
      node.now += nextBelow(prng, 60);
      if (nextFloat(prng) < 0.2) node.give({ kind: "tick" });
      else node.hear(["b", "c", "x"][nextBelow(prng, 3)] ?? "b", randomMessage(prng));
      expect(node.state.commit).toBeGreaterThanOrEqual(commit);
      ({ commit } = node.state);
    }
  }
}, 60_000);

test("what the core sends passes its own schema, and unknown fields are dropped", () => {
  const node = new Bench(shipped, { terms: [1] });
  node.lead();
  const sent = node.sent("append")[0]?.message;
  expect(raftMessageSchema.parse({ ...sent, later: 1 })).toEqual(sent ?? { kind: "timeoutNow", cluster: "", term: 0 });
});

test("messages beyond a bound do not pass the schema", () => {
  const vote = { kind: "vote", cluster: "c", term: 1, isPre: true, isForced: false, lastIndex: 0, lastTerm: 0 };
  expect(raftMessageSchema.safeParse(vote).success).toBe(true);
  for (const wrong of [
    { term: TERM_MAX + 1 },
    { term: -1 },
    { term: 0.5 },
    { term: 2 ** 53 },
    { lastIndex: INDEX_MAX * 2 },
    { cluster: "" },
    { cluster: "x".repeat(65) },
    { isPre: 1 },
    { kind: "veto" },
  ]) {
    expect(raftMessageSchema.safeParse({ ...vote, ...wrong }).success).toBe(false);
  }
  const append = {
    kind: "append",
    cluster: "c",
    term: 1,
    round: 1,
    sentAtMs: 1,
    prevIndex: 0,
    prevTerm: 0,
    commit: 0,
    entries: [command(1, 1)],
  };
  expect(raftMessageSchema.safeParse(append).success).toBe(true);
  const large = {
    ...command(1, 1),
    payload: {
      kind: "command",
      client: "k",
      sequence: 1,
      since: 0,
      command: new Uint8Array(LIMITS.commandBytesMax + 1),
    },
  };
  expect(raftMessageSchema.safeParse({ ...append, entries: [large] }).success).toBe(false);
  expect(
    raftMessageSchema.safeParse({
      ...append,
      entries: Array.from({ length: LIMITS.appendEntriesMax + 1 }, () => command(1, 1)),
    }).success,
  ).toBe(false);
});

test("settings that contradict each other are refused by what they contradict", () => {
  for (const good of [lan("a"), wan("a")]) expect(() => assertConfig(good)).not.toThrow();
  const config = lan("a");
  expect(() => assertConfig({ ...config, quorumMs: 500 })).toThrow("steps down before");
  expect(() => assertConfig({ ...config, heartbeatMs: 200 })).toThrow("three heartbeats");
  expect(() => assertConfig({ ...config, limits: { ...LIMITS, commandBytesMax: 2_000_000 } })).toThrow(
    "one entry fits one append",
  );
  expect(() => assertConfig({ ...config, limits: { ...LIMITS, appendBytesMax: 1_048_576 } })).toThrow(
    "one append fits one frame",
  );
  expect(() => assertConfig({ ...config, limits: { ...LIMITS, clientsMax: 1_024 } })).toThrow(
    "a first chunk fits one frame",
  );
});
