// Planted bugs in the consensus of the managers and its log. What a mutant is: plant.ts.

import type { Mutant } from "./plant.ts";

export const CONSENSUS: readonly Mutant[] = [
  {
    name: "a vote is not made durable",
    file: "raft/elect.ts",
    find: "if (hard.vote === null) promise(turn, { vote: from });",
    replace: "state.hard = { ...hard, vote: from };",
    profile: "crash",
    proof: {
      file: "raft/raft-paper.test.ts",
      name: "figure 2: promises and entries are persisted before the answer leaves",
    },
  },
  {
    name: "a node votes twice in a term",
    file: "raft/elect.ts",
    find: "const isFree = hard.vote === from || (hard.vote === null && state.leader === null);",
    replace: "const isFree = true;",
    proof: {
      file: "raft/raft-paper.test.ts",
      name: "5.2: each server votes for at most one candidate in a term, first come first served, and repeats its answer",
    },
  },
  {
    name: "votes go to candidates with older logs",
    file: "raft/log.ts",
    find: "return term > lastTerm(log) || (term === lastTerm(log) && index >= lastIndex(log));",
    replace: "return log.bytes >= 0 || term > index;",
    proof: {
      file: "raft/raft-paper.test.ts",
      name: "5.4.1: a vote is refused to a candidate whose log is older, by last term and then by length",
    },
  },
  {
    name: "half of the voters are a majority",
    file: "raft/quorum.ts",
    find: "return Math.floor(count / 2) + 1;",
    replace: "return Math.ceil(count / 2) - (count > 3 ? 1 : 0);",
    profile: "net",
    proof: {
      file: "raft/raft-paper.test.ts",
      name: "[MW-15.2.2] [LD-41.21.5] 5.2: a candidate wins with a majority of all voters, not with fewer, and not with the same vote twice",
    },
  },
  {
    name: "a majority is one less of five",
    file: "raft/quorum.ts",
    find: "return Math.floor(count / 2) + 1;",
    replace: "return count >= 5 ? 2 : Math.floor(count / 2) + 1;",
    profile: "net",
    proof: {
      file: "raft/raft-paper.test.ts",
      name: "[MW-15.2.2] [LD-41.21.5] 5.2: a candidate wins with a majority of all voters, not with fewer, and not with the same vote twice",
    },
  },
  {
    name: "sent counts as acknowledged",
    file: "raft/lead.ts",
    find: "(leading.peers.get(voter)?.acked ?? 0),",
    replace: "(leading.peers.get(voter)?.next ?? 1) - 1,",
    profile: "net",
    proof: {
      file: "node/consensus/durability.test.ts",
      name: "[MW-15.1.2] what was sent and not answered is not acknowledged, though both others hold it",
    },
  },
  {
    name: "entries are not made durable",
    file: "raft/commit.ts",
    find: 'turn.effects.push({ kind: "persist", record: { kind: "entries", entries } });',
    replace: "",
    profile: "crash",
    proof: {
      file: "raft/raft-paper.test.ts",
      name: "figure 2: promises and entries are persisted before the answer leaves",
    },
  },
  {
    name: "conflicting entries stay",
    file: "raft/follow.ts",
    find: "&& termAt(state.log, entry.index) !== entry.term);",
    replace: "&& termAt(state.log, entry.index) === null);",
    profile: "net",
    proof: {
      file: "raft/raft-paper.test.ts",
      name: "5.3: a conflicting entry is deleted with all that follow it, durably, before the answer",
    },
  },
  {
    name: "the previous entry's term is not compared",
    file: "raft/follow.ts",
    find: "if (!isKnown && termAt(state.log, message.prevIndex) !== message.prevTerm)",
    replace: "if (!isKnown && termAt(state.log, message.prevIndex) === null)",
    profile: "net",
    proof: {
      file: "raft/raft-paper.test.ts",
      name: "5.3: a follower refuses entries whose predecessor it lacks or has otherwise",
    },
  },
  {
    name: "a follower commits what it has not compared",
    file: "raft/follow.ts",
    find: "commitTo(turn, Math.min(message.commit, through));",
    replace: "commitTo(turn, Math.min(message.commit, lastIndex(state.log)));",
    profile: "net",
    proof: {
      file: "raft/raft-paper.test.ts",
      name: "5.3: the commit index of a follower never passes what it compared with the leader",
    },
  },
  {
    name: "a candidate counts every answer as a vote",
    file: "raft/elect.ts",
    find: "state.votes.set(from, reply.isGranted);",
    replace: "state.votes.set(from, true);",
    proof: { file: "raft/transcripts.test.ts", name: "the transcript election.txt is what the core does" },
  },
  {
    name: "answers do not wait for the disk",
    file: "node/consensus/consensus.ts",
    find: 'if (effect === undefined || (effect.kind === "barrier" && !effect.isDurable)) break;',
    replace: "if (effect === undefined) break;",
    profile: "crash",
    proof: {
      file: "node/consensus/durability.test.ts",
      name: "a follower's answer waits for its disk: what one disk of three holds is not acknowledged",
    },
  },
  {
    name: "a sync that failed is tried again",
    file: "node/consensus/wal-writer.ts",
    find: "    await this.#file.syncData();\n    this.#tail = written.tail;",
    replace: "    await this.#file.syncData().catch(() => this.#file.syncData());\n    this.#tail = written.tail;",
    profile: "disk",
    proof: {
      file: "node/consensus/wal-store.test.ts",
      name: "[LD-41.26.1] stops the log for good, tells every waiter and whoever watches, and syncs no more",
    },
  },
  {
    name: "the log acknowledges before the sync",
    file: "node/consensus/wal-writer.ts",
    find: "    await this.#file.syncData();\n    this.#tail = written.tail;",
    replace: "    this.#tail = written.tail;",
    profile: "crash",
    proof: {
      file: "node/consensus/consensus.test.ts",
      name: "[LD-41.10.4] [LD-41.10.2] [LD-41.10.1] the power goes at all three at once: what was acknowledged is there afterwards",
    },
  },
  {
    name: "a recovering node votes",
    file: "raft/state.ts",
    find: '(state.hard.standing === "member" || state.hard.standing === "forming") && state.hard.lost === "nothing";',
    replace: 'state.hard.standing === "member" || state.hard.standing === "forming";',
    profile: "disk",
    proof: {
      file: "node/consensus/durability.test.ts",
      name: "a manager whose log was damaged votes for nobody until it has back what it had acknowledged",
    },
  },
  {
    name: "recovery ends at once",
    file: "raft/recovery.ts",
    find: "if (!isRecovering(state) || recovery.target === null || recovery.matched < recovery.target) return;",
    replace: "if (!isRecovering(state)) return;",
    profile: "disk",
    proof: {
      file: "node/consensus/consensus.test.ts",
      name: "damage in the middle of a log is repaired from the others, without a vote until then",
    },
  },
  {
    name: "a node that came blank counts as a full voter",
    file: "raft/state.ts",
    find: 'return state.hard.standing === "member" && state.hard.lost === "nothing";',
    replace: 'return state.hard.standing !== "blank" && state.hard.lost === "nothing";',
    profile: "disk",
    proof: {
      file: "raft/membership.test.ts",
      name: "a disk wiped under its old name takes entries, never votes or counts, and says that it is barred",
    },
  },
  {
    name: "a repeated proposal is applied again",
    file: "raft/commit.ts",
    find: 'if (verdict.kind === "fresh") {',
    replace: 'if (verdict.kind !== "expired") {',
    proof: {
      file: "raft/raft-dissertation.test.ts",
      name: "6.3: a proposal that came twice into the log is applied once",
    },
  },
  {
    name: "no leader ever gives up without a quorum",
    file: "raft/lead.ts",
    find: "if (state.leading === null || now < quorumDeadline(state, state.leading)) return;",
    replace: "if (state.leading === null || now < quorumDeadline(state, state.leading) || now >= 0) return;",
    profile: "net",
    proof: {
      file: "raft/raft-dissertation.test.ts",
      name: "[MW-15.2.3] 6.2: a leader that no majority answers for 0.9 T steps down, also when it slept and is asked something else",
    },
  },
  {
    name: "corruption in the middle of the log is cut off as torn",
    file: "wal/recover.ts",
    find: "  if (!isLast) return fault(",
    replace: '  if (Math.abs(0) === 0) return { kind: "torn", sector };\n  if (!isLast) return fault(',
    profile: "disk",
    proof: {
      file: "node/consensus/consensus.test.ts",
      name: "damage in the middle of a log is repaired from the others, without a vote until then",
    },
  },
];
