// Scenarios LD-41.10, what a submit is worth: goal, that it is named in the ledger when a majority keeps what it names,
// and acknowledged when that is committed. Method: the desk's submits over blobs and a ledger that answer when the test
// says so.

import { expect, test } from "bun:test";
import { digestOf } from "../../src/io/content-digest.ts";
import { createEmbeddedLedger } from "../../src/node/ledger-port.ts";
import { packSubmission } from "../../src/node/submission.ts";
import { type SubmitAnswer, Submits } from "../../src/node/submits.ts";
import { VirtualClock } from "../node/fake-world.ts";
import { BUNDLE, jobPlan } from "../node/plans.ts";

test("[LD-41.10.1] a submit waits for a majority's disks, then for its commit, and is answered after both", async () => {
  const clock = new VirtualClock();
  const ledger = createEmbeddedLedger(clock);
  const content = packSubmission({ plan: jobPlan(), bundle: BUNDLE, retries: 0 });
  const digest = digestOf(content);
  const spread = Promise.withResolvers<string>();
  const proposed: (() => void)[] = [];
  const submits = new Submits({
    clock,
    ledger: {
      state: ledger.state,
      propose: (proposal, settled) => void proposed.push(() => ledger.propose(proposal, settled)),
    },
    blobs: { pull: () => Promise.resolve(content), replicate: () => spread.promise },
  });
  const answers: SubmitAnswer[] = [];
  void submits.take({ client: "c", id: "job-1", digest, content: null }).then((said) => void answers.push(said));
  await clock.advance(1_000);
  expect([proposed.length, answers]).toEqual([0, []]);
  spread.resolve(digest);
  await clock.advance(1_000);
  expect([proposed.length, answers]).toEqual([1, []]);
  for (const commit of proposed) commit();
  await clock.advance(0);
  expect(answers).toEqual([{ kind: "accepted" }]);
  expect(ledger.state.jobs.get("job-1")).toMatchObject({ digest, submission: digest });
});
