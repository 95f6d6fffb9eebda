// Blobs among nodes: everything is pulled by digest, in parts, and believed when the digest of the whole is right. The
// store of one node is blob-store.ts; which blobs are needed is told by who knows the ledger.

import { HyperscaleError, messageOf } from "../../base/error.ts";
import { digestOf } from "../../io/content-digest.ts";
import { diskErrorCode } from "../../io/disk-error.ts";
import type { NodeWorld } from "../../io/world.ts";
import type { Hello } from "../../wire/handshake.ts";
import { BlobPull, type PullResult } from "./blob-pull.ts";
import { BlobServer } from "./blob-server.ts";
import type { Blob } from "./blob-parts.ts";
import type { BlobStore } from "./blob-store.ts";
import type { PeerCircuits } from "../network/circuits.ts";
import type { Links, NodeId } from "../network/links.ts";
import { BLOB_PART_BYTES, type BodyOf, type NodeMessage } from "../protocol.ts";
import { Spreads } from "./spreading.ts";

export type PullOptions = {
  /** Who is asked first. All managers with a link are asked after them. */
  readonly from?: readonly NodeId[];
  /** Gives up after it (default 30 s). */
  readonly timeoutMs?: number;
};

export type Blobs = {
  /** Whether it is kept here. A damaged one counts until it is read. */
  have(digest: string): Promise<boolean>;
  /** Keeps a content here alone; durable when it resolves. Out: its digest. Rejects as BlobStore.put does. */
  keep(bytes: Uint8Array): Promise<string>;
  /** The content, from here or from whoever has it; kept here from then on. Rejects with `cluster` when nobody does. */
  pull(digest: string, options?: PullOptions): Promise<Uint8Array>;
  /**
   * Keeps a content on a majority of the voters, this node among them; durable there when it resolves. Out: its digest.
   * Asks again until it is; rejects with `storage` when this disk fails, `cluster` after `timeoutMs` (default: never).
   */
  replicate(bytes: Uint8Array, options?: { readonly timeoutMs?: number }): Promise<string>;
  /** Removes what is not among these and was not a minute ago. Out: what was removed. */
  collect(reachable: ReadonlySet<string>): Promise<readonly string[]>;
  /** The last content did not fit on this node's disk. */
  readonly isDiskFull: boolean;
  /** Ends all transfers; what waits rejects with `cluster`. Idempotent. */
  close(): void;
};

/** What blobs need of a store: BlobStore, or memory (createMemoryStore) for nodes that keep nothing. */
export type BlobKeep = Pick<BlobStore, "put" | "touch" | "find" | "get" | "collect">;

export type BlobsOptions = {
  readonly world: Pick<NodeWorld, "clock" | "log">;
  readonly self: NodeId;
  readonly store: BlobKeep;
  readonly links: Links;
  /** The voters now. Nodes that are no managers give none. */
  readonly voters: () => readonly NodeId[];
  /** Of a manager. */
  readonly circuits?: PeerCircuits;
};

/** Serves and pulls from now on. */
export function createBlobs(options: BlobsOptions): Blobs {
  return new LinkedBlobs(options);
}

/** A store in memory, for a worker's submissions or a client's own. Nothing is removed but by `collect`, at once. */
export function createMemoryStore(): BlobKeep {
  const held = new Map<string, Uint8Array>();
  return {
    async put(content, expected) {
      if (!(content instanceof Uint8Array)) throw new HyperscaleError("invalid", "a memory store takes whole contents");
      const digest = digestOf(content);
      if (expected !== undefined && expected !== digest)
        throw new HyperscaleError("invalid", `a content came as ${digest} where ${expected} was expected`);
      held.set(digest, content);
      return { digest, bytes: content.length };
    },
    touch: () => {},
    async find(digest) {
      const bytes = held.get(digest);
      return bytes === undefined ? null : { digest, bytes: bytes.length };
    },
    get: async (digest) => held.get(digest) ?? null,
    async collect(reachable) {
      const removed = [...held.keys()].filter((digest) => !reachable.has(digest));
      for (const digest of removed) held.delete(digest);
      return removed;
    },
  };
}

const PULL_TIMEOUT_MS = 30_000;

class LinkedBlobs implements Blobs {
  readonly #options: BlobsOptions;
  readonly #server: BlobServer;
  readonly #pulls = new Map<string, { readonly pull: BlobPull; readonly result: Promise<PullResult> }>();
  readonly #spreads: Spreads;
  /** Being written here. */
  readonly #storing = new Map<string, Promise<void>>();
  /** Needed by who waits here, whatever the ledger says so far. */
  readonly #pinned = new Map<string, number>();
  #isDiskFull = false;
  #isClosed = false;

