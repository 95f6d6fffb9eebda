// Cores of unequal workers: a load takes them all, whichever worker they are on, and two loads get the same. Entries
// committed by hand.

import { expect, test } from "bun:test";
import { Harness, workflow } from "../ledger/harness.ts";

function perWorker(harness: Harness, name: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { worker } of harness.workflow(name).shares.flatMap(({ attempts }) => attempts))
    counts[worker] = (counts[worker] ?? 0) + 1;
  return counts;
}

test("[LD-46.2] workers of 1, 2 and 8 cores get as many shares as they have cores", () => {
  const harness = new Harness();
  for (const [worker, cores] of Object.entries({ w1: 1, w2: 2, w3: 8 })) harness.join(worker, cores);
  harness.submit([workflow("a")]);
  expect(perWorker(harness, "a")).toEqual({ w1: 1, w2: 2, w3: 8 });
});

test("[LD-46.2] a load of fewer shares than cores is spread over the workers before any takes two", () => {
  const harness = new Harness();
  for (const [worker, cores] of Object.entries({ w1: 1, w2: 2, w3: 8 })) harness.join(worker, cores);
  harness.submit([workflow("a", { sharesMax: 3 })]);
  expect(perWorker(harness, "a")).toEqual({ w1: 1, w2: 1, w3: 1 });
});

test("[LD-46.2] two loads side by side get equal parts of unequal workers", () => {
  const harness = new Harness();
  for (const [worker, cores] of Object.entries({ w1: 2, w2: 6 })) harness.join(worker, cores);
  harness.submit([workflow("a"), workflow("b")]);
  const totals = ["a", "b"].map((name) =>
    Object.values(perWorker(harness, name)).reduce((sum, count) => sum + count, 0),
  );
  expect(totals).toEqual([4, 4]);
});
