// Goal: what a ledger names is with a majority before it is named, and nothing that a job still needs is collected.
// Method: blobs that answer when the test says so; the names a ledger calls for, step by step of a job's way.

import { expect, test } from "bun:test";
import { NO_ACCOUNTING } from "../../../src/ledger/accounting.ts";
import { createBlobVault, reachable } from "../../../src/node/owner/vault.ts";
import { CLEAR_VALUES } from "../../../src/node/stored-values.ts";
import { CLOSED, started, workflow } from "../../ledger/harness.ts";

test("what seals and checkpoints of a running job name is needed, of a finished one its result alone", () => {
  const harness = started(2, [workflow("a", { sharesMax: 2 })]);
  const needed = (): readonly string[] => [...reachable(harness.state)].filter((name) => name !== "").toSorted();
  harness.ready("a");
  const [first, second] = harness.live("a");
  if (first === undefined || second === undefined) throw new Error("there are two shares");
  const kept = (seq: number): void =>
    void harness.commit({
      kind: "checkpoint",
      job: "j",
      ownerToken: harness.ownerToken(),
      cuts: [first, second].map(({ share, token }) => ({
        workflow: "a",
        share,
        attemptToken: token,
        seq,
        resume: null,
        snapshot: `cut ${seq}`,
        taken: 0,
        accounting: NO_ACCOUNTING,
      })),
    });
  expect(needed()).toEqual([]);
  kept(5);
  expect(needed()).toEqual(["cut 5"]);
  kept(6);
  expect(needed()).toEqual(["cut 6"]);
  harness.seal(first, CLOSED, { seq: 7 });
  expect(needed()).toEqual([`${first.token}`, "cut 6"].toSorted());
  harness.seal(second, CLOSED, { seq: 7 });
  expect(harness.job().phase).toBe("finished");
  expect(needed()).toEqual([]);
});

test("a cut has its name when a majority keeps it, and not when this manager does", async () => {
  const spread = Promise.withResolvers<string>();
  const vault = createBlobVault(
    {
      have: () => Promise.resolve(true),
      keep: () => Promise.resolve("here alone"),
      pull: () => Promise.reject(new Error("nothing is pulled")),
      replicate: () => spread.promise,
      collect: () => Promise.resolve([]),
      isDiskFull: false,
      close: () => {},
    },
    CLEAR_VALUES,
  );
  const notes = { startedAtEpochMs: 0, warnings: [], disturbed: [], unheard: [], late: 0, vus: null };
  const names: string[] = [];
  const named = Promise.resolve(vault.keep({ notes, attempts: [] })).then((name) => void names.push(name));
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  expect(names).toEqual([]);
  spread.resolve("with a majority");
  await named;
  expect(names).toEqual(["with a majority"]);
});
