// Opens a log through the disk port: lock, recovery, what recovery says must be done to the disk, a new log where
// there is none; and builds a log anew in place of a damaged one. Folder: `lock`, `log/` (the segments), `torn-*`
// (copies of cut-off frames), `log.damaged-*` (logs that were replaced).

import { assert } from "../../base/assert.ts";
import { HyperscaleError } from "../../base/error.ts";
import { DiskError, diskErrorCode } from "../../io/disk-error.ts";
import { within } from "../../io/files.ts";
import type { Disk, DiskFile, DiskLock } from "../../io/world.ts";
import { writeAll, writeZeros } from "../../io/write-all.ts";
import {
  LOG_ID_BYTES,
  SECTOR_BYTES,
  WAL_LIMITS,
  frameSectors,
  limitsProblem,
  type WalLimits,
} from "../../wal/format.ts";
import { recover, type Recovery, type SegmentFile, type Verdict } from "../../wal/recover.ts";
import { segmentName, segmentNumber } from "../../wal/segment.ts";
import { firstSegment, type Tail } from "../../wal/writer.ts";
import { SPARE_NAME, Wal, type WalSettings, type WalStart, type WalWorld } from "./wal-writer.ts";

export type WalOptions = {
  readonly world: WalWorld;
  readonly directory: string;
  readonly limits?: WalLimits;
  readonly retryMs?: number;
  readonly sealAfterMs?: number | null;
  readonly onStatus?: WalSettings["onStatus"];
};

export type OpenedWal =
  /** `tornCopy`: where the cut-off frame was kept, null when there was none (or no space for it). */
  | { readonly kind: "open"; readonly wal: Wal; readonly recovery: Recovery; readonly tornCopy: string | null }
  /** Nothing was changed. Throw `refusal`, or rebuildWal and let peers complete what is missing. */
  | { readonly kind: "corrupt"; readonly recovery: Recovery; readonly refusal: HyperscaleError };

/** While the disk is full: how often space is looked for. */
const RETRY_MS = 500;
const SEAL_AFTER_MS = 1_000;
const TORN_COPIES_MAX = 8;
const SEGMENT_FILE_BYTES_MAX = 1_073_741_824;
const LOG_NAME = "log";
const REBUILT_NAME = "log.rebuilt";
/** Entries appended between two flushes of a rebuild. */
const REBUILD_BATCH = 1_024;

/**
 * Opens the log in the folder, or begins one. Throws `storage`: another process holds it, the disk failed or is
 * full, a file cannot be read.
 */
export async function openWal(options: WalOptions): Promise<OpenedWal> {
  const settings = settingsOf(options, LOG_NAME);
  const lock = await locked(options);
  try {
    await finishRebuild(options);
    const opened = await openLog(options, settings, lock);
    if (opened.kind === "corrupt") await lock.release();
    return opened;
  } catch (error) {
    await lock.release();
    throw storageError(options.directory, error);
  }
}

/**
 * Puts a new log with this content in place of the damaged one, which is kept as `log.damaged-*`, and opens it. All
 * or nothing on a crash. In: what recovery still found; a state that says to its readers what was lost.
 */
export async function rebuildWal(
  options: WalOptions,
  content: Pick<Recovery, "state" | "snapshot" | "entries">,
): Promise<OpenedWal> {
  const { disk } = options.world;
  const settings = settingsOf(options, REBUILT_NAME);
  const lock = await locked(options);
  try {
    await finishRebuild(options);
    await disk.makeDirectory(settings.directory);
    for (const name of await disk.list(settings.directory)) await disk.remove(within(settings.directory, name));
    await disk.syncDirectory(options.directory);
    await fill(settings, content);
    await disk.rename(
      within(options.directory, LOG_NAME),
      within(options.directory, await freeName(options, "log.damaged")),
    );
    // Here the old log is away and the new one has not its name yet; finishRebuild goes on from this.
    await disk.syncDirectory(options.directory);
    await finishRebuild(options);
  } catch (error) {
    throw storageError(options.directory, error);
  } finally {
    await lock.release();
  }
  return openWal(options);
}

