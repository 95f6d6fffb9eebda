// Any order of what can happen to jobs. Random scripts (shrunk by fast-check) drive the ledger under the eyes of an
// oracle with books of its own; at the end everything that still runs may finish: each job then has exactly one
// terminal state. Replicas that apply the same entries, one of them restored midway, agree on every effect.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { apply } from "../../src/ledger/apply.ts";
import { createLedger, liveAttempt } from "../../src/ledger/job.ts";
import { survey } from "../../src/ledger/placement.ts";
import { exportLedger, importLedger } from "../../src/ledger/snapshot.ts";
import type { AttemptId } from "../../src/load/share.ts";
import { Harness } from "./harness.ts";
import { Oracle } from "./oracle.ts";
import { allLive, finishAll, proposalOf, spec, type Step, steps } from "./script.ts";

type Specs = readonly (typeof spec extends fc.Arbitrary<infer Spec> ? Spec : never)[];

/** Runs the script over jobs j0, j1, ... Calls `before` and `after` around every step's own entry. */
function play(
  specs: Specs,
  script: readonly Step[],
  around?: { readonly before: (harness: Harness, proposal: object) => () => void },
): { readonly harness: Harness; readonly oracle: Oracle } {
  const harness = new Harness();
  const oracle = new Oracle();
  harness.watch = (index, entry, effects) => oracle.watch(index, entry, effects);
  harness.join("w0", 2, { labels: { zone: "a" } });
  for (const [at, one] of specs.entries())
    harness.commit({ kind: "submit", job: `j${at}`, digest: "d", submission: "", spec: one });
  const known: AttemptId[] = [];
  let seen = 0;
  for (const step of script) {
    harness.atMs += 10;
    const proposal = proposalOf(harness, step, known);
    if (proposal !== null) {
      const after = around?.before(harness, proposal);
      harness.commit(proposal);
      after?.();
    }
    for (; seen < harness.effects.length; seen++) {
      const effect = harness.effects[seen];
      if (effect?.kind === "dispatch") known.push(effect.attempt);
    }
    oracle.audit(harness.state);
  }
  return { harness, oracle };
}

test("[MW-10.1.1] [LD-28.1.1] [LD-41.19.5] every interleaving gives each job exactly one terminal state, with cores conserved and two fences", () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 3 }), steps, (specs, script) => {
      const { harness, oracle } = play(specs, script);
      finishAll(harness);
      oracle.audit(harness.state);
      for (const { kind } of harness.effects) reached.add(kind);
      for (const job of harness.state.jobs.values()) {
        expect(job.phase).toBe("finished");
        reached.add(`${job.outcome?.state} ${job.outcome?.errorCode}`);
        for (const found of job.workflows.values()) {
          reached.add(`${found.spec.role} ${found.state}`);
          for (const share of found.shares) expect(liveAttempt(share)).toBeNull();
        }
        const teardown = job.workflows.get("::teardown");
        const setup = job.workflows.get("::setup");
        if (teardown !== undefined && setup !== undefined)
          expect(teardown.state === "skipped").toBe(setup.state !== "ended");
      }
      const pool = survey(harness.state);
      expect(pool.free).toBe(pool.size);
    }),
    { numRuns: 400, seed: 7 },
  );
  // A batch that never gets there has tested nothing.
  expect([...reached].sort()).toEqual(
    expect.arrayContaining([
      ...["completed null", "completed thresholds", "cancelled interrupted", "cancelled cancelled"],
      ...["aborted aborted", "aborted thresholds", "failed failed", "failed load", "failed setup-timeout"],
      ...["setup ended", "setup failed", "teardown ended", "teardown skipped"],
      ...["user ended", "user cancelled", "user failed", "user skipped"],
      ...["adopt", "lost", "pause", "resume", "scale", "grant", "deadline", "stop", "forgotten", "refused"],
    ]),
  );
});

test("[LD-37.1.3] [LD-41.25.2] an entry under an old fence changes nothing", () => {
  let fenced = 0;
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 2 }), steps, (specs, script) => {
      play(specs, script, {
        before: (harness, proposal) => {
          const isOld =
            ("attemptToken" in proposal && !allLive(harness).some(({ token }) => token === proposal.attemptToken)) ||
            ("ownerToken" in proposal &&
              ![...harness.state.jobs.values()].some(({ owner }) => owner?.token === proposal.ownerToken));
          if (!isOld) return () => {};
          const jobs = structuredClone(harness.state.jobs);
          fenced++;
          return () => expect(harness.state.jobs).toEqual(jobs);
        },
      });
    }),
    { numRuns: 100, seed: 3 },
  );
  expect(fenced).toBeGreaterThan(100);
});

test("[LD-52.1] replicas agree on every effect, also one restored from a snapshot midway and one cloned", () => {
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 3 }), steps, fc.nat(), (specs, script, pick) => {
      const { harness } = play(specs, script);
      finishAll(harness);
      const cutAt = pick % harness.entries.length;
      let cloned = createLedger();
      let restored = createLedger();
      const effects = harness.entries.flatMap((entry, at) => {
        if (at === cutAt) {
          cloned = structuredClone(cloned);
          const sent: unknown = JSON.parse(JSON.stringify(exportLedger(restored)));
          const { ledger } = importLedger(sent);
          if (ledger === null) throw new Error("the ledger does not read its own snapshot");
          expect(ledger).toEqual(restored);
          expect(exportLedger(ledger)).toEqual(sent);
          restored = ledger;
        }
        const found = apply(cloned, at + 1, entry);
        expect(apply(restored, at + 1, entry)).toEqual(found);
        return found;
      });
      expect(effects).toEqual(harness.effects);
      expect(cloned).toEqual(harness.state);
      expect(restored).toEqual(harness.state);
    }),
    { numRuns: 60, seed: 11 },
  );
});
