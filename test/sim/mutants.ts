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
    file: "node/consensus/consensus.ts",
    find: 'if (effect === undefined || (effect.kind === "barrier" && !effect.isDurable)) break;',
    replace: "if (effect === undefined) break;",
    profile: "crash",
  },
  {
    name: "a sync that failed is tried again",
    file: "node/consensus/wal-writer.ts",
    find: "    await this.#file.syncData();\n    this.#tail = written.tail;",
    replace: "    await this.#file.syncData().catch(() => this.#file.syncData());\n    this.#tail = written.tail;",
    profile: "disk",
  },
  {
    name: "the log acknowledges before the sync",
    file: "node/consensus/wal-writer.ts",
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

const COUNTING: readonly Mutant[] = [
  {
    name: "what comes after the seal is summed",
    file: "node/owner/run.ts",
    find: "  if (attempt.isSealing) {",
    replace: "  if (attempt.isSealing && attempt.late < 0) {",
  },
  {
    name: "a share that moves starts its ramp anew",
    file: "node/worker/tenant.ts",
    find: "      inMs: start.atMs - nowMs,",
    replace: "      inMs: Math.max(0, start.atMs - nowMs),",
  },
  {
    name: "lost arrivals are fired",
    file: "load/driver.ts",
    find: "  driver.arrival = next;\n  driver.arrivalAtMs = arrivalAt(driver, next);\n  return next - before;",
    replace: "  return before - before;",
  },
  {
    name: "a share that moves begins from the beginning",
    file: "ledger/standing.ts",
    find: "const resume = share.attempts.findLast(({ seal }) => seal?.resume != null)?.seal?.resume ?? null;",
    replace: "const resume = share.attempts.findLast(({ seal }) => seal?.seq === -1)?.seal?.resume ?? null;",
  },
  {
    name: "a share goes on from its first seal",
    file: "ledger/standing.ts",
    find: "const resume = share.attempts.findLast(({ seal }) => seal?.resume != null)?.seal?.resume ?? null;",
    replace: "const resume = share.attempts.find(({ seal }) => seal?.resume != null)?.seal?.resume ?? null;",
  },
  {
    name: "a seal keeps no numbers",
    file: "ledger/sealing.ts",
    find: "attempt.seal = entry.seq >= (attempt.checkpoint?.seq ?? 0) ? cutOf(entry) : attempt.checkpoint;",
    replace: 'attempt.seal = { ...cutOf(entry), snapshot: "", seq: 0 };',
  },
  {
    name: "an older cut replaces a newer one",
    file: "load/merge.ts",
    find: "if (held !== null && held.cut.seq >= seq) return { cut: held.cut, series };",
    replace: "if (held !== null && held.cut.seq > seq + 1e9) return { cut: held.cut, series };",
    profile: "net",
  },
  {
    name: "a gap in the snapshots is not noticed",
    file: "node/owner/intake.ts",
    find: "if (base > intake.seq || cut.seq <= intake.seq || part >= parts) return null;",
    replace: "if (cut.seq <= intake.seq || part >= parts) return null;",
    profile: "net",
  },
  {
    name: "nothing is ever said to be unreported",
    file: "node/owner/unreported.ts",
    find: "  return Math.ceil(rateOf(run, attempt) * MARGIN * seconds) + open;",
    replace: "  return Math.min(0, Math.ceil(rateOf(run, attempt) * MARGIN * seconds) + open);",
    profile: "crash",
  },
  {
    name: "unsent requests are not told of",
    file: "ledger/accounting.ts",
    find: "    unsent: left.unsent + right.unsent,",
    replace: "    unsent: Math.max(left.unsent, right.unsent),",
  },
  {
    name: "the retry budget is not kept",
    file: "ledger/sealing.ts",
    find: "    job.retriesUsed < job.retries &&\n",
    replace: "",
  },
];

const OWNING: readonly Mutant[] = [
  {
    name: "a worker goes on without a lease",
    file: "node/worker/tenant.ts",
    find: "if (isSending(outbox.state) && nowMs >= untilMs) this.#handBack",
    replace: "if (isSending(outbox.state) && nowMs >= untilMs + 1e9) this.#handBack",
    profile: "net",
  },
  {
    name: "an owner does not wait for the lease",
    file: "node/owner/owner.ts",
    find: "if (nowMs >= freeMs) return owned.course?.lose(",
    replace: "if (nowMs + 1e9 >= freeMs) return owned.course?.lose(",
    profile: "net",
  },
  {
    name: "an owner renews without a quorum",
    file: "node/lease.ts",
    find: "return nowMs - caughtUpAtMs <= CONTACT_MS;",
    replace: "return nowMs >= caughtUpAtMs;",
    profile: "net",
  },
  {
    name: "any owner's proposals are taken",
    file: "ledger/apply.ts",
    find: 'if ("ownerToken" in entry && entry.ownerToken !== job.owner?.token)',
    replace: 'if ("ownerToken" in entry && entry.ownerToken < 0)',
    profile: "net",
  },
  {
    name: "a worker takes orders of an earlier owner",
    file: "node/worker/tenant.ts",
    find: "    if (ownerToken < tenure.ownerToken) return null;\n",
    replace: "",
    profile: "net",
  },
  {
    name: "a workflow may start twice",
    file: "ledger/attempts.ts",
    find: 'workflow?.state === "preparing" && workflow.shares.every((share) => liveAttempt(share)?.state === "ready");',
    replace: 'workflow?.state === "preparing" || workflow?.state === "running";',
  },
  {
    name: "a start begins its clock anew for each that joins",
    file: "ledger/standing.ts",
    find: "  const startAtMs = workflow.startAtMs ?? nowMs;",
    replace: "  const startAtMs = Math.max(nowMs, workflow.startAtMs ?? nowMs);",
  },
  {
    name: "a submit is acknowledged before it is committed",
    file: "node/desk.ts",
    find: "      await blobs.replicate(bytes, { timeoutMs: FETCH_MS });",
    replace:
      '      if (retries >= 0) return { kind: "accepted" };\n      await blobs.replicate(bytes, { timeoutMs: FETCH_MS });',
  },
  {
    name: "another content of a known id is taken for the same",
    file: "ledger/submissions.ts",
    find: "  if (knownDigest !== undefined && knownDigest !== digest)",
    replace: '  if (knownDigest !== undefined && knownDigest === "")',
  },
  {
    name: "blobs are kept by one manager alone",
    file: "node/blobs/blobs.ts",
    find: "        if (voters.length > 0 && stored > voters.length / 2) resolve();",
    replace: "        if (voters.length > 0 && stored > 0) resolve();",
    profile: "disk",
  },
  {
    name: "the older of two attempts of a share is not stopped",
    file: "node/worker/tenant.ts",
    find: '      if (isOlder) this.#handBack(other, "a newer attempt of its share was dispatched");\n',
    replace: "      if (isOlder) continue;\n",
    profile: "net",
  },
  {
    name: "a worker forgets what it did before that is committed",
    file: "node/worker/tenant.ts",
    find: "    if (over !== null) this.#tell(outbox, over);\n",
    replace: "    if (over !== null) this.#tell(outbox, over);\n    this.#forget(outbox.attempt.token);\n",
    profile: "net",
  },
  {
    name: "a lost message is never said again",
    file: "node/owner/worker-hall.ts",
    find: "for (const step of reconcile(job, speaker, known)) this.#take",
    replace: "for (const step of reconcile(job, speaker, known).slice(0, 0)) this.#take",
  },
  {
    name: "an uncertain loss is taken for certain",
    file: "ledger/workers.ts",
    find: "for (const { id, attempt } of running) lose(turn, id, attempt, isCertain);",
    replace: "for (const { id, attempt } of running) lose(turn, id, attempt, true);",
    profile: "net",
  },
  {
    name: "a leader's reset state is not looked at again",
    file: "node/owner/owner.ts",
    find: "    ports.ledger.onReset(() => this.look());\n",
    replace: "",
  },
  {
    name: "ledger time runs by the wall clock",
    file: "node/consensus/replica.ts",
    find: "    return this.#options.world.clock.nowMs() + this.#offsetMs;",
    replace: "    return this.#options.world.clock.epochMs() - 1_767_225_600_000 + 0 * this.#offsetMs;",
    profile: "clock",
  },
];

const MEMBERSHIP: readonly Mutant[] = [
  {
    name: "who is accused does not refute",
    file: "swim/merge.ts",
    find: "if (state.refuteTokens < 1) return;",
    replace: "if (state.refuteTokens < 1e9) return;",
    profile: "net",
  },
  {
    name: "the boot counter does not rise",
    file: "node/identity.ts",
    find: "const boot = (before?.boot ?? 0) + 1;",
    replace: "const boot = before?.boot ?? 1;",
    profile: "crash",
  },
];

export const MUTANTS: readonly Mutant[] = [...COUNTING, ...OWNING, ...CONSENSUS, ...MEMBERSHIP];
