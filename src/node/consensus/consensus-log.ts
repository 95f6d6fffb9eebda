// What consensus keeps on disk: its durable records as records of the write-ahead log, its larger snapshots beside it,
// and the way back at a start, a damaged log included. Folder: `wal/` (wal-store.ts), `snapshots/` (blob-store.ts).

import * as z from "../../base/schema.ts";
import { assert } from "../../base/assert.ts";
import { HyperscaleError } from "../../base/error.ts";
import { diskErrorCode } from "../../io/disk-error.ts";
import type { Log } from "../../io/log.ts";
import { within } from "../../io/files.ts";
import { entrySchema, membershipSchema, sessionsSchema } from "../../raft/messages.ts";
import { ENTRY_OVERHEAD_BYTES, ID_LENGTH_MAX, INDEX_MAX, type RaftLimits, TERM_MAX } from "../../raft/limits.ts";
import {
  BLANK,
  type DurableRecord,
  type Entry,
  type HardState,
  type Membership,
  type Snapshot,
} from "../../raft/raft.ts";
import type { Durable } from "../../raft/raft.ts";
import { WAL_LIMITS, type WalLimits } from "../../wal/format.ts";
import type { EntryRecord, SnapshotRecord, StateRecord, WalRecord } from "../../wal/record.ts";
import type { Recovery } from "../../wal/recover.ts";
import { decode, encode } from "../../wire/codec.ts";
import { type BlobStore, openBlobStore } from "../blobs/blob-store.ts";
import { openWal, rebuildWal, type WalOptions } from "./wal-store.ts";
import type { Wal, WalSettings, WalWorld } from "./wal-writer.ts";

/** Snapshots up to this lie in the log itself; every segment repeats the newest one. */
export const INLINE_BYTES_MAX = 65_536;
/** Longest client id of replica.ts: node, boot, counters. */
const CLIENT_LENGTH = 40;
/** Voters it takes to rebuild a log from the others: with fewer there is no majority without this one. */
const REPAIR_VOTERS_MIN = 3;

export type LogOptions = {
  readonly world: WalWorld & { readonly log: Log };
  readonly directory: string;
  readonly limits?: WalLimits;
  readonly onStatus: WalSettings["onStatus"];
};

export type OpenedLog = {
  readonly wal: Wal;
  readonly durable: Durable;
  readonly snapshots: BlobStore;
  /** Blob of the snapshot in force; null when it lies in the log or there is none. */
  readonly snapshotDigest: string | null;
};

/** A log that is being opened while other parts of its node still are. */
export type PreparedLog = {
  readonly opened: Promise<OpenedLog>;
  readonly limits: WalLimits;
  /** What is told that the log failed for good. */
  onFailed(handle: (error: HyperscaleError) => void): void;
};

const hardSchema = z.object({
  cluster: z.string().min(1).max(ID_LENGTH_MAX).nullable(),
  standing: z.enum(["blank", "forming", "joining", "member"]),
  term: z.int().min(0).max(TERM_MAX),
  vote: z.string().min(1).max(ID_LENGTH_MAX).nullable(),
  lost: z.enum(["nothing", "entries", "votes"]),
}) satisfies z.Schema<HardState>;

/** `bytes` in the record, or `digest` where they lie. The membership is always here: it says whom else to ask. */
const snapshotSchema = z.object({
  membership: membershipSchema,
  sessions: sessionsSchema,
  bytes: z.instanceof(Uint8Array).nullable(),
  digest: z.string().nullable(),
});

/**
 * Throws AssertionError when what consensus may write or say does not fit: an entry of the largest numbers costs no
 * more than the core counts for it (so one append fits a frame), and the largest entry and snapshot fit a record.
 */
export function assertSizes(limits: RaftLimits, wal: WalLimits): void {
  const payload = {
    kind: "command",
    client: "x".repeat(CLIENT_LENGTH),
    sequence: INDEX_MAX,
    since: INDEX_MAX,
    command: new Uint8Array(0),
  };
  const entryBytes = encode({ index: INDEX_MAX, term: TERM_MAX, payload }).length + 4;
  assert(entryBytes <= ENTRY_OVERHEAD_BYTES, `an entry costs ${entryBytes} bytes beside its command`);
  assert(limits.commandBytesMax + ENTRY_OVERHEAD_BYTES <= wal.recordBytesMax, "the largest entry fits a record");
  // As in raft/limits.ts: 24 B a sequence, 160 B a client and a member; the same again for the names of fields.
  const members = limits.votersMax + limits.learnersMax + limits.clientsMax;
  const headBytes = 2 * 160 * members + 24 * limits.clientsMax * limits.sequencesMax;
  assert(INLINE_BYTES_MAX + headBytes <= wal.recordBytesMax, "a snapshot with its sessions fits a record");
}

