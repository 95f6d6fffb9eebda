// A world that the conformance suite runs on: ports of two hosts that reach each other, and a way to run a test's body
// to its end. On the real one both hosts are this machine.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClock } from "../../../src/io/clock.ts";
import { createDatagrams } from "../../../src/io/datagrams.ts";
import { createDisk } from "../../../src/io/disk.ts";
import { createStreams } from "../../../src/io/streams.ts";
import type { NodeWorld } from "../../../src/io/world.ts";
import { SimHost } from "../../../src/sim/host.ts";
import { Kernel } from "../../../src/sim/kernel.ts";
import { Network } from "../../../src/sim/network.ts";

/** All that both can offer: a real process cannot end itself in a test, and a log is no port to conform. */
export type Ports = Omit<NodeWorld, "process" | "log">;

export type Peer = {
  readonly ports: Ports;
  /** What the other calls it. */
  readonly host: string;
  /** An absolute folder that is there and empty. */
  readonly folder: string;
};

export type WorldUnderTest = {
  readonly name: string;
  /** Runs the body over a fresh world, in its time, to its end. */
  run(body: (here: Peer, there: Peer) => Promise<void>): Promise<void>;
};

const WAIT_MS = 5_000;

/** Waits until the condition holds. Throws when it does not in time; `what` says what was awaited. */
export async function until({ clock }: Pick<Ports, "clock">, what: string, condition: () => boolean): Promise<void> {
  const limitMs = clock.nowMs() + WAIT_MS;
  while (!condition()) {
    if (clock.nowMs() > limitMs) throw new Error(`waited in vain: ${what}`);
    await new Promise<void>((resolve) => {
      clock.setTimer(1, resolve);
    });
  }
}

export const REAL: WorldUnderTest = {
  name: "real",
  run: async (body) => {
    const folder = mkdtempSync(join(tmpdir(), "world-"));
    const ports: Ports = {
      clock: createClock(),
      random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
      disk: createDisk(),
      datagrams: createDatagrams(),
      streams: createStreams(),
    };
    const peer = { ports, host: "127.0.0.1", folder };
    try {
      await body(peer, peer);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** One seed each time: what holds must hold for all of them. */
let seed = 1;

export const SIMULATED: WorldUnderTest = {
  name: "simulated",
  run: async (body) => {
    const kernel = new Kernel(seed++);
    const network = new Network(kernel);
    const outcome: { error: unknown; isOver: boolean } = { error: null, isOver: false };
    let here: Peer | null = null;
    const folder = "/data";
    new SimHost(network, "m1").start(async (ports) => {
      await ports.disk.makeDirectory(folder);
      here = { ports, host: "m1", folder };
    });
    new SimHost(network, "m2").start(async (ports) => {
      await ports.disk.makeDirectory(folder);
      while (here === null)
        await new Promise<void>((resolve) => {
          ports.clock.setTimer(1, resolve);
        });
      await body(here, { ports, host: "m2", folder }).catch((error: unknown) => {
        outcome.error = error;
      });
      outcome.isOver = true;
    });
    if (!kernel.runUntil(() => outcome.isOver, 120_000)) throw new Error("the body did not end in 120 virtual s");
    if (outcome.error !== null) throw outcome.error;
  },
};
