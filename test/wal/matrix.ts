// The WAL matrix: every way to lose what was acknowledged that a small log can show, as checks over an implementation handed
// in, so that the same checks judge the shipped code (matrix.test.ts) and copies with planted bugs (mutants.test.ts).
// A check returns the first violation in words, or null. Not a test itself.

import { createPrng, nextBelow } from "../../src/base/prng.ts";
import { SECTOR_BYTES, frameSectors } from "../../src/wal/format.ts";
import type { WalRecord } from "../../src/wal/record.ts";
import type { Recovery } from "../../src/wal/recover.ts";
import type { Tail } from "../../src/wal/writer.ts";
import type { CrashChoice, DiskCall, DiskFault } from "../../src/sim/disk.ts";
import { Model, SMALL, contentText, payload, workload, type Turn } from "./workload.ts";

/** The modules under test: the shipped ones, or copies. */
export type Code = Pick<typeof import("../../src/node/wal-store.ts"), "openWal" | "rebuildWal"> &
  Pick<typeof import("../../src/wal/recover.ts"), "recover"> &
  Pick<typeof import("../../src/wal/writer.ts"), "firstSegment" | "writeFrame" | "nextSegment"> &
  Pick<typeof import("../../src/sim/disk.ts"), "SimDisk">;
type Disk = InstanceType<Code["SimDisk"]>;
type Opened = Awaited<ReturnType<Code["openWal"]>>;
type Live = Extract<Opened, { kind: "open" }>;

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
    world: { clock: CLOCK, disk: disk.boot(), random }, directory: DIRECTORY, limits: SMALL, sealAfterMs: null, retryMs: 1, onStatus,
  });
}

/** Opens it and names a refusal as a violation. */
async function reopen(code: Code, disk: Disk): Promise<Live | string> {
  const opened = await open(code, disk).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
  if (opened instanceof Error) return `the log does not open: ${opened.message}`;
  return opened.kind === "open" ? opened : `refused without damage: ${opened.refusal.message}`;
}

