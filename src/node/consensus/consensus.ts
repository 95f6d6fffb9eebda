// Consensus on a disk: the raft core with its write-ahead log around it. One queue of events, one turn at a time, and
// everything behind a persist waits until it is on disk; what is stepped meanwhile shares the next sync (group commit).
// What commands mean is the state machine's (replica.ts).

import { HyperscaleError, messageOf } from "../../base/error.ts";
import { seedOf } from "../../base/prng.ts";
import type { NodeWorld } from "../../io/world.ts";
import {
  type Change,
  create,
  deadline,
  type DurableRecord,
  type Index,
  type NodeId,
  type Proposal,
  type Raft,
  type RaftConfig,
  type RaftEffect,
  type RaftEvent,
  type RaftMessage,
  type RaftView,
  type Refusal,
  step,
  view,
} from "../../raft/raft.ts";
import {
  assertSizes,
  INLINE_BYTES_MAX,
  isFull,
  keepOnly,
  type OpenedLog,
  type PreparedLog,
  snapshotRecord,
  walRecords,
} from "./consensus-log.ts";
import { type Contact, ContactLog } from "./contact.ts";
import { DeadlineTimer } from "../deadline-timer.ts";
import type { Machine } from "./machine.ts";
import { Pulse } from "./pulse.ts";
import { SyncTimes } from "./sync-times.ts";

export type ConsensusOptions = {
  readonly world: Pick<NodeWorld, "clock" | "random" | "process" | "log">;
  /** Its own from here on. */
  readonly log: PreparedLog;
  readonly config: RaftConfig;
  readonly machine: Machine;
  readonly send: (to: NodeId, message: RaftMessage) => void;
};

export type Consensus = {
  /** What a peer's link brought. */
  hear(from: NodeId, message: RaftMessage): void;
  /** Asks to append; answered by the machine's `answered`, also when this node does not lead or its disk is full. */
  propose(proposal: Proposal): void;
  /** A link to that node broke: a hint. */
  peerReset(node: NodeId): void;
  /** Health score of the membership layer, 0 to 8. */
  health(score: number): void;
  /** The node ids behind every configured address, this one included; once all are known, and when they change. */
  form(nodes: readonly NodeId[]): void;
  /** Resolves when every write acknowledged before it is applied here. Rejects with `cluster` when not leading. */
  read(): Promise<void>;
  change(change: Change): Promise<{ readonly kind: "appended"; readonly index: Index } | Refusal>;
  /** Hands leadership over (null: to whom is furthest); resolves when it is handed over, refused or given up. */
  transfer(to: NodeId | null): Promise<"started" | "aborted" | "refused">;
  /** Takes a snapshot soon, unless there is nothing new. */
  compact(): void;
  view(): RaftView;
  /** The core as it is, to look at only: a view of it costs more than one fact of it is worth. */
  readonly raft: Raft;
  /** Index of the newest applied entry. */
  readonly applied: Index;
  contact(): Contact;
  /** New commands are refused until there is space again. */
  readonly isDiskFull: boolean;
  /** Flushes and closes the log. Idempotent. */
  stop(): Promise<void>;
};

/** Exit code when the disk cannot be trusted any more. */
const EXIT_STORAGE = 74;
/** While a leader's snapshot cannot be kept for want of space: how often it is tried. */
const RETRY_MS = 500;

/** Goes on from what is on disk. Throws `storage` when that cannot be (consensus-log.ts). */
export async function openConsensus(options: ConsensusOptions): Promise<Consensus> {
  const { log: prepared, config } = options;
  assertSizes(config.limits, prepared.limits);
  const log = await prepared.opened;
  await keepOnly(log.snapshots, log.snapshotDigest);
  const core = new Core(options, log);
  prepared.onFailed((error) => core.fail(error));
  if (log.wal.status === "failed") core.fail(new HyperscaleError("storage", "the log cannot be written"));
  return core;
}

type SnapshotPersist = Extract<DurableRecord, { readonly kind: "snapshot" }>;
/** Everything behind it waits until what was appended before it is on disk. */
type Barrier = { readonly kind: "barrier"; isDurable: boolean };
type Waiter<Value> = { readonly resolve: (value: Value) => void; readonly reject: (error: HyperscaleError) => void };

