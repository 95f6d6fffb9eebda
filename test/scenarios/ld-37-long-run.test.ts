// A day of one load: what is kept of it does not grow with its length. Entries committed by hand, a checkpoint every five
// seconds of ledger time.

import { expect, test } from "bun:test";
import { exportLedger } from "../../src/ledger/snapshot.ts";
import { type Harness, started, workflow } from "../ledger/harness.ts";

const HOUR_MS = 3_600_000;
const CHECKPOINT_MS = 5_000;

function checkpoint(harness: Harness, seq: number): void {
  const cuts = harness.live("a").map(({ share, token }) => ({
    ...{ workflow: "a", share, attemptToken: token, seq, taken: 0, snapshot: `digest ${seq}`.padEnd(64, "0") },
    resume: { kind: "elapsed", elapsedMs: seq * CHECKPOINT_MS, feeds: {} } as const,
    accounting: { scheduled: seq, started: seq, completed: seq, interrupted: 0, dropped: 0, unsent: 0 },
  }));
  harness.commit({ kind: "checkpoint", job: "j", ownerToken: harness.ownerToken(), cuts });
}

test("[LD-37.3.1] a load of 24 hours takes as much of the ledger at its end as after its first hour, and ends well", () => {
  const harness = started(4, [workflow("a", { toMs: 24 * HOUR_MS })]);
  harness.ready("a");
  const sizes: number[] = [];
  for (let hour = 0; hour < 24; hour++) {
    for (let at = 0; at < HOUR_MS; at += CHECKPOINT_MS) {
      harness.atMs += CHECKPOINT_MS;
      checkpoint(harness, harness.atMs / CHECKPOINT_MS);
    }
    // Owners change meanwhile.
    harness.commit({ kind: "assign", job: "j", owner: `m${hour % 3}`, boot: `${hour}` });
    harness.settle();
    sizes.push(JSON.stringify(exportLedger(harness.state)).length);
  }
  // Numbers have a digit or two more by then.
  expect((sizes[23] ?? Infinity) - (sizes[0] ?? 0)).toBeLessThan(200);
  harness.close("a");
  expect(harness.job().outcome).toMatchObject({ state: "completed", errorCode: null });
  expect(harness.workflow("a").shares.map(({ attempts }) => attempts.length)).toEqual([1, 1, 1, 1]);
});
