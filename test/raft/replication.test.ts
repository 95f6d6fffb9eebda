// Goal: replication is bounded and batched: few messages for many proposals, no more in flight than allowed, a full
// leader says so, deduplication is bounded and never guesses. Method: one leader driven by hand, and the tables on
// their own.

import { expect, test } from "bun:test";
import { LIMITS } from "../../src/raft/limits.ts";
import * as shipped from "../../src/raft/raft.ts";
import type { Proposal } from "../../src/raft/raft.ts";
import { EMPTY_SESSIONS, exportSessions, findSession, importSessions, recordSession } from "../../src/raft/sessions.ts";
import { Bench } from "./passages.ts";

function proposals(from: number, count: number, size = 1): Proposal[] {
  return Array.from({ length: count }, (_, at) => ({
    client: "k",
    sequence: from + at,
    since: 0,
    command: new Uint8Array(size),
  }));
}

function leader(isTight = false): Bench {
  const node = new Bench(shipped, { isTight });
  node.lead();
  node.accept("b", 1);
  node.accept("c", 1);
  return node;
}

test("a thousand proposals of one event are one record and one message to each follower", () => {
  const node = leader();
  node.give({ kind: "propose", proposals: proposals(1, 1_000) });
  expect(node.effects.filter((effect) => effect.kind === "persist").length).toBe(1);
  expect(node.sent("append").map(({ to, message }) => `${to} ${message.entries.length}`)).toEqual(["b 1000", "c 1000"]);
});

test("a follower is told of a commit at once, and once, when no append is under way to it", () => {
  const node = leader();
  node.give({ kind: "propose", proposals: proposals(1, 1) });
  const told = (): string[] =>
    node.sent("append").map(({ to, message }) => `${to} ${message.commit} ${message.entries.length}`);
  // b makes the majority and hears of it; c has not answered, and is told when it does.
  node.accept("b", 2);
  expect(told()).toEqual(["b 2 0"]);
  node.accept("c", 2);
  expect(told()).toEqual(["c 2 0"]);
  node.accept("b", 2);
  expect(told()).toEqual([]);
});

test("an append with entries is a heartbeat: only who got none since is sent one, and a commit told is none", () => {
  const node = leader();
  const { heartbeatMs } = node.state.config;
  const beaten = (): readonly string[] =>
    node.sent("append").map(({ to, message }) => `${to} ${message.entries.length}`);
  node.tick();
  expect(beaten()).toEqual(["b 0", "c 0"]);
  const beganAt = node.now;
  node.now = beganAt + 0.2 * heartbeatMs;
  node.give({ kind: "peerReset", peer: "c" });
  node.give({ kind: "propose", proposals: proposals(1, 1) });
  expect(beaten()).toEqual(["b 1", "c 1"]);
  // After a reset c is sent one append at a time, and does not answer: the next goes to b alone.
  node.now = beganAt + 0.9 * heartbeatMs;
  node.give({ kind: "propose", proposals: proposals(2, 1) });
  expect(beaten()).toEqual(["b 1"]);
  node.now = beganAt + 0.95 * heartbeatMs;
  node.accept("b", 3);
  expect(beaten()).toEqual(["b 0"]);
  node.tick();
  expect(node.now).toBe(beganAt + 1.2 * heartbeatMs);
  expect(beaten()).toEqual(["c 0"]);
  // c would be due soon after b: it is sent its heartbeat with that of b.
  node.tick();
  expect(node.now).toBe(beganAt + 1.9 * heartbeatMs);
  expect(beaten()).toEqual(["b 0", "c 0"]);
});

test("a follower that is told of a commit answers only when it lacks what is committed", () => {
  const node = leader();
  node.give({ kind: "propose", proposals: proposals(1, 1) });
  const entries = node.sent("append").find(({ to }) => to === "b")?.message;
  node.accept("b", 2);
  const told = node.sent("append").find(({ to }) => to === "b")?.message;
  if (entries === undefined || told === undefined) throw new Error("b was sent an append and told of the commit");
  const whole = new Bench(shipped, { self: "b", terms: [node.state.hard.term] });
  whole.hear("a", entries);
  expect(whole.sent("appendReply").length).toBe(1);
  whole.hear("a", told);
  expect(whole.state.commit).toBe(2);
  expect(whole.sent("appendReply").length).toBe(0);
  const behind = new Bench(shipped, { self: "b" });
  behind.hear("a", told);
  expect(behind.sent("appendReply").map(({ message }) => message.isAccepted)).toEqual([false]);
});