class Core implements Consensus {
  readonly #options: ConsensusOptions;
  readonly #log: OpenedLog;
  readonly #raft: Raft;
  #events: RaftEvent[] = [];
  #proposals: Proposal[] = [];
  /** Effects in order, with barriers between. */
  #effects: (Exclude<RaftEffect, { kind: "persist" }> | Barrier)[] = [];
  /** The barrier of this turn. */
  #barrier: Barrier | null = null;
  /** Records behind a snapshot that is being written to its blob; nothing is stepped meanwhile. */
  #held: DurableRecord[] | null = null;
  /** The blob of the snapshot that was taken at an index. */
  #taken: { readonly index: Index; readonly digest: string | null } | null = null;
  /** The blob of the snapshot in force, and blobs being written. */
  #digest: string | null;
  #puts = 0;
  #isAwake = false;
  #isOver = false;
  #stopped: Promise<void> | null = null;
  readonly #timer: DeadlineTimer;
  readonly #pulse: Pulse;
  readonly #contact = new ContactLog();
  readonly #syncs = new SyncTimes((syncMs) => this.#post({ kind: "disk", syncMs }));
  #applied: Index;
  #asked = 0;
  readonly #reads = new Map<string, Waiter<void>>();
  readonly #changes = new Map<string, Waiter<{ readonly kind: "appended"; readonly index: Index } | Refusal>>();
  #transfers: Waiter<"started" | "aborted" | "refused">[] = [];