/** The record of a state, of entries or of a cut. */
export function walRecords(record: Exclude<DurableRecord, { kind: "snapshot" }>): readonly WalRecord[] {
  switch (record.kind) {
    case "hard":
      return [stateRecord(record.hard)];
    case "entries":
      return record.entries.map(({ index, term, payload }) => ({
        kind: "entry",
        index,
        term,
        payload: encode(payload),
      }));
    case "truncate":
      return [{ kind: "truncate", from: record.from }];
  }
}

/** The record of a snapshot. In: the blob its bytes are in; null: they go into the record. */
export function snapshotRecord(snapshot: Snapshot, dropsLog: boolean, digest: string | null): SnapshotRecord {
  const { index, term, membership, sessions, bytes } = snapshot;
  const payload = encode({ membership, sessions, bytes: digest === null ? bytes : null, digest });
  return { kind: "snapshot", index, term, replacesLog: dropsLog, payload };
}

/** Begins to open a log; who does not go on with it closes it. `opened` rejects as `openConsensusLog` does. */
export function prepareLog(options: Omit<LogOptions, "onStatus">): PreparedLog {
  const { log } = options.world;
  let failed = (_: HyperscaleError): void => {};
  const opened = openConsensusLog({
    ...options,
    onStatus: (status, error) => {
      if (status === "failed" && error !== null) failed(error);
      if (status === "full") log.warn("the disk is full: submits are refused until there is space");
      if (status === "ok") log.info("there is space on the disk again");
    },
  });
  // Whoever goes on with it hears it.
  opened.catch(() => {});
  return {
    opened,
    limits: options.limits ?? WAL_LIMITS,
    onFailed: (handle) => {
      failed = handle;
    },
  };
}

/**
 * Opens what is there, or begins. A damaged log is rebuilt when enough voters are known to get the rest from: the node
 * then goes on without a vote until it has it. Throws `storage`: damaged beyond that, in use, or the disk fails.
 */
export async function openConsensusLog(options: LogOptions): Promise<OpenedLog> {
  const { world, directory, onStatus } = options;
  const snapshots = await openBlobStore({ disk: world.disk, directory: within(directory, "snapshots"), graceMs: 0 });
  const walOptions: WalOptions = {
    world,
    directory: within(directory, "wal"),
    onStatus,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  };
  let opened = await openWal(walOptions);
  if (opened.kind === "corrupt") {
    const { recovery, refusal } = opened;
    const content = await repaired(recovery, snapshots, refusal);
    world.log.warn("the log is damaged and is rebuilt from the other voters", { reason: refusal.message });
    opened = await rebuildWal(walOptions, content);
  }
  if (opened.kind === "corrupt") throw opened.refusal;
  const read = await readDurable(opened.recovery, snapshots, directory);
  if (read.kind === "whole") return { wal: opened.wal, snapshots, ...read };
  // The log is whole, but the blob of its snapshot is gone: all that was in it must come from the others.
  await opened.wal.close();
  const content = await repaired(opened.recovery, snapshots, read.refusal);
  world.log.warn("the snapshot is damaged and is fetched from the other voters", { reason: read.refusal.message });
  const again = await rebuildWal(walOptions, content);
  if (again.kind === "corrupt") throw again.refusal;
  const rebuilt = await readDurable(again.recovery, snapshots, directory);
  if (rebuilt.kind === "damaged") throw rebuilt.refusal;
  return { wal: again.wal, snapshots, ...rebuilt };
}

/** What consensus keeps a promise about, no more: blobs of older snapshots are removed. */
export async function keepOnly(snapshots: BlobStore, digest: string | null): Promise<void> {
  const kept = new Set(digest === null ? [] : [digest]);
  // The first call notes what is not needed, the second removes it (no grace is set).
  await snapshots.collect(kept, 0);
  await snapshots.collect(kept, 0);
}

type Read =
  | { readonly kind: "whole"; readonly durable: Durable; readonly snapshotDigest: string | null }
  | { readonly kind: "damaged"; readonly refusal: HyperscaleError };

