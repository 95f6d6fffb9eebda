// More time for setup and teardown: what was asked for and granted is in the ledger, holds under another owner, and is
// the asker's alone. Entries committed by hand.

import { expect, test } from "bun:test";
import { extensionMs } from "../../src/ledger/limit.ts";
import { standing } from "../../src/ledger/standing.ts";
import { type Harness, SETUP, started, workflow } from "../ledger/harness.ts";

function extend(harness: Harness, progress: number) {
  const { token, share } = harness.one("::setup");
  return harness.commit({ kind: "extend", job: "j", workflow: "::setup", share, attemptToken: token, progress });
}

test("[MW-19.1.1] [LD-31.2.2] how often more time was granted, until when and for what progress is known to all", () => {
  const harness = started(1, [SETUP, workflow("a")]);
  harness.ready("::setup");
  expect(harness.workflow("::setup").limit).toEqual({ atMs: 10_000, granted: 0, progress: 0 });
  extend(harness, 7);
  extend(harness, 7);
  expect(harness.workflow("::setup").limit).toEqual({ atMs: 10_000 + extensionMs(0), granted: 1, progress: 7 });
});

test("[MW-19.2.2] [LD-41.22.2] only work done since the last time counts: who shows none has its limit and no more", () => {
  const harness = started(1, [SETUP, workflow("a")]);
  harness.ready("::setup");
  const kinds = [3, 3, 2, 4].map((progress) => extend(harness, progress)[0]?.kind);
  expect(kinds).toEqual(["deadline", "refused", "refused", "deadline"]);
  extend(harness, 4);
  harness.atMs = 10_000 + extensionMs(0) + extensionMs(1);
  harness.commit({ kind: "timeout", job: "j", workflow: "::setup", ownerToken: harness.ownerToken() });
  expect(harness.job().ending).toMatchObject({ errorCode: "setup-timeout" });
});

test("what was granted holds under a new owner: it is told the time that is left, grants included", () => {
  const harness = started(1, [SETUP, workflow("a")]);
  harness.ready("::setup");
  extend(harness, 1);
  harness.atMs = 4_000;
  harness.commit({ kind: "assign", job: "j", owner: "m2", boot: "1" });
  expect(standing(harness.job(), harness.atMs).at(-1)).toMatchObject({
    kind: "deadline",
    inMs: 6_000 + extensionMs(0),
  });
});
