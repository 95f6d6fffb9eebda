// Checks of the matrix that cut the power: at every sync, with every choice (or many) of what survives.
// Not a test itself.

import { createPrng, nextBelow } from "../../src/base/prng.ts";
import type { WalRecord } from "../../src/wal/record.ts";
import type { CrashChoice, DiskCall } from "../../src/sim/disk.ts";
import { judge, reopen, type Code, type Disk, type Verdict } from "./under-test.ts";
import { Model, contentText, workload } from "./workload.ts";

/** All choices of crash for these unsynced things, or a sample of them with the two ends. */
function* crashes(versions: readonly number[], statesMax: number, seed: number): Generator<CrashChoice> {
  const all = versions.reduce((product, count) => product * (count + 1), 1);
  const prng = createPrng(seed, "crashes");
  for (let state = 0; state < Math.min(all, statesMax); state++) {
    let left = state;
    if (all <= statesMax)
      yield (count) => {
        const digit = left % (count + 1);
        left = Math.floor(left / (count + 1));
        return digit;
      };
    else if (state === 0) yield () => 0;
    else if (state === 1) yield (count) => count;
    else yield (count) => nextBelow(prng, count + 1);
  }
}

type CrashOptions = {
  readonly turns: number;
  readonly seed: number;
  readonly statesMax: number;
  readonly bytesMax?: number;
};

/** Crash at every sync of a workload with rolls, cuts, snapshots and compaction. */
export async function crashEverywhere(code: Code, options: CrashOptions): Promise<Verdict> {
  const turns = workload(options);
  const disk = new code.SimDisk();
  const images: { readonly disk: Disk; readonly acked: number; readonly begun: number }[] = [];
  let acked = 0;
  let begun = 0;
  let isJudged = true;
  const capture = (call: DiskCall | null): null => {
    // What is unsynced is most just before a sync; crashes between two syncs leave nothing else.
    if (!isJudged || (call !== null && call.operation !== "syncData" && call.operation !== "syncDirectory"))
      return null;
    for (const choose of crashes(disk.unsynced(), options.statesMax, images.length))
      images.push({ disk: disk.fork(choose), acked, begun });
    return null;
  };
  disk.configure({ fault: capture });
  const live = await reopen(code, disk);
  if (typeof live === "string") return { violation: live, states: 0 };
  for (const turn of turns) {
    begun++;
    live.wal.append(turn.records);
    await live.wal.flush();
    acked++;
  }
  capture(null);
  isJudged = false;
  for (const [at, image] of images.entries()) {
    const violation = await judge(code, image.disk, turns, image);
    if (violation !== null)
      return { violation: `crash ${at} of ${images.length}, after turn ${image.acked}: ${violation}`, states: at + 1 };
  }
  return { violation: null, states: images.length };
}

/** One flush of several frames: a crash leaves the records up to some frame, in their order. */
export async function manyFrames(code: Code): Promise<Verdict> {
  const disk = new code.SimDisk();
  const live = await reopen(code, disk);
  if (typeof live === "string") return { violation: live, states: 0 };
  const state = (term: number): WalRecord => ({ kind: "state", term, payload: new Uint8Array([term]) });
  live.wal.append([state(1)]);
  await live.wal.flush();
  const model = new Model();
  const allowed = [model.apply([state(1)]), model.apply([state(2)])];
  const images: { readonly disk: Disk; readonly isAcked: boolean }[] = [];
  let isAcked = false;
  disk.configure({
    fault: ({ operation }) => {
      if (operation !== "syncData" && operation !== "syncDirectory") return null;
      for (const choose of crashes(disk.unsynced(), 32, images.length))
        images.push({ disk: disk.fork(choose), isAcked });
      return null;
    },
  });
  live.wal.append([state(2)]);
  for (let index = 1; index <= 30; index++) {
    const entry: WalRecord = { kind: "entry", index, term: 2, payload: new Uint8Array(900).fill(index) };
    allowed.push(model.apply([entry]));
    live.wal.append([entry]);
  }
  live.wal.append([state(3)]);
  allowed.push(model.apply([state(3)]));
  await live.wal.flush();
  isAcked = true;
  await live.wal.seal();
  for (const [at, image] of images.entries()) {
    const found = await reopen(code, image.disk);
    const text = typeof found === "string" ? found : contentText(found.recovery);
    if (!(image.isAcked ? allowed.slice(-1) : allowed).includes(text))
      return { violation: `crash ${at}: found [${text}]`, states: at + 1 };
  }
  return { violation: null, states: images.length };
}
