// Planted bugs in who may do what, and who gets what: the two fences, leases, orders, submits, cores, membership. What
// a mutant is: plant.ts.

import type { Mutant } from "./plant.ts";

export const OWNING: readonly Mutant[] = [
  {
    name: "a worker goes on without a lease",
    file: "node/worker/tenant.ts",
    find: "tenure.leaseUntilMs = leaseUntilMs(tenure.leaseUntilMs, Math.min(sentAtMs, heardAtMs));",
    replace: "tenure.leaseUntilMs = heardAtMs + 1e9;",
    profile: "net",
    proof: {
      file: "scenarios/mw-12-orphans.test.ts",
      name: "[MW-12.1.1] [MW-12.2.1] silence of the owner is noticed by its renewals; the share goes on for its lease",
    },
  },
  {
    name: "an owner does not wait for the lease",
    file: "node/owner/owner.ts",
    find: "if (nowMs >= freeMs) return owned.course?.lose(",
    replace: "if (nowMs + 1e9 >= freeMs) return owned.course?.lose(",
    profile: "net",
    proof: {
      file: "node/cluster.test.ts",
      name: "[LD-44.1] [MW-6.1.3] [MW-6.1.4] one is cut off: it stops with its lease, and only then its work moves; what it had sent is counted late",
    },
  },
  {
    name: "an owner renews without a quorum",
    file: "node/lease.ts",
    find: "return nowMs - caughtUpAtMs <= CONTACT_MS;",
    replace: "return nowMs >= caughtUpAtMs;",
    profile: "net",
    proof: {
      file: "scenarios/ld-33-split.test.ts",
      name: "[LD-33.1.2] [LD-33.2.2] [LD-41.3.4] an owner cut off with a worker loses the job; no share runs on both sides at once",
    },
  },
  {
    name: "any owner's proposals are taken",
    file: "ledger/apply.ts",
    find: 'if ("ownerToken" in entry && entry.ownerToken !== known.owner?.token)',
    replace: 'if ("ownerToken" in entry && entry.ownerToken < 0)',
    profile: "net",
    proof: {
      file: "ledger/apply.test.ts",
      name: "[LD-28.2.1] [LD-28.2.2] [LD-43.4] an earlier owner's proposals are stale, and the new owner is told again what is outstanding",
    },
  },
  {
    name: "a worker takes orders of an earlier owner",
    file: "node/worker/tenant.ts",
    find: "    if (ownerToken < tenure.ownerToken) return null;\n",
    replace: "",
    profile: "net",
    proof: {
      file: "scenarios/mw-13-leadership.test.ts",
      name: "[MW-13.1.2] [MW-13.2.1] [LD-41.3.5] an older owner's word changes nothing: no stop, no dispatch, no lease",
    },
  },
  {
    name: "a workflow may start twice",
    file: "ledger/attempts.ts",
    find: 'workflow?.state === "preparing" && workflow.shares.every((share) => liveAttempt(share)?.state === "ready");',
    replace: 'workflow?.state === "preparing" || workflow?.state === "running";',
    proof: {
      file: "ledger/attempts.test.ts",
      name: "is refused before every share is ready, and when it has been: the clock of the first one stays",
    },
  },
  {
    name: "a start begins its clock anew for each that joins",
    file: "ledger/standing.ts",
    find: "  const startAtMs = workflow.startAtMs ?? nowMs;",
    replace: "  const startAtMs = Math.max(nowMs, workflow.startAtMs ?? nowMs);",
    proof: {
      file: "ledger/apply.test.ts",
      name: "[MW-20.3.1] [LD-47.3] [MW-3.1.4] with retry budget the rest runs again under a new token from the sealed resume, until it is spent",
    },
  },
  {
    name: "a submit is acknowledged before it is committed",
    file: "node/submits.ts",
    find: "      this.#waiting.push({ id, content, settle });",
    replace: '      settle({ kind: "accepted" });\n      this.#waiting.push({ id, content, settle });',
    proof: {
      file: "scenarios/ld-41-submits.test.ts",
      name: "[LD-41.10.1] a submit waits for a majority's disks, then for its commit, and is answered after both",
    },
  },
  {
    name: "another content of a known id is taken for the same",
    file: "ledger/submissions.ts",
    find: "  if (knownDigest !== undefined && knownDigest !== digest)",
    replace: '  if (knownDigest !== undefined && knownDigest === "")',
    proof: {
      file: "ledger/apply.test.ts",
      name: "[LD-32.2.3] [LD-41.5.4] the same submit again is the same job, another content under its id is a conflict",
    },
  },
  {
    name: "blobs are kept by one manager alone",
    file: "node/blobs/spreading.ts",
    find: "  if (voters.length > 0 && keeping > voters.length / 2) settle.resolve();",
    replace: "  if (voters.length > 0 && keeping > 0) settle.resolve();",
    profile: "disk",
    proof: { file: "node/blobs/blobs.test.ts", name: "waits without a majority, and goes on when the others are back" },
  },
  {
    name: "the older of two attempts of a share is not stopped",
    file: "node/worker/tenant.ts",
    find: '      if (isOlder) this.#handBack(other, "a newer attempt of its share was dispatched");\n',
    replace: "      if (isOlder) continue;\n",
    profile: "net",
    proof: {
      file: "scenarios/mw-8-worker.test.ts",
      name: "a newer attempt of a share stops the older one at once, and no attempt of another share",
    },
  },
  {
    name: "a worker forgets what it did before that is committed",
    file: "node/worker/tenant.ts",
    find: "    if (over !== null) this.#tell(outbox, over);\n",
    replace: "    if (over !== null) this.#tell(outbox, over);\n    this.#forget(outbox.attempt.token);\n",
    profile: "net",
    proof: {
      file: "scenarios/mw-8-worker.test.ts",
      name: "[MW-8.5.2] [MW-8.5.3] its end goes to the owner with the last cut before it, and is kept until committed",
    },
  },
  {
    name: "a lost message is never said again",
    file: "node/owner/worker-hall.ts",
    find: "for (const step of reconcile(job, speaker, known)) this.#take",
    replace: "for (const step of reconcile(job, speaker, known).slice(0, 0)) this.#take",
    proof: {
      file: "scenarios/mw-6-failures.test.ts",
      name: "[MW-6.3.1] [MW-6.3.3] a result that nobody heard is asked for when the worker is back: nothing runs twice",
    },
  },
  {
    name: "an uncertain loss is taken for certain",
    file: "ledger/workers.ts",
    find: "for (const { id, attempt } of running) lose(turn, id, attempt, isCertain);",
    replace: "for (const { id, attempt } of running) lose(turn, id, attempt, true);",
    profile: "net",
    proof: {
      file: "ledger/workers.test.ts",
      name: "[MW-5.4.3] [LD-50.1] loses its attempts uncertainly; back in the same life it simply goes on",
    },
  },
  {
    name: "a leader's reset state is not looked at again",
    file: "node/owner/owner.ts",
    find: "    ports.ledger.onReset(() => this.#reset());\n",
    replace: "",
    proof: {
      file: "node/owner/succession.test.ts",
      name: "takes on what a snapshot of the ledger brought, and gives up what is another's by then",
    },
  },
  {
    name: "ledger time runs by the wall clock",
    file: "node/consensus/replica.ts",
    find: "return Math.max(this.#state.nowMs, this.#options.world.clock.nowMs() + this.#offsetMs);",
    replace: "return this.#options.world.clock.epochMs() - 1_767_225_600_000 + 0 * this.#offsetMs;",
    profile: "clock",
    proof: {
      file: "node/consensus/ledger-time.test.ts",
      name: "[LD-24.2.2] wall clocks that are hours off and jump do not move ledger time, under any leader",
    },
  },
  {
    name: "who is accused does not refute",
    file: "swim/merge.ts",
    find: "if (state.refuteTokens < 1) return;",
    replace: "if (state.refuteTokens < 1e9) return;",
    profile: "net",
    proof: {
      file: "swim/claims.test.ts",
      name: "who is accused refutes at once, above the accusation, and not without end",
    },
  },
  {
    name: "the boot counter does not rise",
    file: "node/identity.ts",
    find: "const boot = (before?.boot ?? 0) + 1;",
    replace: "const boot = before?.boot ?? 1;",
    profile: "crash",
    proof: { file: "node/identity.test.ts", name: "keeps the id and counts starts" },
  },
  {
    name: "a submission is named before a majority keeps it",
    file: "node/submits.ts",
    find: "const kept = await blobs.replicate(bytes, { timeoutMs: FETCH_MS });",
    replace: "blobs.replicate(bytes, { timeoutMs: FETCH_MS }).catch(() => {});\n    const kept = digest;",
    profile: "disk",
    proof: {
      file: "scenarios/ld-41-submits.test.ts",
      name: "[LD-41.10.1] a submit waits for a majority's disks, then for its commit, and is answered after both",
    },
  },
  {
    name: "seals name blobs that one manager keeps alone",
    file: "node/owner/vault.ts",
    find: "keep: (kept) => blobs.replicate(packKept(kept)),",
    replace: "keep: (kept) => blobs.keep(packKept(kept)),",
    profile: "crash",
    proof: {
      file: "node/owner/vault.test.ts",
      name: "a cut has its name when a majority keeps it, and not when this manager does",
    },
  },
  {
    name: "a load starts before its setup is committed",
    file: "ledger/flow.ts",
    find: 'return setup === null || setup.state === "ended";',
    replace: 'return setup === null || setup.state !== "waiting";',
    proof: {
      file: "ledger/setup-teardown.test.ts",
      name: "setup runs alone before everything, its value goes to every later attempt, teardown runs alone after",
    },
  },
  {
    name: "a job that ends early has no teardown",
    file: "ledger/flow.ts",
    find: 'return workflow.spec.role === "teardown" || job.ending === null;',
    replace: "return job.ending === null;",
    proof: { file: "ledger/setup-teardown.test.ts", name: "after a committed setup, teardown runs on" },
  },
  {
    name: "a lease runs from when the answer came",
    file: "node/worker/tenant.ts",
    find: "leaseUntilMs(tenure.leaseUntilMs, Math.min(sentAtMs, heardAtMs));",
    replace: "leaseUntilMs(tenure.leaseUntilMs, heardAtMs);",
    profile: "net",
    proof: {
      file: "scenarios/mw-12-orphans.test.ts",
      name: "[MW-12.1.3] the lease runs from when the renewal was asked for, not from when the answer came",
    },
  },
  {
    name: "an attempt starts without a lease",
    file: "node/worker/tenant.ts",
    find: 'if (start === null || state !== "ready" || nowMs >= tenure.leaseUntilMs) return;',
    replace: 'if (start === null || state !== "ready") return;',
    profile: "net",
    proof: {
      file: "scenarios/mw-12-orphans.test.ts",
      name: "a share that is ready does not start without a lease, and starts with the renewal",
    },
  },
  {
    name: "a new owner is thought to hold what the last one did",
    file: "node/worker/tenant.ts",
    find: "      for (const outbox of this.#outboxes.values()) if (outbox.attempt.job === job) outbox.acked = 0;\n",
    replace: "",
    profile: "crash",
    proof: {
      file: "scenarios/mw-13-leadership.test.ts",
      name: "[MW-13.1.1] [MW-13.1.3] [LD-41.4.1] a newer owner is believed: it gets all reports from now on, and everything again",
    },
  },
  {
    name: "the blobs of checkpoints are collected",
    file: "node/owner/vault.ts",
    find: "for (const cut of [seal, checkpoint])",
    replace: "for (const cut of [seal])",
    proof: {
      file: "node/owner/vault.test.ts",
      name: "what seals and checkpoints of a running job name is needed, of a finished one its result alone",
    },
  },
  {
    name: "a forgotten job runs again",
    file: "ledger/submissions.ts",
    find: "mintedMs <= state.forgottenThroughMs;",
    replace: "mintedMs < 0;",
    proof: {
      file: "ledger/submissions.test.ts",
      name: "[GM-1.5.1] [LD-32.1.4] [LD-32.2.4] is expired by its id, and so is every id minted before it; a newer one runs",
    },
  },
  {
    name: "a worker's former life comes back",
    file: "ledger/workers.ts",
    find: "if (known?.former.includes(boot) === true)",
    replace: 'if (known?.boot === "")',
    profile: "crash",
    proof: {
      file: "ledger/workers.test.ts",
      name: "[LD-37.1.2] that is over does not come back by a late word, and its leave says nothing of the newer one",
    },
  },
  {
    name: "a worker that lost its work is thought to go on",
    file: "node/owner/reconcile.ts",
    find: 'return nowMs - startAtMs > LEASE_MS ? [{ kind: "lost", attempt }] : [];',
    replace: "return [];",
    profile: "crash",
    proof: {
      file: "node/owner/reconcile.test.ts",
      name: "is lost once it has: it would count from the beginning again",
    },
  },
  {
    name: "an owner left behind has newer work forgotten",
    file: "node/owner/reconcile.ts",
    find: "if (attempt.token <= applied) steps.push",
    replace: "if (attempt.token > 0) steps.push",
    profile: "net",
    proof: {
      file: "node/owner/reconcile.test.ts",
      name: "is left alone when it may be newer than what this owner has applied",
    },
  },
  {
    name: "a manager stops work of a job it has not heard of",
    file: "node/owner/worker-hall.ts",
    find: "if (job === undefined) return token <= this.#ports.applied();",
    replace: "if (job === undefined) return token > 0;",
    profile: "net",
    proof: {
      file: "node/owner/worker-hall.test.ts",
      name: "attempts of a job it has not heard of are over only if they are older than what it knows",
    },
  },
  {
    name: "a worker's next life is heard for the one before",
    file: "node/owner/worker-hall.ts",
    find: "if (!course.run.attempts.has(report.attempt.token) || !this.#isOfLife(report.attempt, boot)) return;",
    replace: "if (!course.run.attempts.has(report.attempt.token)) return;",
    profile: "crash",
    proof: {
      file: "node/owner/worker-hall.test.ts",
      name: "the end of an attempt is believed to the life that had it alone",
    },
  },
  {
    name: "a worker's next life is given what the one before had",
    file: "node/owner/worker-hall.ts",
    find: "    if (!isOfLife(job, request.attempt, this.#ports.bootOf(worker))) return;\n",
    replace: "",
    profile: "crash",
    proof: {
      file: "node/owner/worker-hall.test.ts",
      name: "what a life of a worker was given is ordered of it, and not of the one that came after",
    },
  },
  {
    name: "a share that joins in a pause begins at once",
    file: "ledger/flow.ts",
    find: "if (workflow.startAtMs === null || job.isPaused) return;",
    replace: "if (workflow.startAtMs === null) return;",
    proof: {
      file: "ledger/steering.test.ts",
      name: "moves the schedule: it ends later by as much, and who joins joins where it stands",
    },
  },
  {
    name: "a workflow is placed in part",
    file: "ledger/placement.ts",
    find: "  if (open.length < least) return null;\n",
    replace: "",
    proof: {
      file: "ledger/placement.test.ts",
      name: "[MW-10.1.2] [MW-10.1.3] [MW-2.2.2] never share a core: the second waits whole, and starts when enough cores came free",
    },
  },
  {
    name: "nothing is kept free for who waits",
    file: "ledger/placement.ts",
    find: "if (isForExclusive || (core.job === null && ahead.length > 0)) continue;",
    replace: "if (isForExclusive) continue;",
    proof: {
      file: "ledger/fairness.test.ts",
      name: "[LD-46.1] is overtaken by small ones at first, then its cores are kept free for it",
    },
  },
  {
    name: "the rest of a pool goes with its attempt",
    file: "ledger/sealing.ts",
    find: "  if (workflow.pool !== null && attempt.seal !== null) release(workflow.pool, attempt.token, progressOf(attempt.seal));\n",
    replace: "",
    profile: "crash",
    proof: {
      file: "ledger/pool.test.ts",
      name: "a failed attempt's open ranges go to the next ones, its done ones to nobody",
    },
  },
  {
    name: "a full disk takes submits",
    file: "node/consensus/wal-writer.ts",
    find: 'return this.#waitsForSpace > 0 ? "full" : "ok";',
    replace: 'return this.#waitsForSpace > 1e9 ? "full" : "ok";',
    profile: "disk",
    proof: {
      file: "node/consensus/consensus.test.ts",
      name: "[LD-41.10.3] at the leader: submits are refused as disk_full, others wait, and both go on when there is space",
    },
  },
  {
    name: "a core sends without a lease",
    file: "engine/http/core.ts",
    find: "return nowMs + this.#originMs < this.#permit[0]!;",
    replace: "return nowMs > -this.#permit[0]!;",
    proof: {
      file: "engine/http/connection.test.ts",
      name: "that is over holds requests back before their first byte, on new and kept connections, until it is renewed",
    },
  },
  {
    name: "an order that comes again on another way is carried out again",
    file: "ledger/steering.ts",
    find: "  if (job.orders.includes(entry.order)) return;\n",
    replace: "",
    proof: {
      file: "node/steering.test.ts",
      name: "that a cut-off manager was asked for too is not carried out after the resume",
    },
  },
  {
    name: "a change of the managers that waited is made though they are others by then",
    file: "node/consensus/peer-changes.ts",
    find: 'if (isOther(view)) return refused("changed", changedText(view));',
    replace: "",
    proof: {
      file: "node/consensus/peer-changes.test.ts",
      name: "one that waits for answers of a majority is not done once the managers are others",
    },
  },
];
