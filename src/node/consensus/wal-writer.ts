// The live log: a queue of records, a loop that writes one frame at a time and syncs it before the next, the roll from
// segment to segment with a spare one always ready, and compaction. All appends while a sync runs share the next one
// (group commit). Opening and recovery: wal-store.ts; the bytes: wal/.

import { assert } from "../../base/assert.ts";
import { HyperscaleError, messageOf } from "../../base/error.ts";
import { diskErrorCode } from "../../io/disk-error.ts";
import { within } from "../../io/files.ts";
import type { Disk, DiskFile, DiskLock, Timer, World } from "../../io/world.ts";
import { writeAll, writeZeros } from "../../io/write-all.ts";
import { FLAG_RESTATES, type WalLimits } from "../../wal/format.ts";
import { recordBytes, type SnapshotRecord, type StateRecord, type WalRecord } from "../../wal/record.ts";
import type { SegmentSpan } from "../../wal/recover.ts";
import { segmentName } from "../../wal/segment.ts";
import { fits, nextSegment, writeFrame, type Tail } from "../../wal/writer.ts";

export type WalWorld = Pick<World<unknown, unknown>, "clock" | "disk" | "random">;

/**
 * full: no space for a spare segment. Entries are refused, term, vote, snapshots and cuts still go in; it ends by
 * itself when space is back. failed: for good, nothing is acknowledged any more; the process must end (74) and
 * recover from disk.
 */
export type WalStatus = "ok" | "full" | "failed" | "closed";

/** Bytes waiting for the disk; a caller that does not wait for `flush` runs into it. */
const QUEUE_BYTES_MAX = 256 * 1_048_576;
export const SPARE_NAME = "spare.tmp";

export type WalSettings = {
  readonly world: WalWorld;
  /** The folder of the segments. */
  readonly directory: string;
  readonly limits: WalLimits;
  /** Time between two tries while the disk is full. */
  readonly retryMs: number;
  /**
   * Idle time after which an empty frame is written, so that a watermark covers the last records. null: only on
   * close.
   */
  readonly sealAfterMs: number | null;
  /** Every change of status; with the error when failed. */
  readonly onStatus: (status: WalStatus, error: HyperscaleError | null) => void;
};

/** What recovery found, where writing goes on. */
export type WalStart = {
  readonly tail: Tail;
  readonly file: DiskFile;
  readonly segments: readonly SegmentSpan[];
  readonly state: StateRecord | null;
  readonly snapshot: SnapshotRecord | null;
  readonly nextIndex: number;
  /** Released by `close`. */
  readonly lock: DiskLock | null;
};

/** `record` null: an empty frame. */
type Queued = { readonly sequence: number; readonly record: WalRecord | null };
type Waiter = {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (error: HyperscaleError) => void;
};
type Batch = { readonly records: readonly WalRecord[]; readonly through: number };

export class Wal {
  readonly #settings: WalSettings;
  readonly #disk: Disk;
  readonly #lock: DiskLock | null;
  #tail: Tail;
  #file: DiskFile;
  readonly #segments: SegmentSpan[];
  /** In force on disk: what the first frame of the next segment restates. */
  #state: StateRecord | null;
  #snapshot: SnapshotRecord | null;
  /** In force once the queue is written: what appends are checked against. */
  readonly #next: { index: number; term: number; snapshotIndex: number };

  #sequence = 0;
  #durable = 0;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #waiters: Waiter[] = [];
  #isSealed = false;
  #sealTimer: Timer | null = null;

  #loop: Promise<void> | null = null;
  #spare: Promise<void> | null = null;
  #spareBytes = 0;
  #isSpareReady = false;
  /** Steps that wait for space. */
  #waitsForSpace = 0;
  #pauses = new Set<() => void>();
  #failure: HyperscaleError | null = null;
  /** The failure, when it is that the log was closed while it waited for space. */
  #spaceFailure: HyperscaleError | null = null;
  #isClosing = false;
  #closed: Promise<void> | null = null;

  constructor(settings: WalSettings, start: WalStart) {
    this.#settings = settings;
    this.#disk = settings.world.disk;
    this.#lock = start.lock;
    this.#tail = start.tail;
    this.#file = start.file;
    this.#segments = [...start.segments];
    this.#state = start.state;
    this.#snapshot = start.snapshot;
    this.#next = { index: start.nextIndex, term: start.state?.term ?? 0, snapshotIndex: start.snapshot?.index ?? 0 };
    this.#startSpare();
  }

