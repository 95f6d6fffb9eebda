// Planted bugs: each is one change of the shipped text, loaded from a copy, so that the shipped code carries no
// switch for it. A checker that catches none of them would prove nothing.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Core } from "./cluster.ts";
import type { PASSAGES } from "./passages.ts";

/**
 * `find` occurs exactly once in `file` of src/raft. `caughtBy`: the seed where the search for a catching run begins,
 * or a passage.
 */
export type Mutant = {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly caughtBy: number | keyof typeof PASSAGES;
};

export const MUTANTS: readonly Mutant[] = [
  {
    name: "a vote is not made durable",
    file: "elect.ts",
    caughtBy: 1,
    find: "if (hard.vote === null) promise(turn, { vote: from });",
    replace: "state.hard = { ...hard, vote: from };",
  },
  {
    name: "a node votes twice in a term",
    file: "elect.ts",
    caughtBy: 1,
    find: "const isFree = hard.vote === from || (hard.vote === null && state.leader === null);",
    replace: "const isFree = true;",
  },
  {
    name: "a candidate's term is not made durable",
    file: "elect.ts",
    caughtBy: 1,
    find: "promise(turn, { term: state.hard.term + 1, vote: self });",
    replace: "state.hard = { ...state.hard, term: state.hard.term + 1, vote: self };",
  },
  {
    name: "votes go to candidates with older logs",
    file: "log.ts",
    caughtBy: 1,
    find: "return term > lastTerm(log) || (term === lastTerm(log) && index >= lastIndex(log));",
    replace: "return log.bytes >= 0 || term > index;",
  },
  {
    name: "only the length of logs is compared",
    file: "log.ts",
    caughtBy: "5.4.1: the last term decides before the length",
    find: "return term > lastTerm(log) || (term === lastTerm(log) && index >= lastIndex(log));",
    replace: "return index >= lastIndex(log) || term < 0;",
  },
  {
    name: "voters that hear a leader vote all the same",
    file: "elect.ts",
    caughtBy: "4.2.3: a fresh leader is not deposed",
    find: "return state.leader !== null && state.leader !== candidate && now",
    replace: 'return state.leader === "" && state.leader !== candidate && now',
  },
  {
    name: "half of the voters are a majority",
    file: "quorum.ts",
    caughtBy: 1,
    find: "return Math.floor(count / 2) + 1;",
    replace: "return Math.ceil(count / 2) - (count > 3 ? 1 : 0);",
  },
  {
    name: "entries of older terms are committed by counting",
    file: "lead.ts",
    caughtBy: 1,
    find: "if (held <= state.commit || termAt(state.log, held) !== state.hard.term) return;",
    replace: "if (held <= state.commit) return;",
  },
  {
    name: "sent counts as acknowledged",
    file: "lead.ts",
    caughtBy: 1,
    find: "(leading.peers.get(voter)?.acked ?? 0),",
    replace: "(leading.peers.get(voter)?.next ?? 1) - 1,",
  },
  {
    name: "entries are not made durable",
    file: "commit.ts",
    caughtBy: 1,
    find: 'turn.effects.push({ kind: "persist", record: { kind: "entries", entries } });',
    replace: "",
  },
  {
    name: "a truncation is not made durable",
    file: "commit.ts",
    caughtBy: 1,
    find: 'turn.effects.push({ kind: "persist", record: { kind: "truncate", from } });',
    replace: "",
  },
  {
    name: "conflicting entries stay",
    file: "follow.ts",
    caughtBy: 1,
    find: "&& termAt(state.log, entry.index) !== entry.term);",
    replace: "&& termAt(state.log, entry.index) === null);",
  },
  {
    name: "the previous entry's term is not compared",
    file: "follow.ts",
    caughtBy: 1,
    find: "if (!isKnown && termAt(state.log, message.prevIndex) !== message.prevTerm)",
    replace: "if (!isKnown && termAt(state.log, message.prevIndex) === null)",
  },
  {
    name: "a follower commits what it has not compared",
    file: "follow.ts",
    caughtBy: 1,
    find: "commitTo(turn, Math.min(message.commit, through));",
    replace: "commitTo(turn, Math.min(message.commit, lastIndex(state.log)));",
  },
  {
    name: "a leader without a quorum stays",
    file: "lead.ts",
    caughtBy: 1,
    find: "if (state.leading === null || now < quorumDeadline(state, state.leading)) return;",
    replace: "if (state.leading === null || now < quorumDeadline(state, state.leading) || now % 1e9 >= 0) return;",
  },
  {
    name: "a leader without a quorum stays twice as long",
    file: "lead.ts",
    caughtBy: 1,
    find: "leading.startedAt) + state.config.quorumMs;",
    replace: "leading.startedAt) + 2 * state.config.quorumMs;",
  },
  {
    name: "reads do not wait for a round",
    file: "lead.ts",
    caughtBy: "6.4: a read waits for a round of answers",
    find: "while (leading.reads[0] !== undefined && leading.reads[0].round <= round) {",
    replace: "while (leading.reads[0] !== undefined && round <= Infinity) {",
  },
  {
    name: "reads are answered before an entry of the term is committed",
    file: "lead.ts",
    caughtBy: 1,
    find: "if (state.commit < leading.firstIndex) leading.earlyReads.push(...ids);\n  else openRound",
    replace: "openRound",
  },
  {
    name: "a repeated proposal is applied again",
    file: "commit.ts",
    caughtBy: "6.3: a proposal that came twice into the log is applied once",
    find: 'if (verdict.kind === "fresh") {',
    replace: 'if (verdict.kind !== "expired") {',
  },
  {
    name: "a forgotten client is taken for a new one",
    file: "sessions.ts",
    caughtBy: 1,
    find: 'return proposal.since < sessions.evictedThrough ? { kind: "expired" } : { kind: "fresh" };',
    replace: 'return { kind: "fresh" };',
  },
  {
    name: "snapshots leave the sessions out",
    file: "commit.ts",
    caughtBy: 1,
    find: "sessions: exportSessions(state.sessions) };",
    replace: "sessions: { evictedThrough: 0, clients: [] } };",
  },
  {
    name: "an older snapshot is installed",
    file: "follow.ts",
    caughtBy: "7: a snapshot behind what is committed is ignored",
    find: "if (message.index <= state.commit) {",
    replace: "if (message.index < 0) {",
  },
  {
    name: "an installed snapshot leaves the old log",
    file: "commit.ts",
    caughtBy: 1,
    find: "snapshot, dropsLog: true } });",
    replace: "snapshot, dropsLog: false } });",
  },
  {
    name: "a membership that was voided stays in force",
    file: "commit.ts",
    caughtBy: 1,
    find: "state.memberships = state.memberships.filter(({ index }) => index < from);",
    replace: "",
  },
  {
    name: "changes of membership do not wait for each other",
    file: "lead.ts",
    caughtBy: 1,
    find: "return state.commit >= leading.firstIndex && (state.memberships.at(-1)?.index ?? 0) <= state.commit;",
    replace: "return leading.firstIndex > 0;",
  },
  {
    name: "a recovering node votes",
    file: "state.ts",
    caughtBy: 1,
    find: '(state.hard.standing === "member" || state.hard.standing === "forming") && state.hard.lost === "nothing";',
    replace: 'state.hard.standing === "member" || state.hard.standing === "forming";',
  },
  {
    name: "recovery ends at once",
    file: "recovery.ts",
    caughtBy: 1,
    find: "if (!isRecovering(state) || recovery.target === null || recovery.matched < recovery.target) return;",
    replace: "if (!isRecovering(state)) return;",
  },
  {
    name: "the window of appends has no end",
    file: "replicate.ts",
    caughtBy: 1,
    find: "if (progress.inflight.length >= limits.inflightMessagesMax || ",
    replace: "if (progress.inflight.length < 0 || ",
  },
  {
    name: "a snapshot is never sent again",
    file: "replicate.ts",
    caughtBy: 1,
    find: "if (sending !== null && now - sending.movedAt >= 3 * state.config.heartbeatMs) {",
    replace: "if (sending !== null && now < 0) {",
  },
  {
    name: "a node that came blank counts as a full voter",
    file: "state.ts",
    caughtBy: "a wiped disk under an old name is barred",
    find: 'return state.hard.standing === "member" && state.hard.lost === "nothing";',
    replace: 'return state.hard.standing !== "blank" && state.hard.lost === "nothing";',
  },
  {
    name: "there is no pre-vote",
    file: "elect.ts",
    caughtBy: "9.6: who asks in vain raises no term",
    find: 'if (tally(votersOf(state), state.votes) === "won") startElection(turn, false);\n  else askVotes(turn, false);',
    replace: "startElection(turn, false);",
  },
  {
    name: "a refused append counts as accepted",
    file: "lead.ts",
    caughtBy: 1,
    find: "if (reply.isAccepted) noteAccepted(turn, progress, reply);\n  else noteConflict(turn, progress, reply);",
    replace: "noteAccepted(turn, progress, reply);",
  },
];

const SOURCE = join(import.meta.dir, "../../src");

/** The core with one bug in it, from a fresh copy. `close` removes the copy. */
export async function loadMutant(mutant: Mutant): Promise<{ readonly core: Core; readonly close: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), "raft-mutant-"));
  for (const part of ["base", "raft"]) cpSync(join(SOURCE, part), join(folder, part), { recursive: true });
  const path = join(folder, "raft", mutant.file);
  const text = readFileSync(path, "utf8");
  const count = text.split(mutant.find).length - 1;
  if (count !== 1)
    throw new Error(`"${mutant.find}" occurs ${count} times in ${mutant.file}: "${mutant.name}" must be planted anew`);
  writeFileSync(
    path,
    text.replace(mutant.find, () => mutant.replace),
  );
  const core: Core = await import(join(folder, "raft/raft.ts"));
  return { core, close: () => rmSync(folder, { recursive: true }) };
}
