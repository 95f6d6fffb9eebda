// The real world: every port on this machine. Built by the entry points alone.

import { createClock } from "./clock.ts";
import { createDisk } from "./disk.ts";
import { createMemory } from "./memory.ts";
import { createThreads } from "./threads.ts";
import type { World } from "./world.ts";

/** The ports of this process. */
export function createWorld<Request, Reply>(): World<Request, Reply> {
  return {
    clock: createClock(),
    threads: createThreads(),
    memory: createMemory(),
    random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    disk: createDisk(),
  };
}
