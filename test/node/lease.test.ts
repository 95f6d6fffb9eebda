// The rules of leases: numbers of design, and that both sides together never overlap, whatever is lost, however clocks
// run within their bound.

import { expect, test } from "bun:test";
import { createPrng, nextFloat } from "../../src/base/prng.ts";
import { CONTACT_MS, freeAtMs, LEASE_MS, leaseUntilMs, mayRenew } from "../../src/node/lease.ts";

test("an owner renews while it heard a leader with quorum within 3 s", () => {
  expect([mayRenew(10_000, 7_000), mayRenew(10_000, 6_999), mayRenew(10_000, -Infinity)]).toEqual([true, false, false]);
});

test("a worker's lease ends 10 s after it asked, and an older answer takes nothing back", () => {
  expect(leaseUntilMs(-Infinity, 1_000)).toBe(11_000);
  expect(leaseUntilMs(11_000, 500)).toBe(11_000);
});

test("work is free 1.1 leases after the last renewal, and 3 s later where an earlier owner may have renewed", () => {
  expect(freeAtMs({ renewedAtMs: 1_000, assignedAtMs: 0 })).toBe(12_000);
  expect(freeAtMs({ renewedAtMs: null, assignedAtMs: 1_000 })).toBe(15_000);
});

test("[LD-53.1] whatever the delay of a renewal and the drift of the worker's clock up to a tenth, it has stopped by then", () => {
  const prng = createPrng(7, "leases");
  for (let run = 0; run < 10_000; run++) {
    const asked = nextFloat(prng) * 5_000;
    const renewed = asked + nextFloat(prng) * 20_000;
    // True ms for one ms of the worker's clock.
    const drift = 1 + nextFloat(prng) * 0.1;
    const stopsAt = asked + (leaseUntilMs(-Infinity, 0) - 0) * drift;
    expect(freeAtMs({ renewedAtMs: renewed, assignedAtMs: 0 })).toBeGreaterThanOrEqual(stopsAt);
    // An owner before this one last renewed at most CONTACT_MS after the assign, for a request sent before that.
    const assigned = nextFloat(prng) * 5_000;
    const before = assigned + nextFloat(prng) * CONTACT_MS;
    const stopsToo = before - nextFloat(prng) * 1_000 + LEASE_MS * drift;
    expect(freeAtMs({ renewedAtMs: null, assignedAtMs: assigned })).toBeGreaterThanOrEqual(stopsToo);
  }
});