  constructor(options: BlobsOptions) {
    this.#options = options;
    this.#server = new BlobServer(options);
    this.#spreads = new Spreads({ clock: options.world.clock, links: options.links, voters: options.voters });
    options.links.onMessage((from, message) => this.#hear(from, message));
    options.links.onUp((peer) => this.#spreads.up(peer.node));
    options.links.onDown(({ node }) => {
      for (const { pull } of this.#pulls.values()) pull.lost(node);
    });
  }

  async have(digest: string): Promise<boolean> {
    return (await this.#options.store.find(digest)) !== null;
  }

  async keep(bytes: Uint8Array): Promise<string> {
    return (await this.#put(bytes)).digest;
  }

  async pull(digest: string, options: PullOptions = {}): Promise<Uint8Array> {
    const held = await this.#options.store.get(digest);
    if (held !== null) return held;
    const result = await this.#pull(digest, options);
    if (result.kind === "whole") return result.bytes;
    throw new HyperscaleError("cluster", `the blob ${digest} cannot be had: ${result.reason}`);
  }

  async replicate(bytes: Uint8Array, options: { readonly timeoutMs?: number } = {}): Promise<string> {
    const digest = digestOf(bytes);
    this.#pin(digest, 1);
    // What does not go along has to be here before others come for it.
    const isTaken = bytes.length > BLOB_PART_BYTES;
    try {
      if (isTaken) await this.#store(digest, bytes);
      const spread = this.#spreads.begin({ digest, bytes }, this.#options.self, options.timeoutMs ?? null);
      const stored = isTaken ? Promise.resolve() : this.#store(digest, bytes);
      const kept = stored.then(() => this.#spreads.stored(this.#options.self, [digest]));
      await Promise.all([kept, spread.whole]).finally(() => spread.end());
      return digest;
    } finally {
      this.#pin(digest, -1);
    }
  }

  async collect(reachable: ReadonlySet<string>): Promise<readonly string[]> {
    const needed = new Set([...reachable, ...this.#pinned.keys(), ...this.#pulls.keys()]);
    return this.#options.store.collect(needed, this.#options.world.clock.nowMs());
  }

  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  close(): void {
    this.#isClosed = true;
    for (const { pull } of this.#pulls.values()) pull.end("this node stops");
    this.#spreads.close();
  }

  #pin(digest: string, by: 1 | -1): void {
    const count = (this.#pinned.get(digest) ?? 0) + by;
    if (count === 0) this.#pinned.delete(digest);
    else this.#pinned.set(digest, count);
  }

  /** One transfer at a time for a blob, however many wait for it. */
  #pull(digest: string, { from = [], timeoutMs = PULL_TIMEOUT_MS }: PullOptions): Promise<PullResult> {
    if (this.#isClosed) return Promise.resolve({ kind: "failed", reason: "this node stops" });
    const running = this.#pulls.get(digest);
    if (running !== undefined) {
      running.pull.also(from);
      return running.result;
    }
    const { world, links } = this.#options;
    const { circuits } = this.#options;
    const pull = new BlobPull({ clock: world.clock, links, digest, from, timeoutMs, circuits: circuits ?? null });
    const result = pull.result
      .then(async (outcome) => {
        if (outcome.kind === "whole") await this.#put(outcome.bytes, digest);
        return outcome;
      })
      .finally(() => this.#pulls.delete(digest));
    this.#pulls.set(digest, { pull, result });
    return result;
  }

  #hear(from: Hello, message: NodeMessage): void {
    if (this.#isClosed) return;
    switch (message.kind) {
      case "blobWant":
        return this.#server.want(from.node, message.body);
      case "blobPart":
        return this.#pulls.get(message.body.digest)?.pull.part(from.node, message.body);
      case "blobMissing":
        return this.#pulls.get(message.body.digest)?.pull.missing(from.node);
      case "blobHave":
        if (from.role === "manager") for (const blob of message.body.blobs) this.#take(from.node, blob);
        return;
      case "blobStored":
        return this.#spreads.stored(from.node, message.body.digests);
      default:
        return;
    }
  }

  /** A manager wants it kept here too. Nothing is answered when it cannot be: it asks again. */
  #take(from: NodeId, { digest, content }: BodyOf<"blobHave">["blobs"][number]): void {
    this.#pin(digest, 1);
    this.#kept(from, digest, content)
      .catch((error: unknown) => {
        if (!(error instanceof HyperscaleError)) throw error;
        this.#options.world.log.warn("a blob cannot be kept", { digest, reason: messageOf(error) });
      })
      .finally(() => this.#pin(digest, -1));
  }

  async #kept(from: NodeId, digest: string, content: Uint8Array | null): Promise<void> {
    if (content !== null) await this.#store(digest, content);
    else {
      this.#options.store.touch(digest);
      const isHere = (await this.#options.store.find(digest)) !== null;
      if (!isHere && (await this.#pull(digest, { from: [from] })).kind === "failed") return;
    }
    this.#spreads.answer(from, digest);
  }

  async #put(content: Uint8Array, digest?: string): Promise<Blob> {
    try {
      const blob = await this.#options.store.put(content, digest);
      this.#isDiskFull = false;
      return blob;
    } catch (error) {
      if (error instanceof HyperscaleError && diskErrorCode(error.cause) === "full") this.#isDiskFull = true;
      throw error;
    }
  }

  /** Durable here when it resolves. Once at a time, however often it is asked for while the disk is slow. */
  #store(digest: string, content: Uint8Array): Promise<void> {
    const { store } = this.#options;
    store.touch(digest);
    const running = this.#storing.get(digest);
    if (running !== undefined) return running;
    const storing = store
      .find(digest)
      .then(async (found) => {
        if (found === null) await this.#put(content, digest);
      })
      .finally(() => this.#storing.delete(digest));
    this.#storing.set(digest, storing);
    return storing;
  }
}