/** Writes the content as a log of its own into the settings' empty folder, whole and synced. */
async function fill(settings: WalSettings, content: Pick<Recovery, "state" | "snapshot" | "entries">): Promise<void> {
  const wal = new Wal({ ...settings, onStatus: () => {} }, await beginLog(settings, null));
  try {
    const { state, snapshot, entries } = content;
    if (state !== null) wal.append([state]);
    if (snapshot !== null) wal.append([{ ...snapshot, replacesLog: true }]);
    await wal.flush();
    for (let from = 0; from < entries.length; from += REBUILD_BATCH) {
      if (wal.append(entries.slice(from, from + REBUILD_BATCH)) !== "ok")
        throw new DiskError("full", "write", settings.directory);
      await wal.flush();
    }
  } finally {
    await wal.close();
  }
}

/** The folder of a rebuild that was cut off between its two renames gets its name. */
async function finishRebuild({ world: { disk }, directory }: WalOptions): Promise<void> {
  const names = await disk.list(directory);
  if (names.includes(LOG_NAME) || !names.includes(REBUILT_NAME)) return;
  await disk.rename(within(directory, REBUILT_NAME), within(directory, LOG_NAME));
  await disk.syncDirectory(directory);
}

async function openLog(options: WalOptions, settings: WalSettings, lock: DiskLock): Promise<OpenedWal> {
  const { disk } = options.world;
  await disk.makeDirectory(settings.directory);
  await disk.syncDirectory(options.directory);
  // What an earlier process renamed may not be on disk yet; nothing is believed before it is.
  await disk.syncDirectory(settings.directory);
  const files = await readSegments(disk, settings.directory);
  const recovery = recover(files);
  const { tail, verdict, state, snapshot, entries } = recovery;
  if (verdict.kind === "corrupt") return { kind: "corrupt", recovery, refusal: refusalOf(settings.directory, verdict) };
  if (tail === null)
    return { kind: "open", wal: new Wal(settings, await beginLog(settings, lock)), recovery, tornCopy: null };
  const problem = limitsProblem({ ...settings.limits, segmentBytes: tail.segmentBytes });
  if (problem !== null)
    throw new HyperscaleError(
      "storage",
      `the log in ${settings.directory} has segments of ${tail.segmentBytes} bytes: ${problem}`,
    );
  if (recovery.unfinished !== null) {
    // Its space is kept: it becomes the spare again.
    await disk.rename(within(settings.directory, recovery.unfinished), within(settings.directory, SPARE_NAME));
    await disk.syncDirectory(settings.directory);
  }
  const tornCopy = verdict.kind === "torn" ? await keepTorn(options, files, verdict) : null;
  const file = await settle(settings, recovery, tail);
  const nextIndex = (entries.at(-1)?.index ?? snapshot?.index ?? 0) + 1;
  const start = { tail, file, segments: recovery.segments, state, snapshot, nextIndex, lock };
  return { kind: "open", wal: new Wal(settings, start), recovery, tornCopy };
}

/**
 * A new log: its first segment, whole and synced before it has its name. In: an empty folder, or one with
 * left-overs.
 */
async function beginLog(settings: WalSettings, lock: DiskLock | null): Promise<WalStart> {
  const { disk, random } = settings.world;
  const { header, tail } = firstSegment(random.bytes(LOG_ID_BYTES), settings.limits.segmentBytes);
  const spare = within(settings.directory, SPARE_NAME);
  if ((await disk.list(settings.directory)).includes(SPARE_NAME)) await disk.remove(spare);
  const file = await disk.open(spare, "create");
  try {
    await writeAll(file, 0, header);
    await writeZeros(file, { start: header.length, end: tail.segmentBytes });
    await file.syncData();
    await disk.rename(spare, within(settings.directory, segmentName(1)));
    await disk.syncDirectory(settings.directory);
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    tail,
    file,
    segments: [{ name: segmentName(1), segment: 1, indexMax: 0 }],
    state: null,
    snapshot: null,
    nextIndex: 1,
    lock,
  };
}

async function readSegments(disk: Disk, directory: string): Promise<readonly SegmentFile[]> {
  const segments: SegmentFile[] = [];
  for (const name of await disk.list(directory)) {
    if (segmentNumber(name) === null) continue;
    const file = await disk.open(within(directory, name), "read");
    try {
      const bytes = await file.sizeBytes();
      if (bytes > SEGMENT_FILE_BYTES_MAX)
        throw new DiskError("other", "read", within(directory, name), { reason: "it is larger than any segment" });
      segments.push({ name, bytes: await file.read(0, bytes) });
    } finally {
      await file.close();
    }
  }
  return segments;
}

/**
 * Copies the cut-off frame beside the log, for people. Out: its path; null when there is no space, which is no
 * reason to stop.
 */