  get status(): WalStatus {
    if (this.#failure !== null) return "failed";
    if (this.#isClosing) return "closed";
    return this.#waitsForSpace > 0 ? "full" : "ok";
  }

  /** Segment files, oldest first, and the number of the next frame. */
  get extent(): { readonly segments: readonly SegmentSpan[]; readonly nextLsn: number } {
    return { segments: [...this.#segments], nextLsn: this.#tail.lsn };
  }

  /**
   * Queues the records, all or none. They are on disk when a `flush` called afterwards returns. Out: disk_full when
   * there is an entry among them and the disk is full; failed after a failure. Throws AssertionError when they do
   * not continue the log. `takesReserve`: entries go in although the disk is full, as far as the segments that are
   * there reach: for what consensus decided already (a leader's first entry), never for what can be refused.
   */
  append(
    records: readonly WalRecord[],
    options: { readonly takesReserve?: boolean } = {},
  ): "ok" | "disk_full" | "failed" {
    if (this.#failure !== null) return "failed";
    assert(!this.#isClosing, "a closed log takes no records");
    const isRefused = this.#waitsForSpace > 0 && options.takesReserve !== true;
    if (isRefused && records.some(({ kind }) => kind === "entry")) return "disk_full";
    for (const record of records) {
      this.#check(record);
      this.#sequence++;
      this.#queuedBytes += recordBytes(record);
      this.#queue.push({ sequence: this.#sequence, record });
    }
    assert(this.#queuedBytes <= QUEUE_BYTES_MAX, "appends wait for flush");
    return "ok";
  }

  /**
   * Everything appended so far is on disk. Waits while the disk is full. Rejects with `storage` when it never will
   * be.
   */
  flush(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#durable >= this.#sequence) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ sequence: this.#sequence, resolve, reject });
      this.#loop ??= this.#run();
    });
  }

  /**
   * Everything appended so far is on disk, and a later frame's watermark says so: from then on a damaged last
   * record is known to have been acknowledged.
   */
  seal(): Promise<void> {
    if (this.#failure === null && !(this.#isSealed && this.#durable >= this.#sequence)) {
      this.#sequence++;
      this.#queue.push({ sequence: this.#sequence, record: null });
    }
    return this.flush();
  }

  /**
   * Flushes, seals, closes, gives the lock back. Nothing waits for space any more: what cannot be written now is
   * rejected. Rejects with `storage` when the log fails only now. Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const failedBefore = this.#failure;
    this.#isClosing = true;
    this.#sealTimer?.cancel();
    for (const wake of this.#pauses) wake();
    try {
      if (failedBefore === null) await this.flush();
      if (failedBefore === null) await this.#sealIfRoom();
      await this.#loop;
      await this.#spare;
    } finally {
      await this.#file.close().finally(() => this.#lock?.release());
    }
    if (failedBefore !== null) return;
    if (this.#failure !== null && this.#failure !== this.#spaceFailure) throw this.#failure;
    this.#settings.onStatus("closed", null);
  }

  /** A seal that finds no room is no loss: all it would prove is on disk. */
  async #sealIfRoom(): Promise<void> {
    try {
      await this.seal();
    } catch (error) {
      if (error !== this.#spaceFailure) throw error;
    }
  }

  #check(record: WalRecord): void {
    const next = this.#next;
    assert(recordBytes(record) <= this.#settings.limits.recordBytesMax, "a record is within its limit");
    switch (record.kind) {
      case "state":
        assert(record.term >= next.term, "terms never fall");
        next.term = record.term;
        return;
      case "entry":
        assert(record.index === next.index, "entries are contiguous");
        // A crash may leave the entry without what comes after it.
        assert(record.term <= next.term, "a term is promised before its entries");
        next.index++;
        return;
      case "truncate":
        assert(record.from > next.snapshotIndex && record.from <= next.index, "a cut lies within the log");
        next.index = record.from;
        return;
      case "snapshot":
        assert(record.index >= next.snapshotIndex, "snapshots advance");
        assert(record.replacesLog || record.index < next.index, "a snapshot covers what the log holds");
        next.snapshotIndex = record.index;
        if (record.replacesLog) next.index = record.index + 1;
    }
  }

  /** Writes what waits, frame by frame, until nothing does. Never throws. */
  async #run(): Promise<void> {
    this.#sealTimer?.cancel();
    try {
      while (this.#durable < this.#sequence) {
        const batch = this.#take();
        await this.#commit(batch.records);
        this.#durable = batch.through;
        this.#release(batch.through);
        if (this.#segments.length > 1) await this.#compact();
      }
      this.#sealLater();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#loop = null;
    }
  }

  /** Those that waited for it go on. Their numbers rise. */
  #release(through: number): void {
    let released = 0;
    for (const { sequence, resolve } of this.#waiters) {
      if (sequence > through) break;
      resolve();
      released++;
    }
    this.#waiters.splice(0, released);
  }

  /** The next frame's records: as many as fit beside what a first frame restates, in the order they came. */
  #take(): Batch {
    let room = this.#settings.limits.framePayloadBytesMax - bytesOf(this.#restated());
    const records: WalRecord[] = [];
    let count = 0;
    for (const { record } of this.#queue) {
      const bytes = record === null ? 0 : recordBytes(record);
      if (bytes > room) break;
      if (record !== null) records.push(record);
      room -= bytes;
      this.#queuedBytes -= bytes;
      count++;
    }
    this.#queue.splice(0, count);
    return { records, through: (this.#queue[0]?.sequence ?? this.#sequence + 1) - 1 };
  }

  /** One frame: written, synced, in force. */
  async #commit(records: readonly WalRecord[]): Promise<void> {
    const restated = this.#restated();
    if (!fits(this.#tail, bytesOf(restated) + bytesOf(records))) await this.#roll();
    const isFirst = this.#tail.segment > 1 && this.#tail.sector === 1;
    const written = writeFrame(this.#tail, isFirst ? [...restated, ...records] : records, isFirst ? FLAG_RESTATES : 0);
    // Full here (a file system that needs space even to overwrite): the same bytes are tried again at the same place.
    await this.#whileFull(() => writeAll(this.#file, written.offset, written.bytes));
    await this.#file.syncData();
    this.#tail = written.tail;
    this.#isSealed = records.length === 0;
    let indexMax = this.#segments.at(-1)?.indexMax ?? 0;
    for (const record of records) {
      if (record.kind === "state") this.#state = record;
      if (record.kind === "snapshot") this.#snapshot = { ...record, replacesLog: false };
      if (record.kind === "entry") indexMax = Math.max(indexMax, record.index);
    }
    const current = this.#segments.pop();
    if (current !== undefined) this.#segments.push({ ...current, indexMax });
  }

  #restated(): readonly WalRecord[] {
    const restated: WalRecord[] = [];
    if (this.#state !== null) restated.push(this.#state);
    if (this.#snapshot !== null) restated.push(this.#snapshot);
    return restated;
  }

  /** On to the spare segment, in the order that recovery relies on (wal/writer.ts, nextSegment). */
  async #roll(): Promise<void> {
    if (!this.#isSpareReady) {
      this.#startSpare();
      await this.#spare;
      if (!this.#isSpareReady) throw this.#notWritten();
    }
    const next = nextSegment(this.#tail);
    const name = segmentName(next.tail.segment);
    const spare = await this.#disk.open(this.#path(SPARE_NAME), "write");
    await this.#whileFull(() => writeAll(spare, 0, next.header));
    await spare.syncData();
    await this.#whileFull(() => this.#disk.rename(this.#path(SPARE_NAME), this.#path(name)));
    this.#isSpareReady = false;
    await this.#disk.syncDirectory(this.#settings.directory);
    await this.#whileFull(() => writeAll(this.#file, next.end.offset, next.end.bytes));
    await this.#file.syncData();
    await this.#file.close();
    this.#file = spare;
    this.#tail = next.tail;
    this.#segments.push({ name, segment: next.tail.segment, indexMax: 0 });
    if (!this.#isClosing) this.#startSpare();
  }

  /** Makes the spare segment in the background, unless there is one. */
  #startSpare(): void {
    if (this.#isSpareReady || this.#spare !== null || this.#failure !== null) return;
    this.#spare = this.#whileFull(() => this.#makeSpare())
      .then(
        () => {
          this.#isSpareReady = true;
        },
        // Closed while it waited for space: only a roll would miss it, and says so itself.
        (error: unknown) => {
          if (!(error instanceof HyperscaleError)) this.#fail(error);
        },
      )
      .finally(() => {
        this.#spare = null;
      });
  }

  /** Zeros from where the last try stopped. A spare of an earlier process is written over: it takes no new space. */
  async #makeSpare(): Promise<void> {
    const path = this.#path(SPARE_NAME);
    const end = this.#tail.segmentBytes;
    const file = await openSpare(this.#disk, path, end);
    try {
      await writeZeros(file, { start: this.#spareBytes, end }, (position) => {
        this.#spareBytes = position;
      });
      await file.syncData().catch((error: unknown) => {
        throw new SyncFailed(messageOf(error));
      });
      this.#spareBytes = 0;
    } finally {
      await file.close();
    }
  }

  /**
   * Drops segments from the oldest on whose entries all lie below the snapshot; the one after each restates what
   * holds.
   */
  async #compact(): Promise<void> {
    const index = this.#snapshot?.index ?? 0;
    assert(this.#tail.segment === 1 || this.#tail.sector > 1, "the current segment restates");
    while (this.#segments.length > 1) {
      const [oldest, second] = this.#segments;
      if (oldest === undefined || second === undefined || oldest.indexMax > index) return;
      await this.#disk.remove(this.#path(oldest.name));
      // One by one: what is left after a crash is never without its middle.
      await this.#disk.syncDirectory(this.#settings.directory);
      this.#segments.shift();
    }
  }

  #sealLater(): void {
    const { sealAfterMs, world } = this.#settings;
    if (sealAfterMs === null || this.#isSealed || this.#isClosing) return;
    this.#sealTimer = world.clock.setTimer(sealAfterMs, () => {
      if (this.#loop === null && this.status === "ok") {
        this.seal().catch((error: unknown) => {
          assert(error === this.#failure, "a log fails with its own error");
        });
      }
    });
  }

  /** Runs the step until it does not fail for want of space. Anything but that passes upward. */
  async #whileFull(step: () => Promise<void>): Promise<void> {
    let isWaiting = false;
    const wait = (change: 1 | -1): void => {
      const before = this.status;
      this.#waitsForSpace += change;
      isWaiting = change === 1;
      if (this.status !== before) this.#settings.onStatus(this.status, null);
    };
    try {
      for (;;) {
        try {
          return await step();
        } catch (error) {
          if (diskErrorCode(error) !== "full") throw error;
        }
        if (this.#isClosing || this.#failure !== null) throw this.#notWritten();
        if (!isWaiting) wait(1);
        await this.#pause(this.#settings.retryMs);
      }
    } finally {
      if (isWaiting) wait(-1);
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#settings.world.clock.setTimer(ms, resolve);
    this.#pauses.add(resolve);
    await promise;
    this.#pauses.delete(resolve);
    timer.cancel();
  }

  /** Stops for good: after a failed write or sync nobody knows what the disk holds, and no second sync can tell. */
  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure =
      error instanceof HyperscaleError
        ? error
        : new HyperscaleError(
            "storage",
            `the log in ${this.#settings.directory} cannot be written: ${messageOf(error)}`,
            {
              cause: error,
              hint: "start the node again: it goes on from what is on disk; if this comes back, replace the disk",
            },
          );
    this.#sealTimer?.cancel();
    for (const wake of this.#pauses) wake();
    for (const { reject } of this.#waiters.splice(0)) reject(this.#failure);
    if (!this.#isClosing) this.#settings.onStatus("failed", this.#failure);
  }

  #notWritten(): HyperscaleError {
    if (this.#failure !== null) return this.#failure;
    this.#spaceFailure ??= new HyperscaleError(
      "storage",
      `the log in ${this.#settings.directory} was closed before it could be written: no space left on the disk`,
      { hint: "make room on the disk and start the node again" },
    );
    return this.#spaceFailure;
  }

  #path(name: string): string {
    return within(this.#settings.directory, name);
  }
}

function bytesOf(records: readonly WalRecord[]): number {
  let bytes = 0;
  for (const record of records) bytes += recordBytes(record);
  return bytes;
}

/** A sync that failed, of whatever code: not to be mistaken for a want of space, and never tried again. */
class SyncFailed extends Error {
  override readonly name = "SyncFailed";
}

async function openSpare(disk: Disk, path: string, bytesMax: number): Promise<DiskFile> {
  try {
    const file = await disk.open(path, "write");
    if ((await file.sizeBytes()) <= bytesMax) return file;
    await file.close();
    await disk.remove(path);
  } catch (error) {
    if (diskErrorCode(error) !== "missing") throw error;
  }
  return disk.open(path, "create");
}