/** Everything a log found may be, given what was acknowledged and what was begun. Then: append, crash, recover again. */
async function judge(
  code: Code, disk: Disk, turns: readonly Turn[], bounds: { readonly acked: number; readonly begun: number },
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
    { kind: "state", term, payload: new Uint8Array([1]) }, { kind: "entry", index: model.nextIndex, term, payload: new Uint8Array(9) },
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

/** All choices of crash for these unsynced things, or a sample of them with the two ends. */
function* crashes(versions: readonly number[], statesMax: number, seed: number): Generator<CrashChoice> {
  const all = versions.reduce((product, count) => product * (count + 1), 1);
  const prng = createPrng(seed, "crashes");
  for (let state = 0; state < Math.min(all, statesMax); state++) {
    let left = state;
    if (all <= statesMax) yield (count) => { const digit = left % (count + 1); left = Math.floor(left / (count + 1)); return digit; };
    else if (state === 0) yield () => 0;
    else if (state === 1) yield (count) => count;
    else yield (count) => nextBelow(prng, count + 1);
  }
}

type CrashOptions = { readonly turns: number; readonly seed: number; readonly statesMax: number; readonly bytesMax?: number };

/** Crash at every sync of a workload with rolls, cuts, snapshots and compaction. */
async function crashEverywhere(code: Code, options: CrashOptions): Promise<Verdict> {
  const turns = workload(options);
  const disk = new code.SimDisk();
  const images: { readonly disk: Disk; readonly acked: number; readonly begun: number }[] = [];
  let acked = 0;
  let begun = 0;
  let isJudged = true;
  const capture = (call: DiskCall | null): null => {
    // What is unsynced is most just before a sync; crashes between two syncs leave nothing else.
    if (!isJudged || (call !== null && call.operation !== "syncData" && call.operation !== "syncDirectory")) return null;
    for (const choose of crashes(disk.unsynced(), options.statesMax, images.length)) images.push({ disk: disk.fork(choose), acked, begun });
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
    if (violation !== null) return { violation: `crash ${at} of ${images.length}, after turn ${image.acked}: ${violation}`, states: at + 1 };
  }
  return { violation: null, states: images.length };
}

/** One flush of several frames, its state last: a crash leaves some of the entries, never one above its term. */
async function manyFrames(code: Code): Promise<Verdict> {
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
  disk.configure({ fault: ({ operation }) => {
    if (operation !== "syncData" && operation !== "syncDirectory") return null;
    for (const choose of crashes(disk.unsynced(), 32, images.length)) images.push({ disk: disk.fork(choose), isAcked });
    return null;
  } });
  for (let index = 1; index <= 30; index++) {
    const entry: WalRecord = { kind: "entry", index, term: 2, payload: new Uint8Array(900).fill(index) };
    allowed.push(model.apply([entry]));
    live.wal.append([entry]);
  }
  live.wal.append([state(2)]);
  await live.wal.flush();
  isAcked = true;
  await live.wal.seal();
  for (const [at, image] of images.entries()) {
    const found = await reopen(code, image.disk);
    const text = typeof found === "string" ? found : contentText(found.recovery);
    if (!(image.isAcked ? allowed.slice(-1) : allowed).includes(text)) return { violation: `crash ${at}: found [${text}]`, states: at + 1 };
  }
  return { violation: null, states: images.length };
}

/** A log of one segment as bytes, frame by frame. `ends[i]`: the tail after i frames. */
type Plain = { readonly bytes: Uint8Array; readonly tails: readonly Tail[]; readonly texts: readonly string[] };

function plainLog(code: Code, turns: readonly Turn[]): Plain {
  const { header, tail } = code.firstSegment(new Uint8Array(16).fill(3), SMALL.segmentBytes);
  const bytes = new Uint8Array(SMALL.segmentBytes);
  bytes.set(header);
  const tails = [tail];
  for (const { records } of turns) {
    const written = code.writeFrame(tails.at(-1) ?? tail, records);
    bytes.set(written.bytes, written.offset);
    tails.push(written.tail);
  }
  return { bytes, tails, texts: [contentText({ state: null, snapshot: null, entries: [] }), ...turns.map(({ text }) => text)] };
}

/** Turns that fill one 8 KiB segment: frames of one to three sectors; some, the last among them, of zeros alone. */
function fillingTurns(): readonly Turn[] {
  const prng = createPrng(11, "filling");
  const model = new Model();
  const sizes = [30, 900, 0, 1_100, 400, 60, 1_270];
  return sizes.map((size, at) => {
    const records: WalRecord[] = at === 0 || at === 4 ? [{ kind: "state", term: at + 1, payload: new Uint8Array(12) }] : [];
    // Zeros are the payload that makes zero sectors, were it not for the markers.
    const bytes = at % 2 === 1 || at === sizes.length - 1 ? new Uint8Array(size) : payload(prng, size);
    records.push({ kind: "entry", index: model.nextIndex, term: model.state?.term ?? at + 1, payload: bytes });
    return { records, text: model.apply(records) };
  });
}

function only(bytes: Uint8Array): { readonly name: string; readonly bytes: Uint8Array }[] {
  return [{ name: "0000000000000001.wal", bytes }];
}

/** Every subset of the sectors of the frame being written, for every frame; cut off, written again, every subset again. */
async function everySubset(code: Code): Promise<Verdict> {
  const turns = fillingTurns();
  const log = plainLog(code, turns);
  let states = 0;
  for (let frame = 0; frame < turns.length; frame++) {
    const start = (log.tails[frame]?.sector ?? 0) * SECTOR_BYTES;
    const end = (log.tails[frame + 1]?.sector ?? 0) * SECTOR_BYTES;
    for (const torn of subsets(log.bytes, start, end)) {
      states++;
      const isWhole = log.bytes.subarray(start, end).every((byte, at) => byte === torn[start + at]);
      const found = code.recover(only(torn));
      const violation = expectText(found, log.texts[isWhole ? frame + 1 : frame] ?? "");
      if (violation !== null) return { violation: `frame ${frame + 1}: ${violation}`, states };
      if (isWhole || found.tail === null) continue;
      // The repair, then another frame at the same place, crashed in every way.
      const repaired = torn.slice();
      repaired.fill(0, found.tail.sector * SECTOR_BYTES);
      const turn = turns[frame];
      if (turn === undefined || end - start > 3 * SECTOR_BYTES) continue;
      const written = code.writeFrame(found.tail, turn.records);
      repaired.set(written.bytes, written.offset);
      for (const again of subsets(repaired, written.offset, written.offset + written.bytes.length)) {
        states++;
        const isAll = again.every((byte, at) => byte === repaired[at]);
        const second = expectText(code.recover(only(again)), log.texts[isAll ? frame + 1 : frame] ?? "");
        if (second !== null) return { violation: `frame ${frame + 1}, written again: ${second}`, states };
      }
    }
  }
  return { violation: null, states };
}

/** The bytes up to `end` (zeros behind), with every subset of the sectors from `start` on. */
function* subsets(bytes: Uint8Array, start: number, end: number): Generator<Uint8Array> {
  const sectors = (end - start) / SECTOR_BYTES;
  for (let mask = 0; mask < 2 ** sectors; mask++) {
    const copy = bytes.slice();
    copy.fill(0, end);
    for (let sector = 0; sector < sectors; sector++) {
      if ((mask >> sector) % 2 === 0) copy.fill(0, start + sector * SECTOR_BYTES, start + (sector + 1) * SECTOR_BYTES);
    }
    yield copy;
  }
}

function expectText(found: Recovery, expected: string): string | null {
  if (found.verdict.kind === "corrupt") return `refused without damage: ${found.verdict.reason}`;
  const text = contentText(found);
  return text === expected ? null : `found [${text}] instead of [${expected}] (${found.verdict.kind})`;
}

/** Damage may be refused; it may never pass with less than was there. */
function silentLoss(found: Recovery, expected: string): string | null {
  if (found.verdict.kind === "corrupt") return null;
  const text = contentText(found);
  return text === expected ? null : `${found.verdict.kind} and silent: found [${text}] instead of [${expected}]`;
}

/** Every single bit of a synced log flipped. */
async function everyBit(code: Code): Promise<Verdict> {
  const log = plainLog(code, fillingTurns());
  const expected = log.texts.at(-1) ?? "";
  for (let bit = 0; bit < log.bytes.length * 8; bit++) {
    const at = bit >> 3;
    const byte = log.bytes[at] ?? 0;
    log.bytes[at] = byte ^ (1 << (bit & 7));
    const violation = silentLoss(code.recover(only(log.bytes)), expected);
    log.bytes[at] = byte;
    if (violation !== null) return { violation: `bit ${bit & 7} of byte ${at}: ${violation}`, states: bit + 1 };
  }
  return { violation: null, states: log.bytes.length * 8 };
}

/** A synced and sealed log with sectors zeroed, copied over others, swapped; pages zeroed; the file cut at every byte. */
async function everySector(code: Code): Promise<Verdict> {
  const log = plainLog(code, [...fillingTurns(), { records: [], text: "" }]);
  const expected = log.texts.at(-2) ?? "";
  const sectors = log.bytes.length / SECTOR_BYTES;
  let states = 0;
  const damaged = (change: (bytes: Uint8Array) => Uint8Array): string | null => {
    states++;
    return silentLoss(code.recover(only(change(log.bytes.slice()))), expected);
  };
  const sealSector = (log.tails.at(-2)?.sector ?? 0);
  const cases: { readonly name: string; readonly change: (bytes: Uint8Array) => Uint8Array }[] = [];
  for (let one = 0; one < sectors; one++) {
    const from = one * SECTOR_BYTES;
    cases.push({ name: `sector ${one} zeroed`, change: (bytes) => bytes.fill(0, from, from + SECTOR_BYTES) });
    for (let other = 0; other < sectors; other++) {
      const to = other * SECTOR_BYTES;
      cases.push({ name: `sector ${one} written to ${other}`, change: (bytes) => { bytes.copyWithin(to, from, from + SECTOR_BYTES); return bytes; } });
      cases.push({ name: `sectors ${one} and ${other} swapped`, change: (bytes) => {
        bytes.set(log.bytes.subarray(from, from + SECTOR_BYTES), to);
        bytes.set(log.bytes.subarray(to, to + SECTOR_BYTES), from);
        return bytes;
      } });
    }
  }
  // The page with the seal and the last record together would be the one case that a file cannot tell (recover.test.ts).
  for (let page = 0; (page + 1) * 4_096 <= sealSector * SECTOR_BYTES; page++) {
    cases.push({ name: `page ${page} zeroed`, change: (bytes) => bytes.fill(0, page * 4_096, (page + 1) * 4_096) });
  }
  for (let length = 0; length < log.bytes.length; length++) cases.push({ name: `cut at ${length}`, change: (bytes) => bytes.slice(0, length) });
  for (const { name, change } of cases) {
    const violation = damaged(change);
    if (violation !== null) return { violation: `${name}: ${violation}`, states };
  }
  return { violation: null, states };
}

type Failing = { readonly fault: DiskFault; readonly times: number };

/** Call k fails, for every k until one run has no such call; then the process starts again, with and without a power cut. */
async function everyCall(code: Code, failing: Failing): Promise<Verdict> {
  const turns = workload({ turns: 24, seed: 5 });
  let states = 0;
  for (let k = 1; ; k++) {
    for (const restart of ["kill", "lose", "mix"] as const) {
      const disk = new code.SimDisk();
      let failed = 0;
      disk.configure({ fault: ({ number, operation }) => {
        const isMeant = number >= k && number < k + failing.times && (failing.fault !== "short" || operation === "write");
        if (isMeant) failed++;
        return isMeant ? failing.fault : null;
      } });
      const run = await runUntilFailure(code, disk, turns);
      if (disk.calls < k) return { violation: null, states };
      if (run.violation !== null) return { violation: `call ${k} fails with ${failing.fault}: ${run.violation}`, states };
      const isHarmless = failing.fault === "short" || failed === 0;
      if (isHarmless && run.acked < turns.length) return { violation: `call ${k}, ${failing.fault}: the log stopped`, states };
      disk.configure({ fault: () => null });
      const prng = createPrng(k, "restart");
      if (restart === "lose") disk.crash(() => 0);
      if (restart === "mix") disk.crash((versions) => nextBelow(prng, versions + 1));
      states++;
      const violation = await judge(code, disk, turns, run);
      if (violation !== null) return { violation: `call ${k} fails with ${failing.fault}, then ${restart}: ${violation}`, states };
    }
  }
}

/** Runs the turns until the log fails. No acknowledgement may follow a failure. */
async function runUntilFailure(code: Code, disk: Disk, turns: readonly Turn[]): Promise<{ acked: number; begun: number; violation: string | null }> {
  const run = { acked: 0, begun: 0, violation: null };
  const opened = await open(code, disk).catch(() => null);
  if (opened === null) return run;
  if (opened.kind === "corrupt") return { ...run, violation: `refused without damage: ${opened.refusal.message}` };
  for (const turn of turns) {
    let answer = opened.wal.append(turn.records);
    // Refused for want of space: nothing was taken, so it may be asked again.
    for (let tries = 0; answer === "disk_full" && tries < 1_000; tries++) {
      await new Promise((resolve) => { setImmediate(resolve); });
      answer = opened.wal.append(turn.records);
    }
    if (answer === "disk_full") return { ...run, violation: "the log stays full when there is space" };
    if (answer === "ok") run.begun++;
    const isAcked = await opened.wal.flush().then(() => answer === "ok", () => false);
    if (!isAcked) break;
    run.acked++;
  }
  if (run.acked === turns.length) return run;
  const after = opened.wal.append([{ kind: "state", term: 99, payload: new Uint8Array(1) }]);
  const isLate = after === "ok" || await opened.wal.flush().then(() => true, () => false);
  return isLate ? { acked: run.acked, begun: run.begun, violation: "it acknowledges after a failure" } : run;
}

/** fsync fails, the process starts again without a power cut, believes what it finds, and then the power goes. */
async function failedSyncThenRestart(code: Code): Promise<Verdict> {
  const turns = workload({ turns: 40, seed: 5 });
  let states = 0;
  for (let k = 1; ; k++) {
    const disk = new code.SimDisk();
    let syncs = 0;
    disk.configure({ fault: ({ operation }) => (operation === "syncData" && ++syncs === k ? "io" : null) });
    const run = await runUntilFailure(code, disk, turns);
    if (syncs < k) return { violation: null, states };
    disk.configure({ fault: () => null });
    const second = await reopen(code, disk);
    if (typeof second === "string") return { violation: `sync ${k} fails: ${second}`, states };
    const believed = contentText(second.recovery);
    states++;
    disk.crash(() => 0);
    const third = await reopen(code, disk);
    if (typeof third === "string") return { violation: `sync ${k} fails, then a crash: ${third}`, states };
    const found = contentText(third.recovery);
    if (found !== believed) return { violation: `sync ${k} fails (${run.acked} acknowledged): believed [${believed}], then found [${found}]`, states };
  }
}

/** What was damaged or lost in the middle of several segments is refused. */
async function lostFiles(code: Code): Promise<Verdict> {
  const model = new Model();
  const entries = Array.from({ length: 30 }, (_, at): Turn => {
    const records: WalRecord[] = at === 0 ? [{ kind: "state", term: 1, payload: new Uint8Array(3) }] : [];
    records.push({ kind: "entry", index: model.nextIndex, term: 1, payload: new Uint8Array(900).fill(at) });
    return { records, text: model.apply(records) };
  });
  const disk = new code.SimDisk();
  const live = await reopen(code, disk);
  if (typeof live === "string") return { violation: live, states: 0 };
  for (const { records } of entries) { live.wal.append(records); await live.wal.flush(); }
  await live.wal.close();
  const files = disk.paths().filter((path) => path.endsWith(".wal")).map((path) => ({ name: path.slice(-20), bytes: disk.peek(path) ?? new Uint8Array(0) }));
  const expected = entries.at(-1)?.text ?? "";
  let states = 0;
  const cases = [
    ...files.map((file) => ({ name: `${file.name} missing`, files: files.filter((other) => other !== file) })),
    ...files.flatMap((file) => Array.from({ length: SMALL.segmentBytes / SECTOR_BYTES }, (_, sector) => ({
      name: `sector ${sector} of ${file.name} zeroed`,
      files: files.map((other) => (other !== file ? other : { name: file.name, bytes: file.bytes.slice().fill(0, sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES) })),
    }))),
    ...files.slice(1).map((file, at) => ({ name: `${file.name} holds an older segment`, files: files.map((other) => (other === file ? { name: file.name, bytes: files[at]?.bytes ?? file.bytes } : other)) })),
  ];
  const whole = silentLoss(code.recover(files), expected) ?? (code.recover(files).verdict.kind === "clean" ? null : "the whole log is not clean");
  if (whole !== null) return { violation: whole, states };
  for (const { name, files: left } of cases) {
    states++;
    const violation = silentLoss(code.recover(left), expected);
    if (violation !== null) return { violation: `${name}: ${violation}`, states };
  }
  return { violation: null, states };
}

export const MATRIX: readonly Check[] = [
  { name: "every subset of the sectors of a frame being written, twice", run: everySubset },
  { name: "every zeroed, copied or swapped sector and every cut of a sealed log", run: everySector },
  { name: "lost, zeroed and exchanged segments", run: lostFiles },
  { name: "a failed sync, a restart, a power cut", run: failedSyncThenRestart },
  { name: "a power cut within a flush of several frames", run: manyFrames },
  { name: "call k fails with EIO", run: (code) => everyCall(code, { fault: "io", times: 1 }) },
  { name: "call k and the 20 after it fail with ENOSPC", run: (code) => everyCall(code, { fault: "full", times: 21 }) },
  { name: "call k fails with ENOSPC once", run: (code) => everyCall(code, { fault: "full", times: 1 }) },
  { name: "write k takes half", run: (code) => everyCall(code, { fault: "short", times: 1 }) },
  { name: "a power cut at every sync, with rolls and compaction", run: (code) => crashEverywhere(code, { turns: 60, seed: 3, statesMax: 64 }) },
  { name: "a power cut at every sync of larger frames", run: (code) => crashEverywhere(code, { turns: 25, seed: 4, statesMax: 128, bytesMax: 1_270 }) },
  { name: "a power cut at every sync of a short log, exhaustive", run: (code) => crashEverywhere(code, { turns: 6, seed: 8, statesMax: 1_024 }) },
  { name: "every flipped bit", run: everyBit },
];

/** Sectors of a frame, for tests that place damage. */
export const sectorsOf = frameSectors;
