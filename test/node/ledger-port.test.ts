// Goal: the embedded ledger behaves as the replicated one does to those above it. Method: a clock set by hand.

import { describe, expect, test } from "bun:test";
import { createEmbeddedLedger, type ProposalOutcome } from "../../src/node/ledger-port.ts";
import { submitOf } from "./ledger-books.ts";

function ledgerAt(startMs: number): { ledger: ReturnType<typeof createEmbeddedLedger>; pass: (ms: number) => void } {
  let nowMs = startMs;
  const clock = { nowMs: () => nowMs, epochMs: () => 0, setTimer: () => ({ cancel: () => {} }) };
  return {
    ledger: createEmbeddedLedger(clock),
    pass: (ms) => {
      nowMs += ms;
    },
  };
}

const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe("the embedded ledger", () => {
  test("applies in order, stamped with its own time, never within propose, and settles after the handlers", async () => {
    const { ledger, pass } = ledgerAt(5_000);
    const said: string[] = [];
    ledger.onApplied(({ index, entry }) => said.push(`first ${index} at ${entry.atMs}`));
    ledger.onApplied(({ index }) => said.push(`second ${index}`));
    pass(250);
    ledger.propose(submitOf("a"), (outcome) => said.push(`settled ${outcome.kind}`));
    ledger.propose(submitOf("b"));
    expect(said).toEqual([]);
    await settled();
    expect(said).toEqual(["first 1 at 250", "second 1", "settled applied", "first 2 at 250", "second 2"]);
    expect([...ledger.state.jobs.keys()]).toEqual(["a", "b"]);
    expect(ledger.nowMs()).toBe(250);
  });

  test("gives the proposer the effects of its entry", async () => {
    const { ledger } = ledgerAt(0);
    const outcomes: ProposalOutcome[] = [];
    ledger.propose({ kind: "cancel", job: "none", by: "user" }, (outcome) => outcomes.push(outcome));
    await settled();
    expect(outcomes).toMatchObject([{ kind: "applied", index: 1, effects: [{ kind: "refused", code: "unknown" }] }]);
  });

  test("refuses what is no entry, and counts no index for it", async () => {
    const { ledger } = ledgerAt(0);
    const outcomes: ProposalOutcome[] = [];
    ledger.propose(submitOf(""), (outcome) => outcomes.push(outcome));
    ledger.propose(submitOf("b"), (outcome) => outcomes.push(outcome));
    await settled();
    expect(outcomes).toMatchObject([
      { kind: "refused", code: "invalid" },
      { kind: "applied", index: 1 },
    ]);
  });
});
