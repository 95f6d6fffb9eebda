// What tests of the live log share: small limits, short records, a clock that runs when asked. Not a test itself.

import { HyperscaleError } from "../../src/base/error.ts";
import type { Clock, Disk } from "../../src/io/world.ts";
import { openWal, type OpenedWal, type WalOptions } from "../../src/node/consensus/wal-store.ts";
import type { Wal } from "../../src/node/consensus/wal-writer.ts";
import type { SimDisk } from "../../src/sim/disk.ts";
import type { WalLimits } from "../../src/wal/format.ts";
import type { WalRecord } from "../../src/wal/record.ts";

export const LIMITS: WalLimits = { segmentBytes: 8_192, framePayloadBytesMax: 4_096, recordBytesMax: 1_300 };
export const state = (term: number): WalRecord => ({ kind: "state", term, payload: new Uint8Array([term]) });
export const entry = (index: number, length = 50, term = 1): WalRecord => ({
  kind: "entry",
  index,
  term,
  payload: new Uint8Array(length).fill(index),
});
export const snapshot = (index: number): WalRecord => ({
  kind: "snapshot",
  index,
  term: 1,
  replacesLog: false,
  payload: new Uint8Array(8),
});

/** Timers that run when asked. */
export function manualClock(): {
  readonly clock: Clock;
  readonly delays: () => readonly number[];
  run(): Promise<void>;
} {
  let timers: { readonly delayMs: number; readonly run: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    epochMs: () => 0,
    setTimer: (delayMs, run) => {
      const timer = { delayMs, run };
      timers.push(timer);
      return {
        cancel: () => {
          timers = timers.filter((other) => other !== timer);
        },
      };
    },
  };
  return {
    clock,
    delays: () => timers.map(({ delayMs }) => delayMs),
    async run() {
      const due = timers;
      timers = [];
      for (const { run } of due) run();
      await settled();
    },
  };
}

/** The disk's calls, which take a few turns of the event loop each, have ended. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn++)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
}

export function optionsOf(disk: Disk, more: Partial<WalOptions> & { readonly clock?: Clock } = {}): WalOptions {
  const random = { bytes: (count: number) => new Uint8Array(count).fill(5) };
  return {
    directory: "/data/wal",
    limits: LIMITS,
    sealAfterMs: null,
    ...more,
    world: { clock: more.clock ?? manualClock().clock, disk, random },
  };
}

export function live(opened: OpenedWal): Extract<OpenedWal, { kind: "open" }> {
  if (opened.kind !== "open") throw opened.refusal;
  return opened;
}

export async function openOn(disk: SimDisk, more: Partial<WalOptions> & { readonly clock?: Clock } = {}): Promise<Wal> {
  return live(await openWal(optionsOf(disk.boot(), more))).wal;
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "none",
    (error: unknown) => (error instanceof HyperscaleError ? error.code : String(error)),
  );
}
