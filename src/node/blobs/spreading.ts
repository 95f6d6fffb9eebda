// Blobs on their way to a majority of the managers: who was told of which, who keeps it, and what is said again. What
// comes up in one turn goes in one message. It stores nothing (blobs.ts does).

import { HyperscaleError } from "../../base/error.ts";
import type { Clock, Timer } from "../../io/world.ts";
import type { Links, NodeId } from "../network/links.ts";
import { BLOB_PART_BYTES, BLOBS_TOLD_MAX, type BodyOf } from "../protocol.ts";

/** How often those that did not keep a blob yet are told of it again, and how late a time limit may be noticed. */
const TELL_MS = 1_000;
/** Bytes of contents in one message, at most (or one content): far below what a frame holds. */
const TOLD_BYTES_MAX = 262_144;

/** What one message says of one blob. */
type Told = BodyOf<"blobHave">["blobs"][number];

/** A blob on its way to a majority. */
export type Spread = {
  /** Resolves when a majority of the voters keeps it; rejects with `cluster` when time is up or this node stops. */
  readonly whole: Promise<void>;
  readonly end: () => void;
};

type Spreading = {
  readonly told: Told;
  readonly stored: Set<NodeId>;
  readonly limitMs: number | null;
  readonly settle: PromiseWithResolvers<void>;
};

export class Spreads {
  readonly #clock: Clock;
  readonly #links: Pick<Links, "send">;
  readonly #voters: () => readonly NodeId[];
  readonly #spreads = new Map<string, Set<Spreading>>();
  /** What is said at the end of this turn, by node. */
  readonly #told = new Map<NodeId, Told[]>();
  readonly #stored = new Map<NodeId, string[]>();
  #isFlushing = false;
  /** Asked for once a turn: there may be many spreads in one. */
  #votersNow: readonly NodeId[] | null = null;
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(ports: {
    readonly clock: Clock;
    readonly links: Pick<Links, "send">;
    readonly voters: () => readonly NodeId[];
  }) {
    this.#clock = ports.clock;
    this.#links = ports.links;
    this.#voters = ports.voters;
  }

  /** Tells all voters but `except`, who keeps it by itself and says so by `stored`. In: `limitMs` from now, or null. */
  begin(blob: { readonly digest: string; readonly bytes: Uint8Array }, except: NodeId, limitMs: number | null): Spread {
    const { digest, bytes } = blob;
    const spreading: Spreading = {
      told: { digest, size: bytes.length, content: bytes.length <= BLOB_PART_BYTES ? bytes : null },
      stored: new Set(),
      limitMs: limitMs === null ? null : this.#clock.nowMs() + limitMs,
      settle: Promise.withResolvers(),
    };
    const spreads = this.#spreads.get(digest) ?? new Set();
    this.#spreads.set(digest, spreads.add(spreading));
    if (this.#isClosed) spreading.settle.reject(stopped());
    for (const voter of this.#current()) if (voter !== except) this.#tell(voter, spreading.told);
    this.#arm();
    return { whole: spreading.settle.promise, end: () => this.#end(digest, spreading) };
  }

  /** These blobs are durable there. */
  stored(node: NodeId, digests: readonly string[]): void {
    const voters = this.#current();
    for (const digest of digests)
      for (const spreading of this.#spreads.get(digest) ?? []) {
        spreading.stored.add(node);
        check(spreading, voters);
      }
  }

  /** A blob that this manager asked to be kept is durable here: it is told. */
  answer(node: NodeId, digest: string): void {
    const digests = this.#stored.get(node);
    if (digests === undefined) this.#stored.set(node, [digest]);
    else digests.push(digest);
    this.#flushSoon();
  }

  /** A node that was away is here. */
  up(node: NodeId): void {
    if (!this.#current().includes(node)) return;
    for (const spreading of this.#all()) if (!spreading.stored.has(node)) this.#tell(node, spreading.told);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const { settle } of this.#all()) settle.reject(stopped());
  }

  #current(): readonly NodeId[] {
    this.#votersNow ??= this.#voters();
    this.#flushSoon();
    return this.#votersNow;
  }

  #all(): readonly Spreading[] {
    return [...this.#spreads.values()].flatMap((spreads) => [...spreads]);
  }

  #end(digest: string, spreading: Spreading): void {
    const spreads = this.#spreads.get(digest);
    spreads?.delete(spreading);
    if (spreads?.size === 0) this.#spreads.delete(digest);
  }

  /** A look at all that are under way, while there are any. */
  #arm(): void {
    if (this.#timer !== null || this.#isClosed) return;
    this.#timer = this.#clock.setTimer(TELL_MS, () => {
      this.#timer = null;
      if (this.#spreads.size === 0) return;
      this.#look();
      this.#arm();
    });
  }

  #look(): void {
    const nowMs = this.#clock.nowMs();
    const voters = this.#current();
    for (const spreading of this.#all()) {
      const { told, stored, limitMs, settle } = spreading;
      // The voters may be others than they were.
      check(spreading, voters);
      if (limitMs !== null && nowMs >= limitMs)
        settle.reject(
          new HyperscaleError(
            "cluster",
            "no majority of the managers has its content on disk in time: is a majority of them up?",
          ),
        );
      for (const voter of voters) if (!stored.has(voter)) this.#tell(voter, told);
    }
  }

  #tell(node: NodeId, told: Told): void {
    const blobs = this.#told.get(node);
    if (blobs === undefined) this.#told.set(node, [told]);
    else blobs.push(told);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#votersNow = null;
      if (!this.#isClosed) this.#flush();
    });
  }

  #flush(): void {
    for (const [node, told] of this.#told)
      for (const blobs of messages(told, ({ content }) => content?.length ?? 0))
        this.#links.send(node, { kind: "blobHave", body: { blobs } });
    for (const [node, stored] of this.#stored)
      for (const digests of messages(stored, () => 0))
        this.#links.send(node, { kind: "blobStored", body: { digests } });
    this.#told.clear();
    this.#stored.clear();
  }
}

function check({ stored, settle }: Spreading, voters: readonly NodeId[]): void {
  const keeping = voters.filter((voter) => stored.has(voter)).length;
  if (voters.length > 0 && keeping > voters.length / 2) settle.resolve();
}

/** In pieces that fit a message each. */
function messages<One>(all: readonly One[], bytesOf: (one: One) => number): readonly (readonly One[])[] {
  const pieces: One[][] = [];
  let piece: One[] = [];
  let bytes = 0;
  for (const one of all) {
    bytes += bytesOf(one);
    if (piece.length > 0 && (piece.length >= BLOBS_TOLD_MAX || bytes > TOLD_BYTES_MAX)) {
      pieces.push(piece);
      piece = [];
      bytes = bytesOf(one);
    }
    piece.push(one);
  }
  return piece.length === 0 ? pieces : [...pieces, piece];
}

function stopped(): HyperscaleError {
  return new HyperscaleError("cluster", "this node stops");
}
