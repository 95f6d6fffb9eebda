// The world of a node that can be ordered to suffer: its ports under one table of faults. Everything else of the node
// is what it always is.

import type { EngineReply, EngineRequest } from "../engine/messages.ts";
import type { World } from "../io/world.ts";
import { createPrng } from "../base/prng.ts";
import { FaultTable } from "./fault-table.ts";
import { faultyDatagrams } from "./faulty-datagrams.ts";
import { faultyDisk } from "./faulty-disk.ts";
import { faultyStreams } from "./faulty-streams.ts";
import { faultyThreads } from "./faulty-threads.ts";

export type FaultyWorld<Ports extends World<EngineRequest, EngineReply>> = {
  readonly world: Ports;
  readonly faults: FaultTable;
  /** Ends one engine thread. Out: false when there is none. */
  readonly crashCore: () => boolean;
};

/** In: ports as they are, secured or not. */
export function faultyWorld<Ports extends World<EngineRequest, EngineReply>>(ports: Ports): FaultyWorld<Ports> {
  const { clock, random } = ports;
  const [a = 0, b = 0, c = 0] = random.bytes(3);
  const faults = new FaultTable(clock, createPrng((a << 16) | (b << 8) | c, "chaos"));
  const threads = faultyThreads(ports.threads, faults);
  return {
    world: {
      ...ports,
      disk: faultyDisk(ports.disk, clock, faults),
      datagrams: faultyDatagrams(ports.datagrams, clock, faults),
      streams: faultyStreams(ports.streams, clock, faults),
      threads,
    },
    faults,
    crashCore: () => threads.crashOne(),
  };
}