  constructor(options: ConsensusOptions, log: OpenedLog) {
    const { config, machine, send } = options;
    const { clock, random } = options.world;
    this.#options = options;
    this.#log = log;
    this.#digest = log.snapshotDigest;
    this.#raft = create(config, log.durable, { seed: seedOf(random.bytes(6)), now: clock.nowMs() });
    this.#pulse = new Pulse({ clock, raft: this.#raft, syncs: this.#syncs, waiting: () => this.#effects, send });
    const { snapshot } = this.#raft;
    this.#applied = snapshot?.index ?? 0;
    if (snapshot !== null && snapshot.index > 0) machine.install(snapshot.bytes, snapshot.index);
    const due = (): number => (this.#held === null ? deadline(this.#raft) : Number.POSITIVE_INFINITY);
    this.#timer = new DeadlineTimer(clock, due, () => this.#post({ kind: "tick" }));
    this.#timer.rearm();
  }

  get raft(): Raft {
    return this.#raft;
  }

  get applied(): Index {
    return this.#applied;
  }

  get isDiskFull(): boolean {
    return this.#log.wal.status === "full";
  }

  hear(from: NodeId, message: RaftMessage): void {
    if (this.isDiskFull && message.kind === "snapshot") return;
    // A full disk takes terms and votes; entries wait with the leader, which still is heard as alive.
    const isHeartbeat = message.kind !== "append" || message.entries.length === 0;
    const heard = this.isDiskFull && !isHeartbeat ? { ...message, entries: [] } : message;
    this.#post({ kind: "message", from, message: heard });
  }

  propose(proposal: Proposal): void {
    this.#proposals.push(proposal);
    this.#wake();
  }

  peerReset(node: NodeId): void {
    this.#post({ kind: "peerReset", peer: node });
  }

  health(score: number): void {
    this.#post({ kind: "health", score });
  }

  form(nodes: readonly NodeId[]): void {
    this.#post({ kind: "form", peers: nodes });
  }

  compact(): void {
    this.#post({ kind: "requestSnapshot" });
  }

  read(): Promise<void> {
    const id = `r${++this.#asked}`;
    return this.#ask((waiter) => this.#reads.set(id, waiter), { kind: "read", ids: [id] });
  }

  change(change: Change): Promise<{ readonly kind: "appended"; readonly index: Index } | Refusal> {
    const id = `c${++this.#asked}`;
    return this.#ask((waiter) => this.#changes.set(id, waiter), { kind: "change", id, change });
  }

  transfer(to: NodeId | null): Promise<"started" | "aborted" | "refused"> {
    return this.#ask((waiter) => this.#transfers.push(waiter), { kind: "transfer", to });
  }

  view(): RaftView {
    return view(this.#raft);
  }

  contact(): Contact {
    return this.#contact.read(this.#raft, this.#options.world.clock.nowMs(), this.#applied);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#end();
    await this.#log.wal.close();
  }

  /** Nothing is acknowledged from here on. */
  fail(error: HyperscaleError): void {
    if (this.#isOver) return;
    this.#end();
    this.#options.world.process.exit(EXIT_STORAGE, error.message);
  }

  #end(): void {
    this.#isOver = true;
    this.#timer.close();
    this.#pulse.close();
    this.#effects = [];
    this.#events = [];
    const gone = new HyperscaleError("cluster", "this manager stops");
    for (const { reject } of [...this.#reads.values(), ...this.#changes.values(), ...this.#transfers]) reject(gone);
    this.#reads.clear();
    this.#changes.clear();
    this.#transfers = [];
  }

  #ask<Value>(keep: (waiter: Waiter<Value>) => void, event: RaftEvent): Promise<Value> {
    if (this.#isOver) return Promise.reject(new HyperscaleError("cluster", "this manager stops"));
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    keep({ resolve, reject });
    this.#post(event);
    return promise;
  }

  #post(event: RaftEvent): void {
    if (this.#isOver) return;
    this.#events.push(event);
    this.#wake();
  }

  #wake(): void {
    if (this.#isAwake || this.#isOver) return;
    this.#isAwake = true;
    queueMicrotask(() => {
      this.#isAwake = false;
      if (!this.#isOver && this.#held === null) this.#turn();
    });
  }

  /** Steps what waits, starts one sync for all of it, and does what may be done. */
  #turn(): void {
    const nowMs = this.#options.world.clock.nowMs();
    this.#takeProposals();
    const events = this.#events;
    this.#events = [];
    let at = 0;
    for (; at < events.length && this.#held === null; at++) {
      const event = events[at];
      if (event !== undefined) this.#step(nowMs, event);
    }
    if (at < events.length) this.#events = [...events.slice(at), ...this.#events];
    this.#sync();
    this.#drain();
    this.#pulse.turned();
    this.#timer.rearm();
  }

  /** All proposals that wait share one append. A disk that is full is asked about in the turn that would fill it. */
  #takeProposals(): void {
    const { batchMax } = this.#options.config.limits;
    if (this.#proposals.length === 0) return;
    const proposals = this.#proposals;
    this.#proposals = [];
    if (this.isDiskFull) {
      for (const { client, sequence } of proposals)
        this.#options.machine.answered(client, sequence, {
          kind: "refused",
          reason: "diskFull",
          leader: this.#raft.leader,
        });
      return;
    }
    for (let from = 0; from < proposals.length; from += batchMax)
      this.#events.push({ kind: "propose", proposals: proposals.slice(from, from + batchMax) });
  }

  #step(nowMs: number, event: RaftEvent): void {
    for (const effect of step(this.#raft, nowMs, event)) {
      if (effect.kind === "persist") this.#persist(effect.record);
      // Who asks again hears at once that the commit follows: that promises nothing.
      else if (effect.kind === "proposal" && effect.outcome.kind === "pending") this.#perform(effect);
      else this.#effects.push(effect);
    }
    if (event.kind === "message") {
      this.#contact.heard(this.#raft, event.from, event.message);
      this.#contact.applied(this.#applied);
    }
  }

  #persist(record: DurableRecord): void {
    if (this.#barrier === null) {
      this.#barrier = { kind: "barrier", isDurable: false };
      this.#effects.push(this.#barrier);
    }
    if (this.#held !== null) {
      this.#held.push(record);
      return;
    }
    if (record.kind !== "snapshot") return this.#append(walRecords(record));
    const { snapshot, dropsLog } = record;
    if (!dropsLog && this.#taken?.index === snapshot.index) {
      const { digest } = this.#taken;
      this.#taken = null;
      return this.#appendSnapshot(record, digest);
    }
    if (snapshot.bytes.length <= INLINE_BYTES_MAX) return this.#appendSnapshot(record, null);
    this.#held = [];
    this.#puts++;
    this.#keep(snapshot.bytes)
      .then((digest) => this.#resume(record, digest))
      .catch((error: unknown) => this.fail(storageOf(error)));
  }

  /** The blob of a leader's snapshot is durable: the record that names it, then those that waited behind it. */
  #resume(record: SnapshotPersist, digest: string): void {
    if (this.#isOver) return;
    const held = this.#held ?? [];
    this.#held = null;
    this.#puts--;
    this.#appendSnapshot(record, digest);
    for (const record of held) this.#persist(record);
    this.#sync();
    this.#timer.rearm();
    this.#wake();
  }

  #appendSnapshot({ snapshot, dropsLog }: SnapshotPersist, digest: string | null): void {
    this.#append([snapshotRecord(snapshot, dropsLog, digest)]);
    this.#digest = digest;
    this.#log.wal
      .flush()
      .then(() => this.#dropOlder())
      .catch((error: unknown) => this.fail(storageOf(error)));
  }

  /** What consensus decided goes in as far as the disk reaches; what could be refused was refused before. */
  #append(records: Parameters<OpenedLog["wal"]["append"]>[0]): void {
    if (this.#log.wal.append(records, { takesReserve: true }) === "failed")
      this.fail(new HyperscaleError("storage", "the log cannot be written"));
  }

  #sync(): void {
    const barrier = this.#barrier;
    if (barrier === null || this.#held !== null || this.#isOver) return;
    this.#barrier = null;
    this.#pulse.arm();
    const { clock } = this.#options.world;
    const beganAtMs = clock.nowMs();
    this.#syncs.begins(beganAtMs);
    this.#log.wal.flush().then(
      () => {
        barrier.isDurable = true;
        if (this.#isOver) return;
        this.#syncs.ended(beganAtMs, clock.nowMs());
        this.#drain();
      },
      (error: unknown) => this.fail(storageOf(error)),
    );
  }

  /** The log no longer names the blobs of older snapshots: those noted here the last time are removed. */
  async #dropOlder(): Promise<void> {
    if (this.#isOver || this.#puts > 0) return;
    const kept = new Set([this.#digest, this.#taken?.digest ?? null].filter((digest) => digest !== null));
    await this.#log.snapshots.collect(kept, 0);
  }

  /** Does what is not behind a barrier. */
  #drain(): void {
    let at = 0;
    for (; at < this.#effects.length; at++) {
      const effect = this.#effects[at];
      if (effect === undefined || (effect.kind === "barrier" && !effect.isDurable)) break;
      if (effect.kind !== "barrier") this.#perform(effect);
      if (this.#isOver) return;
    }
    if (at > 0) this.#effects.splice(0, at);
  }

  #perform(effect: Exclude<RaftEffect, { kind: "persist" }>): void {
    const { machine, world, send } = this.#options;
    switch (effect.kind) {
      case "send":
        return send(effect.to, effect.message);
      case "commit":
        machine.apply(effect.commands, effect.through);
        return this.#advance(effect.through);
      case "installSnapshot":
        machine.install(effect.snapshot.bytes, effect.snapshot.index);
        return this.#advance(effect.snapshot.index);
      case "takeSnapshot":
        return this.#takeSnapshot(effect.index);
      case "proposal":
        return machine.answered(effect.client, effect.sequence, effect.outcome);
      case "readReady":
        for (const id of effect.ids) take(this.#reads, id)?.resolve();
        return;
      case "readRefused":
        for (const id of effect.ids)
          take(this.#reads, id)?.reject(
            new HyperscaleError("cluster", `this manager does not lead (${effect.outcome.reason})`),
          );
        return;
      case "change":
        return take(this.#changes, effect.id)?.resolve(effect.outcome);
      case "transfer":
        // Handed over is when this node leads no more.
        return effect.outcome.kind === "started" ? undefined : this.#endTransfers(effect.outcome.kind);
      case "membership":
        return world.log.info("the managers are", { voters: effect.membership.voters.join(" ") });
      case "role":
        if (effect.role !== "leader") this.#endTransfers("started");
        world.log.info(`${effect.role} of term ${effect.term}`, { leader: effect.leader ?? "unknown" });
        return machine.turned(effect.leader, effect.term);
      case "suspicious":
        return world.log.debug("a message was ignored", { from: effect.from, reason: effect.reason });
    }
  }

  #endTransfers(outcome: "started" | "aborted" | "refused"): void {
    for (const { resolve } of this.#transfers.splice(0)) resolve(outcome);
  }

  #takeSnapshot(index: Index): void {
    const bytes = this.#options.machine.take();
    const answer = (digest: string | null): void => {
      this.#taken = { index, digest };
      this.#post({ kind: "snapshotTaken", index, bytes });
    };
    if (bytes.length <= INLINE_BYTES_MAX) return answer(null);
    this.#puts++;
    this.#log.snapshots.put(bytes).then(
      ({ digest }) => {
        this.#puts--;
        answer(digest);
      },
      (error: unknown) => {
        this.#puts--;
        if (!isFull(error)) return this.fail(storageOf(error));
        this.#post({ kind: "snapshotFailed", index });
      },
    );
  }

  /** Keeps the bytes as a blob, however long space takes. */
  async #keep(bytes: Uint8Array): Promise<string> {
    for (;;) {
      try {
        return (await this.#log.snapshots.put(bytes)).digest;
      } catch (error) {
        if (!isFull(error)) throw error;
      }
      await new Promise<void>((resolve) => {
        this.#options.world.clock.setTimer(RETRY_MS, resolve);
      });
    }
  }

  #advance(through: Index): void {
    this.#applied = through;
    this.#contact.applied(through);
  }
}

function take<Value>(map: Map<string, Value>, key: string): Value | undefined {
  const value = map.get(key);
  map.delete(key);
  return value;
}

function storageOf(error: unknown): HyperscaleError {
  return error instanceof HyperscaleError ? error : new HyperscaleError("storage", messageOf(error), { cause: error });
}