async function readDurable(recovery: Recovery, snapshots: BlobStore, directory: string): Promise<Read> {
  const hard = recovery.state === null ? BLANK : readHard(recovery.state, directory);
  const entries = recovery.entries.map((record) => readEntry(record, directory));
  if (recovery.snapshot === null)
    return { kind: "whole", durable: { hard, snapshot: null, entries }, snapshotDigest: null };
  const { head, digest, bytes } = await readSnapshot(recovery.snapshot, snapshots, directory);
  if (bytes === null) {
    const refusal = new HyperscaleError("storage", `the snapshot ${digest} in ${directory} is missing or damaged`, {
      hint: "nothing was changed: restore it from a copy, or replace this manager",
    });
    return { kind: "damaged", refusal };
  }
  const { index, term } = recovery.snapshot;
  const { membership, sessions } = head;
  return {
    kind: "whole",
    durable: { hard, snapshot: { index, term, membership, sessions, bytes }, entries },
    snapshotDigest: digest,
  };
}

/** What is left of a damaged log, with the promise not to vote before the rest is back. Throws `refusal` otherwise. */
async function repaired(
  recovery: Recovery,
  snapshots: BlobStore,
  refusal: HyperscaleError,
): Promise<Pick<Recovery, "state" | "snapshot" | "entries">> {
  const directory = "the log";
  const read = recovery.snapshot === null ? null : await readSnapshot(recovery.snapshot, snapshots, directory);
  const held = recovery.state === null ? null : readHard(recovery.state, directory);
  const records = read?.bytes === null ? [] : recovery.entries;
  const entries = records.map((record) => readEntry(record, directory));
  const membership = newestMembership(entries) ?? read?.head.membership ?? null;
  if (membership === null || membership.voters.length < REPAIR_VOTERS_MIN) throw refusal;
  if (held !== null && held.standing !== "member") throw refusal;
  const isVoteLost = recovery.verdict.kind === "corrupt" && recovery.verdict.lost === "votes";
  const term = Math.max(held?.term ?? 0, entries.at(-1)?.term ?? 0, recovery.snapshot?.term ?? 0);
  const hard: HardState = {
    cluster: membership.cluster,
    standing: "member",
    term,
    vote: held !== null && held.term === term ? held.vote : null,
    lost: isVoteLost || held === null || held.lost === "votes" ? "votes" : "entries",
  };
  return { state: stateRecord(hard), snapshot: standIn(recovery.snapshot, read), entries: records };
}

/** A snapshot whose bytes are gone becomes a beginning with its membership: whom to ask is all that is left of it. */
function standIn(record: SnapshotRecord | null, read: ReadSnapshot | null): SnapshotRecord | null {
  if (record === null || read === null || read.bytes !== null) return record;
  const { membership } = read.head;
  const sessions = { evictedThrough: 0, clients: [] };
  return snapshotRecord({ index: 0, term: 0, membership, sessions, bytes: new Uint8Array(0) }, true, null);
}

function newestMembership(entries: readonly Entry[]): Membership | null {
  for (const { payload } of entries.toReversed()) if (payload.kind === "config") return payload.membership;
  return null;
}

function stateRecord(hard: HardState): StateRecord {
  return { kind: "state", term: hard.term, payload: encode(hard) };
}

function readHard(record: StateRecord, directory: string): HardState {
  return parsed(hardSchema, record.payload, `the state in ${directory}`);
}

function readEntry({ index, term, payload }: EntryRecord, directory: string): Entry {
  const decoded = decode(payload);
  const result = entrySchema.safeParse({ index, term, payload: decoded.ok ? decoded.value : null });
  if (result.success) return result.data;
  throw unreadable(`entry ${index} in ${directory}`);
}

type ReadSnapshot = {
  readonly head: Pick<Snapshot, "membership" | "sessions">;
  readonly digest: string | null;
  /** null: the blob is not there or damaged. */
  readonly bytes: Uint8Array | null;
};

async function readSnapshot(record: SnapshotRecord, snapshots: BlobStore, directory: string): Promise<ReadSnapshot> {
  const { membership, sessions, bytes, digest } = parsed(
    snapshotSchema,
    record.payload,
    `the snapshot in ${directory}`,
  );
  const head = { membership, sessions };
  return { head, digest, bytes: digest === null ? bytes : await snapshots.get(digest) };
}

function parsed<Value>(schema: z.Schema<Value>, bytes: Uint8Array, what: string): Value {
  const decoded = decode(bytes);
  const result = schema.safeParse(decoded.ok ? decoded.value : null);
  if (result.success) return result.data;
  throw unreadable(what);
}

/** Its checksum holds, so it was written so: by another version. */
function unreadable(what: string): HyperscaleError {
  return new HyperscaleError("storage", `${what} is of a version that is not known here`, {
    hint: "start the version of hyperscale that wrote it, or a newer one",
  });
}

/** The disk has no space for it; there may be some later. */
export function isFull(error: unknown): boolean {
  return error instanceof HyperscaleError && diskErrorCode(error.cause) === "full";
}
