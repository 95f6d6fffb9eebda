// The log under test, handed in as modules so that the same checks judge the shipped code and copies with planted bugs:
// opening it on a simulated disk, and judging what it finds there. Not a test itself.

import type { WalRecord } from "../../src/wal/record.ts";
import { Model, SMALL, contentText, type Turn } from "./workload.ts";

/** The modules under test: the shipped ones, or copies. */
export type Code = Pick<typeof import("../../src/node/consensus/wal-store.ts"), "openWal" | "rebuildWal"> &
  Pick<typeof import("../../src/wal/recover.ts"), "recover"> &
  Pick<typeof import("../../src/wal/writer.ts"), "firstSegment" | "writeFrame" | "nextSegment"> &
  Pick<typeof import("../../src/sim/disk.ts"), "SimDisk">;
export type Disk = InstanceType<Code["SimDisk"]>;
export type Opened = Awaited<ReturnType<Code["openWal"]>>;
export type Live = Extract<Opened, { kind: "open" }>;

/** `states`: how many crashed, failed or damaged disks were judged. */
export type Verdict = { readonly violation: string | null; readonly states: number };
export type Check = { readonly name: string; readonly run: (code: Code) => Promise<Verdict> };

const DIRECTORY = "/data/wal";

/** Time that is always up: what waits for space tries again on the next turn of the event loop. */
const CLOCK = {
  nowMs: () => 0,
  epochMs: () => 0,
  setTimer: (_: number, run: () => void) => {
    const immediate = setImmediate(run);
    return { cancel: () => clearImmediate(immediate) };
  },
};

/** Opens the log on the disk as a new process. */
export function open(code: Code, disk: Disk, onStatus: (status: string) => void = () => {}): Promise<Opened> {
  const random = { bytes: (count: number) => new Uint8Array(count).fill(7) };
  return code.openWal({
    world: { clock: CLOCK, disk: disk.boot(), random },
    directory: DIRECTORY,
    limits: SMALL,
    sealAfterMs: null,
    retryMs: 1,
    onStatus,
  });
}

/** Opens it and names a refusal as a violation. */
export async function reopen(code: Code, disk: Disk): Promise<Live | string> {
  const opened = await open(code, disk).catch((error: unknown) =>
    error instanceof Error ? error : new Error(String(error)),
  );
  if (opened instanceof Error) return `the log does not open: ${opened.message}`;
  return opened.kind === "open" ? opened : `refused without damage: ${opened.refusal.message}`;
}

/**
 * Everything a log found may be, given what was acknowledged and what was begun. Then: append, crash, recover
 * again.
 */
export async function judge(
  code: Code,
  disk: Disk,
  turns: readonly Turn[],
  bounds: { readonly acked: number; readonly begun: number },
): Promise<string | null> {
  const live = await reopen(code, disk);
  if (typeof live === "string") return live;
  const allowed = turns.slice(Math.max(0, bounds.acked - 1), bounds.begun).map(({ text }) => text);
  if (bounds.acked === 0) allowed.push(contentText({ state: null, snapshot: null, entries: [] }));
  const found = contentText(live.recovery);
  if (!allowed.includes(found)) return `found [${found}], acknowledged was [${turns[bounds.acked - 1]?.text ?? ""}]`;
  const model = new Model();
  model.state = live.recovery.state;
  model.snapshot = live.recovery.snapshot;
  model.entries = live.recovery.entries;
  const term = model.state?.term ?? 1;
  const more: readonly WalRecord[] = [
    { kind: "state", term, payload: new Uint8Array([1]) },
    { kind: "entry", index: model.nextIndex, term, payload: new Uint8Array(9) },
  ];
  if (live.wal.append(more) !== "ok") return "a recovered log takes no records";
  await live.wal.flush();
  const expected = model.apply(more);
  disk.crash(() => 0);
  const again = await reopen(code, disk);
  if (typeof again === "string") return `after a second crash: ${again}`;
  const second = contentText(again.recovery);
  return second === expected ? null : `after a second crash found [${second}], acknowledged was [${expected}]`;
}