async function keepTorn(
  options: WalOptions,
  files: readonly SegmentFile[],
  verdict: Extract<Verdict, { kind: "torn" }>,
): Promise<string | null> {
  const { disk } = options.world;
  const bytes = files.find(({ name }) => name === verdict.segment)?.bytes.subarray(verdict.offset) ?? new Uint8Array(0);
  const kept = (await disk.list(options.directory)).filter((name) => name.startsWith("torn-"));
  for (const name of kept.slice(0, Math.max(0, kept.length + 1 - TORN_COPIES_MAX)))
    await disk.remove(within(options.directory, name));
  const path = within(options.directory, await freeName(options, `torn-${String(verdict.lsn).padStart(16, "0")}`));
  const file = await disk.open(path, "create");
  try {
    await writeAll(file, 0, bytes.subarray(0, 1 + bytes.findLastIndex((byte) => byte !== 0)));
    await file.syncData();
    await disk.syncDirectory(options.directory);
    return path;
  } catch (error) {
    if (diskErrorCode(error) !== "full") throw error;
    await disk.remove(path);
    return null;
  } finally {
    await file.close();
  }
}

/**
 * Makes true on disk what recovery read: it may have read the page cache, after a kill or a sync that failed. The
 * newest frame is written again (its pages are dirty then, and this time a sync decides), and zeros behind it, as
 * far as a frame reaches.
 */
async function settle(settings: WalSettings, recovery: Recovery, tail: Tail): Promise<DiskFile> {
  const { disk } = settings.world;
  const last = within(settings.directory, segmentName(tail.segment));
  const { unproven } = recovery;
  if (unproven !== null && within(settings.directory, unproven.segment) !== last) {
    const before = await disk.open(within(settings.directory, unproven.segment), "write");
    try {
      await writeAll(before, unproven.offset, unproven.bytes);
      await before.syncData();
    } finally {
      await before.close();
    }
  }
  const file = await disk.open(last, "write");
  try {
    if (unproven !== null && within(settings.directory, unproven.segment) === last) {
      await writeAll(file, unproven.offset, unproven.bytes);
    }
    const start = tail.sector * SECTOR_BYTES;
    const reach = start + frameSectors(settings.limits.framePayloadBytesMax) * SECTOR_BYTES;
    await writeZeros(file, { start, end: Math.min(reach, tail.segmentBytes) });
    await file.syncData();
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** `prefix-1`, or the first number that is free. */
async function freeName({ world: { disk }, directory }: WalOptions, prefix: string): Promise<string> {
  const names = new Set(await disk.list(directory));
  let number = 1;
  while (names.has(`${prefix}-${number}`)) number++;
  return `${prefix}-${number}`;
}

function settingsOf(options: WalOptions, folder: string): WalSettings {
  const limits = options.limits ?? WAL_LIMITS;
  const problem = limitsProblem(limits);
  assert(problem === null, problem ?? "");
  return {
    world: options.world,
    directory: within(options.directory, folder),
    limits,
    retryMs: options.retryMs ?? RETRY_MS,
    sealAfterMs: options.sealAfterMs === undefined ? SEAL_AFTER_MS : options.sealAfterMs,
    onStatus: options.onStatus ?? (() => {}),
  };
}

async function locked({ world: { disk }, directory }: WalOptions): Promise<DiskLock> {
  let lock: DiskLock | null;
  try {
    await disk.makeDirectory(directory);
    await disk.syncDirectory(within(directory, ".."));
    lock = await disk.lock(within(directory, "lock"));
  } catch (error) {
    throw storageError(directory, error);
  }
  if (lock !== null) return lock;
  throw new HyperscaleError("storage", `${directory} is in use by another process`, {
    hint: "every node needs a data folder of its own",
  });
}

function refusalOf(directory: string, verdict: Extract<Verdict, { kind: "corrupt" }>): HyperscaleError {
  const what = verdict.lost === "votes" ? "acknowledged entries and votes" : "acknowledged entries";
  return new HyperscaleError(
    "storage",
    `the log is damaged: ${within(directory, verdict.segment)} at byte ${verdict.offset}: ${verdict.reason}`,
    {
      hint: `${what} may be gone; nothing was changed: repair it from the other managers, or restore a copy`,
    },
  );
}

function storageError(directory: string, error: unknown): HyperscaleError {
  if (error instanceof HyperscaleError) return error;
  if (!(error instanceof DiskError)) throw error;
  return new HyperscaleError("storage", `the log in ${directory} cannot be opened: ${error.message}`, { cause: error });
}
