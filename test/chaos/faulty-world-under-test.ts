// Two hosts whose ports are under tables of faults, in simulated time: for the conformance suite and for tests of what
// the faults do. Not a test.

import { createPrng } from "../../src/base/prng.ts";
import { FaultTable } from "../../src/chaos/fault-table.ts";
import { faultyDatagrams } from "../../src/chaos/faulty-datagrams.ts";
import { faultyDisk } from "../../src/chaos/faulty-disk.ts";
import { faultyStreams } from "../../src/chaos/faulty-streams.ts";
import type { Fault } from "../../src/chaos/faults.ts";
import { type Peer, SIMULATED, type WorldUnderTest } from "../io/conformance/world-under-test.ts";

/** A host, and what it suffers. */
export type FaultyPeer = Peer & { readonly faults: FaultTable };

export const HOUR_MS = 3_600_000;

/** Runs the body on two faulty hosts over the simulated world. */
export function runFaulty(body: (here: FaultyPeer, there: FaultyPeer) => Promise<void>): Promise<void> {
  return SIMULATED.run((here, there) => body(faulty(here), faulty(there)));
}

/** The world of the conformance suite, with a fault from the start or none. */
export function underFault(fault: Fault | null): WorldUnderTest {
  return {
    name: fault === null ? "healthy" : fault.kind,
    run: (body) =>
      runFaulty((here, there) => {
        if (fault !== null) for (const { faults } of [here, there]) faults.inflict(fault, HOUR_MS);
        return body(here, there);
      }),
  };
}

function faulty(peer: Peer): FaultyPeer {
  const { clock } = peer.ports;
  const faults = new FaultTable(clock, createPrng(7, peer.host));
  const { disk, datagrams, streams } = peer.ports;
  return {
    ...peer,
    faults,
    ports: {
      ...peer.ports,
      disk: faultyDisk(disk, clock, faults),
      datagrams: faultyDatagrams(datagrams, clock, faults),
      streams: faultyStreams(streams, clock, faults),
    },
  };
}
