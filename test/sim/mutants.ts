// Planted bugs for the whole system: each is one change of the shipped text, made in a copy of the sources, so that the
// shipped code carries no switch for it. A simulation that catches none of them would prove nothing.

/** `find` occurs exactly once in `file` of src/. `profile`: the mix of faults it is looked for with. */
export type Mutant = {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly profile?: "all" | "net" | "disk" | "crash" | "clock";
};

const CONSENSUS: readonly Mutant[] = [
  {
    name: "a vote is not made durable",
    file: "raft/elect.ts",
    find: "if (hard.vote === null) promise(turn, { vote: from });",
    replace: "state.hard = { ...hard, vote: from };",
    profile: "crash",
  },
  {
    name: "a node votes twice in a term",
    file: "raft/elect.ts",
    find: "const isFree = hard.vote === from || (hard.vote === null && state.leader === null);",
    replace: "const isFree = true;",
  },
  {
    name: "votes go to candidates with older logs",
    file: "raft/log.ts",
    find: "return term > lastTerm(log) || (term === lastTerm(log) && index >= lastIndex(log));",
    replace: "return log.bytes >= 0 || term > index;",
  },
  {
    name: "half of the voters are a majority",
    file: "raft/quorum.ts",
    find: "return Math.floor(count / 2) + 1;",
    replace: "return Math.ceil(count / 2) - (count > 3 ? 1 : 0);",
    profile: "net",
  },
  {
    name: "a majority is one less of five",
    file: "raft/quorum.ts",
    find: "return Math.floor(count / 2) + 1;",
    replace: "return count >= 5 ? 2 : Math.floor(count / 2) + 1;",
    profile: "net",
  },
  {
    name: "sent counts as acknowledged",
    file: "raft/lead.ts",
    find: "(leading.peers.get(voter)?.acked ?? 0),",
    replace: "(leading.peers.get(voter)?.next ?? 1) - 1,",
    profile: "net",
  },
  {
    name: "entries are not made durable",
    file: "raft/commit.ts",
    find: 'turn.effects.push({ kind: "persist", record: { kind: "entries", entries } });',
    replace: "",
    profile: "crash",
  },
  {
    name: "conflicting entries stay",
    file: "raft/follow.ts",
    find: "&& termAt(state.log, entry.index) !== entry.term);",
    replace: "&& termAt(state.log, entry.index) === null);",
    profile: "net",
  },
  {
    name: "the previous entry's term is not compared",
    file: "raft/follow.ts",
    find: "if (!isKnown && termAt(state.log, message.prevIndex) !== message.prevTerm)",
    replace: "if (!isKnown && termAt(state.log, message.prevIndex) === null)",
    profile: "net",
  },
  {
    name: "a follower commits what it has not compared",
    file: "raft/follow.ts",
    find: "commitTo(turn, Math.min(message.commit, through));",
    replace: "commitTo(turn, Math.min(message.commit, lastIndex(state.log)));",
    profile: "net",
  },
  {
    name: "a candidate counts every answer as a vote",
    file: "raft/elect.ts",
    find: "state.votes.set(from, reply.isGranted);",
    replace: "state.votes.set(from, true);",
  },
  {
    name: "answers do not wait for the disk",
    file: "node/consensus.ts",
    find: 'if (effect === undefined || (effect.kind === "barrier" && !effect.isDurable)) break;',
    replace: "if (effect === undefined) break;",
    profile: "crash",
  },
  {
    name: "a sync that failed is tried again",
    file: "node/wal-writer.ts",
    find: "    await this.#file.syncData();\n    this.#tail = written.tail;",
    replace: "    await this.#file.syncData().catch(() => this.#file.syncData());\n    this.#tail = written.tail;",
    profile: "disk",
  },
  {
    name: "the log acknowledges before the sync",
    file: "node/wal-writer.ts",
    find: "    await this.#file.syncData();\n    this.#tail = written.tail;",
    replace: "    this.#tail = written.tail;",
    profile: "crash",
  },
  {
    name: "a recovering node votes",
    file: "raft/state.ts",
    find: '(state.hard.standing === "member" || state.hard.standing === "forming") && state.hard.lost === "nothing";',
    replace: 'state.hard.standing === "member" || state.hard.standing === "forming";',
    profile: "disk",
  },
  {
    name: "recovery ends at once",
    file: "raft/recovery.ts",
    find: "if (!isRecovering(state) || recovery.target === null || recovery.matched < recovery.target) return;",
    replace: "if (!isRecovering(state)) return;",
    profile: "disk",
  },
  {
    name: "a node that came blank counts as a full voter",
    file: "raft/state.ts",
    find: 'return state.hard.standing === "member" && state.hard.lost === "nothing";',
    replace: 'return state.hard.standing !== "blank" && state.hard.lost === "nothing";',
    profile: "disk",
  },
  {
    name: "a repeated proposal is applied again",
    file: "raft/commit.ts",
    find: 'if (verdict.kind === "fresh") {',
    replace: 'if (verdict.kind !== "expired") {',
  },
  {
    name: "no leader ever gives up without a quorum",
    file: "raft/lead.ts",
    find: "if (state.leading === null || now < quorumDeadline(state, state.leading)) return;",
    replace: "if (state.leading === null || now < quorumDeadline(state, state.leading) || now >= 0) return;",
    profile: "net",
  },
  {
    name: "corruption in the middle of the log is cut off as torn",
    file: "wal/recover.ts",
    find: "  if (!isLast) return fault(",
    replace: '  if (Math.abs(0) === 0) return { kind: "torn", sector };\n  if (!isLast) return fault(',
    profile: "disk",
  },
];

export const MUTANTS: readonly Mutant[] = [...CONSENSUS];