test("no message carries more than its bytes, and a silent follower gets no more than the window", () => {
  const node = leader();
  let sent = 0;
  for (let at = 0; at < 40; at++) {
    node.give({ kind: "propose", proposals: proposals(1 + at * 2, 2, 300_000) });
    node.accept("c", node.state.log.entries.length);
    for (const { to, message } of node.sent("append")) {
      const size = message.entries.reduce(
        (sum, { payload }) => sum + (payload.kind === "command" ? payload.command.length : 0),
        0,
      );
      expect(size).toBeLessThanOrEqual(LIMITS.appendBytesMax);
      if (to === "b") sent += size;
    }
  }
  expect(sent).toBeLessThanOrEqual(LIMITS.inflightBytesMax + LIMITS.appendBytesMax);
  expect(node.state.leading?.peers.get("b")?.inflightBytes).toBeGreaterThan(0);
});

test("a leader that cannot commit refuses more than its bound as busy, and takes more once it can", () => {
  const node = leader(true);
  const outcomes = [1, 2, 3, 4, 5]
    .flatMap((part) => node.give({ kind: "propose", proposals: proposals(part * 16, 16) }))
    .filter((effect) => effect.kind === "proposal");
  expect(outcomes.filter(({ outcome }) => outcome.kind === "appended").length).toBe(64);
  expect(outcomes.at(-1)).toMatchObject({ outcome: { kind: "refused", reason: "busy" } });
  node.accept("b", node.state.log.entries.length);
  node.give({ kind: "propose", proposals: proposals(96, 1) });
  expect(node.effects).toContainEqual(
    expect.objectContaining({ kind: "proposal", outcome: expect.objectContaining({ kind: "appended" }) }),
  );
});

test("a command beyond its bound is refused, one at the bound is taken", () => {
  const node = leader();
  node.give({
    kind: "propose",
    proposals: [...proposals(1, 1, LIMITS.commandBytesMax), ...proposals(2, 1, LIMITS.commandBytesMax + 1)],
  });
  expect(node.effects.filter((effect) => effect.kind === "proposal")).toMatchObject([
    { outcome: { kind: "appended" } },
    { outcome: { reason: "tooLarge" } },
  ]);
});

test("one that does not lead refuses and names who does", () => {
  const node = new Bench(shipped);
  node.append("b", { term: 1 });
  expect(node.give({ kind: "propose", proposals: proposals(1, 1) })).toEqual([
    { kind: "proposal", client: "k", sequence: 1, outcome: { kind: "refused", reason: "notLeader", leader: "b" } },
  ]);
  expect(node.give({ kind: "read", ids: ["r"] })).toMatchObject([
    { kind: "readRefused", outcome: { reason: "notLeader", leader: "b" } },
  ]);
  expect(node.give({ kind: "transfer", to: "c" })).toMatchObject([
    { kind: "transfer", outcome: { reason: "notLeader", leader: "b" } },
  ]);
});

test("an unanswered snapshot is asked for once, and again after it failed", () => {
  const node = new Bench(shipped, { isTight: true });
  node.lead();
  for (let part = 0; part < 3; part++) {
    node.give({ kind: "propose", proposals: proposals(1 + part * 10, 10) });
    node.accept("b", node.state.log.entries.length);
  }
  const asked = node.state.snapshotAsked?.index;
  expect(asked).toBe(31);
  node.give({ kind: "requestSnapshot" });
  expect(node.has("takeSnapshot")).toBe(false);
  node.give({ kind: "snapshotFailed", index: 31 });
  node.give({ kind: "requestSnapshot" });
  expect(node.effects).toEqual([{ kind: "takeSnapshot", index: 31 }]);
  node.give({ kind: "snapshotTaken", index: 30, bytes: new Uint8Array(1) });
  expect(node.effects).toEqual([]);
  node.give({ kind: "snapshotTaken", index: 31, bytes: new Uint8Array(1) });
  expect([node.state.snapshot?.index, node.state.log.baseIndex]).toEqual([31, 25]);
});

test("deduplication remembers a window of each client, and refuses what it may have forgotten", () => {
  const limits = { clientsMax: 2, sequencesMax: 3 };
  const sessions = importSessions(EMPTY_SESSIONS);
  const find = (client: string, sequence: number, since = 0): string =>
    findSession(sessions, { client, sequence, since }).kind;
  for (const [sequence, index] of [
    [1, 10],
    [3, 11],
    [2, 12],
    [5, 13],
  ] as const)
    recordSession(sessions, { client: "a", sequence, index }, limits);
  expect([find("a", 1), find("a", 2), find("a", 4), find("a", 5), find("a", 6)]).toEqual([
    "expired",
    "applied",
    "fresh",
    "applied",
    "fresh",
  ]);
  recordSession(sessions, { client: "b", sequence: 1, index: 20 }, limits);
  recordSession(sessions, { client: "c", sequence: 1, index: 21 }, limits);
  // a was forgotten: an id used before that is refused, one first used after it is new.
  expect([find("a", 9), find("d", 1, 12), find("d", 1, 13)]).toEqual(["expired", "expired", "fresh"]);
  expect(importSessions(structuredClone(exportSessions(sessions)))).toEqual(sessions);
});
