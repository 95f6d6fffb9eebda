// Goal: ledger time is elapsed time, whatever the wall clocks of the managers say. Method: three managers on simulated
// hosts whose wall clocks are hours off and jump while leaders change.

import { expect, test } from "bun:test";
import { Books } from "../ledger-books.ts";
import { Managers } from "../sim-managers.ts";

test("[LD-24.2.2] wall clocks that are hours off and jump do not move ledger time, under any leader", () => {
  const books = new Books();
  const managers = new Managers({ seed: 31, onOpen: (_, replica) => books.watch(replica) });
  for (const [at, { host }] of managers.all.entries()) host.clock.jumpWall((at - 1) * 7 * 3_600_000);
  const settle = (): void => {
    managers.until("one leads", () => managers.leaders().length === 1);
    const job = books.submit(managers.leader());
    managers.until("applied", () => books.outcome(job)?.kind === "applied");
    managers.untilSettled();
  };
  settle();
  const startMs = managers.kernel.nowMs;
  const begin = managers.leader().replica?.nowMs() ?? Number.NaN;
  for (const hours of [30, -100]) {
    const leader = managers.leader();
    leader.host.clock.jumpWall(hours * 3_600_000);
    settle();
    managers.network.isolate(leader.host.name);
    managers.until("another leads", () => managers.leaders().some((manager) => manager !== leader));
    managers.network.heal();
    settle();
  }
  const passedMs = managers.kernel.nowMs - startMs;
  // Who does not lead is behind by as much as the newest entry took.
  for (const { replica } of managers.all)
    expect(Math.abs((replica?.nowMs() ?? Number.NaN) - begin - passedMs)).toBeLessThan(2_000);
}, 30_000);
