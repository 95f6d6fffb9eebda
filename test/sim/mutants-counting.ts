// Planted bugs in what is counted: seals, checkpoints, what moves, budgets, values. What a mutant is: plant.ts.

import type { Mutant } from "./plant.ts";

export const COUNTING: readonly Mutant[] = [
  {
    name: "time in which a worker stood still is part of its pace",
    file: "node/owner/run.ts",
    find: "cutMs - snapshot.generator.stillMs);",
    replace: "cutMs);",
    profile: "crash",
    proof: {
      file: "node/owner/unreported.test.ts",
      name: "what it did is laid on the time in which its loop turned: standing still is no pace",
    },
  },
  {
    name: "what comes after the seal is summed",
    file: "node/owner/run.ts",
    find: "  if (attempt.isSealing) {",
    replace: "  if (attempt.isSealing && attempt.late < 0) {",
    proof: {
      file: "node/owner/owner.test.ts",
      name: "[LD-50.2] [LD-45.4] loss, repetition and disorder of snapshots do no harm; what follows the seal is late and not summed",
    },
  },
  {
    name: "a share that moves starts its ramp anew",
    file: "node/worker/tenant.ts",
    find: "      inMs: start.atMs - nowMs,",
    replace: "      inMs: Math.max(0, start.atMs - nowMs),",
    proof: {
      file: "scenarios/mw-12-orphans.test.ts",
      name: "a share that is ready does not start without a lease, and starts with the renewal",
    },
  },
  {
    name: "lost arrivals are fired",
    file: "load/driver.ts",
    find: "  driver.arrival = next;\n  driver.arrivalAtMs = arrivalAt(driver, next);\n  return next - before;",
    replace: "  return before - before;",
    proof: { file: "load/driver.test.ts", name: "lost ones are exactly those due before the instant" },
  },
  {
    name: "a share that moves begins from the beginning",
    file: "ledger/standing.ts",
    find: "const resume = share.attempts.findLast(({ seal }) => seal?.resume != null)?.seal?.resume ?? null;",
    replace: "const resume = share.attempts.findLast(({ seal }) => seal?.seq === -1)?.seal?.resume ?? null;",
    proof: {
      file: "ledger/attempts.test.ts",
      name: "[LD-45.8] goes on each time from its newest seal, and a seal that says nothing of it takes nothing back",
    },
  },
  {
    name: "a share goes on from its first seal",
    file: "ledger/standing.ts",
    find: "const resume = share.attempts.findLast(({ seal }) => seal?.resume != null)?.seal?.resume ?? null;",
    replace: "const resume = share.attempts.find(({ seal }) => seal?.resume != null)?.seal?.resume ?? null;",
    proof: {
      file: "ledger/attempts.test.ts",
      name: "[LD-45.8] goes on each time from its newest seal, and a seal that says nothing of it takes nothing back",
    },
  },
  {
    name: "a seal keeps no numbers",
    file: "ledger/sealing.ts",
    find: "attempt.seal = entry.seq >= (attempt.checkpoint?.seq ?? 0) ? cutOf(entry) : attempt.checkpoint;",
    replace: 'attempt.seal = { ...cutOf(entry), snapshot: "", seq: 0 };',
    proof: {
      file: "node/owner/vault.test.ts",
      name: "what seals and checkpoints of a running job name is needed, of a finished one its result alone",
    },
  },
  {
    name: "an older cut replaces a newer one",
    file: "load/merge.ts",
    find: "if (held !== null && held.cut.seq >= seq) return { cut: held.cut, series };",
    replace: "if (held !== null && held.cut.seq > seq + 1e9) return { cut: held.cut, series };",
    profile: "net",
    proof: {
      file: "load/merge.test.ts",
      name: "[LD-21.2.4] an older cut changes neither the state of the newest nor a sum that fell since",
    },
  },
  {
    name: "a gap in the snapshots is not noticed",
    file: "node/owner/intake.ts",
    find: "if (base > intake.seq || cut.seq <= intake.seq || part >= parts) return null;",
    replace: "if (cut.seq <= intake.seq || part >= parts) return null;",
    profile: "net",
    proof: {
      file: "node/owner/intake.test.ts",
      name: "[LD-23.3.3] that builds on one which did not arrive is not taken, though all its series are known",
    },
  },
  {
    name: "nothing is ever said to be unreported",
    file: "node/owner/unreported.ts",
    find: "return { requests: requestsMax(rate, ms) + open, seconds: 0 };",
    replace: "return { requests: 0, seconds: 0 };",
    profile: "crash",
    proof: {
      file: "node/owner/unreported.test.ts",
      name: "three times its fastest pace so far, since its last report",
    },
  },
  {
    name: "who outruns its reports keeps silent until the next is due",
    file: "engine/thread.ts",
    find: "if (isAhead(this.#pace, more, nowMs - atMs)) this.#report(false, false);",
    replace: "if (atMs > nowMs) this.#report(false, false);",
    profile: "crash",
    proof: {
      file: "engine/thread.test.ts",
      name: "who sends faster than its reports said reports at once, with all requests so far",
    },
  },
  {
    name: "unsent requests are not told of",
    file: "ledger/accounting.ts",
    find: "    unsent: left.unsent + right.unsent,",
    replace: "    unsent: Math.max(left.unsent, right.unsent),",
    proof: {
      file: "ledger/attempts.test.ts",
      name: "[LD-51.2] is the sum of all its attempts, in everything that is counted",
    },
  },
  {
    name: "the retry budget is not kept",
    file: "ledger/sealing.ts",
    find: "    job.retriesUsed < job.retries &&\n",
    replace: "",
    proof: {
      file: "ledger/apply.test.ts",
      name: "[MW-20.3.1] [LD-47.3] [MW-3.1.4] with retry budget the rest runs again under a new token from the sealed resume, until it is spent",
    },
  },
  {
    name: "a seal takes back what a checkpoint had",
    file: "ledger/sealing.ts",
    find: "attempt.seal = entry.seq >= (attempt.checkpoint?.seq ?? 0) ? cutOf(entry) : attempt.checkpoint;",
    replace: "attempt.seal = cutOf(entry);",
    profile: "crash",
    proof: {
      file: "ledger/workers.test.ts",
      name: "takes in every attempt of the job but the stale ones among them, which it leaves out",
    },
  },
  {
    name: "an older checkpoint replaces a newer one",
    file: "ledger/attempts.ts",
    find: "entry.seq > (attempt.checkpoint?.seq ?? -1);",
    replace: "entry.seq > -1;",
    profile: "net",
    proof: {
      file: "ledger/workers.test.ts",
      name: "takes in every attempt of the job but the stale ones among them, which it leaves out",
    },
  },
  {
    name: "a checkpoint counts for another attempt of the share",
    file: "ledger/attempts.ts",
    find: "const isNewest = attempt.token === entry.attemptToken && ",
    replace: "const isNewest = ",
    profile: "net",
    proof: {
      file: "ledger/workers.test.ts",
      name: "takes in every attempt of the job but the stale ones among them, which it leaves out",
    },
  },
  {
    name: "words of a sealed attempt count for the newest",
    file: "ledger/apply.ts",
    find: "if (attempt?.token !== entry.attemptToken) {",
    replace: "if (attempt === null) {",
    profile: "net",
    proof: {
      file: "ledger/apply.test.ts",
      name: "an older attempt's seal does not end the newer attempt of its share",
    },
  },
  {
    name: "a setup that runs again is not told of",
    file: "ledger/sealing.ts",
    find: '  if (!share.isOver && role !== "user") job.reruns++;\n',
    replace: "",
    profile: "crash",
    proof: { file: "ledger/apply.test.ts", name: "a setup whose runner died runs again and is counted" },
  },
  {
    name: "a lost worker costs the retry budget",
    file: "ledger/sealing.ts",
    find: "  const isDone = workflow.pool !== null && isDry(workflow.pool);\n",
    replace: "  const isDone = workflow.pool !== null && isDry(workflow.pool);\n  job.retriesUsed++;\n",
    profile: "crash",
    proof: {
      file: "ledger/apply.test.ts",
      name: "[LD-51.2] [LD-45.8] a lost attempt costs no budget; its share moves, and is summed over both",
    },
  },
  {
    name: "poison is given out without end",
    file: "ledger/sealing.ts",
    find: "if (workers.length < 2) return runAgain",
    replace: "if (workers.length < 99) return runAgain",
    profile: "crash",
    proof: {
      file: "ledger/apply.test.ts",
      name: "[LD-30.2.2] two different workers that die within a minute of a share's start: poison, both named",
    },
  },
  {
    name: "a share whose time is over runs again",
    file: "ledger/sealing.ts",
    find: "share.isOver = isDone || isExpired(workflow, turn.state.nowMs) ||",
    replace: "share.isOver = isDone ||",
    profile: "crash",
    proof: {
      file: "ledger/apply.test.ts",
      name: "[LD-22.2.4] a share whose schedule has passed is closed when it is lost, not run again",
    },
  },
  {
    name: "an attempt is sealed before its last cut is here",
    file: "node/owner/intake.ts",
    find: "return over !== null && seq >= over.seq && offers >= over.offers;",
    replace: "return over !== null && offers >= over.offers;",
    profile: "net",
    proof: {
      file: "node/owner/intake.test.ts",
      name: "[LD-44.4] [LD-45.4] waits for the last snapshot and the last value before it, whichever comes first",
    },
  },
  {
    name: "values that are missing do not hold up a seal",
    file: "node/owner/intake.ts",
    find: "return over !== null && seq >= over.seq && offers >= over.offers;",
    replace: "return over !== null && seq >= over.seq;",
    profile: "net",
    proof: {
      file: "node/worker/outbox.test.ts",
      name: "[LD-41.11.3] values: a gap is noticed, all that count are told again, and the end waits for them",
    },
  },
  {
    name: "a seal overtakes the values of its attempt",
    file: "node/owner/seals.ts",
    find: "if (this.#providing.has(id.token)) this.#due",
    replace: "if (this.#providing.size < 0) this.#due",
    proof: {
      file: "node/owner/succession.test.ts",
      name: "[LD-41.11.3] a value that is proposed is committed before the end of its attempt, however long it takes",
    },
  },
  {
    name: "the unreported bound is lost with its owner",
    file: "node/owner/adoption.ts",
    find: "  for (const { notes } of kept.values()) takeNotes(run, notes);\n",
    replace: "",
    profile: "crash",
    proof: {
      file: "node/owner/succession.test.ts",
      name: "tells the bound of what nobody heard, though it was the last one that lost the worker",
    },
  },
  {
    name: "verdicts are lost with their owner",
    file: "node/owner/adoption.ts",
    find: "  for (const { metricKey, expression } of job.verdicts.values())\n    run.latched.set(`${metricKey} ${expression}`, { metricKey, expression, ok: false, value: null });\n",
    replace: "",
    proof: {
      file: "node/owner/succession.test.ts",
      name: "holds a threshold for failed that failed under the last one",
    },
  },
  {
    name: "no checkpoint is ever committed",
    file: "node/owner/seals.ts",
    find: "if (job === null || this.#isKeeping || running.length === 0) return;",
    replace: "if (job === null || this.#isKeeping || running.length >= 0) return;",
    profile: "crash",
    proof: {
      file: "node/owner/succession.test.ts",
      name: "[LD-30.1.3] counts what the last one held at its checkpoint, when the worker died with it",
    },
  },
  {
    name: "the lowest VU's value holds",
    file: "ledger/provide.ts",
    find: "vu > held.vu ||",
    replace: "vu < held.vu ||",
    proof: {
      file: "ledger/apply.test.ts",
      name: "[LD-41.28.2] of several providers the highest VU, then iteration, holds in any order, and their number is said",
    },
  },
  {
    name: "a value may be of any size",
    file: "ledger/provide.ts",
    find: "if (bytes > PROVIDE_BYTES_MAX)",
    replace: "if (bytes > PROVIDE_BYTES_MAX * 1e3)",
    proof: {
      file: "ledger/apply.test.ts",
      name: "a value over 64 KiB and a job over 1 MiB are refused by name; replacing a value is not adding to it",
    },
  },
];
