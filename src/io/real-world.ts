// The real world: every port on this machine. Built by the entry points alone.

import { createClock } from "./clock.ts";
import { createDatagrams } from "./datagrams.ts";
import { createDisk } from "./disk.ts";
import { createLog, type Log } from "./log.ts";
import { createMemory } from "./memory.ts";
import { createProcess } from "./process.ts";
import { createStreams } from "./streams.ts";
import { createThreads } from "./threads.ts";
import type { World } from "./world.ts";

/** The ports of this process. In: where its log goes; default: stderr, from `info` up, plain. */
export function createWorld<Request, Reply>(log: Log = stderrLog()): World<Request, Reply> {
  return {
    clock: createClock(),
    threads: createThreads(),
    memory: createMemory(),
    random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    disk: createDisk(),
    datagrams: createDatagrams(),
    streams: createStreams(),
    process: createProcess(),
    log,
  };
}

function stderrLog(): Log {
  return createLog({ level: "info", color: false, line: (text) => process.stderr.write(`${text}\n`) });
}
