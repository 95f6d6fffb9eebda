// One blob being pulled: asks one holder after another for its parts, some at a time, until the whole has the right
// digest. It keeps nothing on disk (blobs.ts does).

import type { Clock, Timer } from "../../io/world.ts";
import { createContentDigest } from "../../io/content-digest.ts";
import type { Leave, PeerCircuits } from "../network/circuits.ts";
import type { Links, NodeId } from "../network/links.ts";
import { BLOB_BYTES_MAX, BLOB_PART_BYTES, type BodyOf } from "../protocol.ts";

export type PullResult =
  { readonly kind: "whole"; readonly bytes: Uint8Array } | { readonly kind: "failed"; readonly reason: string };

/** Parts asked for and not here: 512 KiB under way. */
const WINDOW = 8;
/** A holder from whom nothing came for so long is given up for another. */
const SILENT_MS = 2_000;
/** When nobody has it: how long until all are asked again. */
const AGAIN_MS = 500;

export class BlobPull {
  readonly result: Promise<PullResult>;
  readonly #resolve: (result: PullResult) => void;
  readonly #clock: Clock;
  readonly #links: Links;
  readonly #digest: string;
  readonly #circuits: PeerCircuits | null;
  /** To ask the source. */
  #leave: Leave | null = null;
  readonly #limit: Timer;
  /** Who is asked first. */
  readonly #preferred: NodeId[];
  readonly #tried = new Set<NodeId>();
  #reason = "no node was there to ask";
  #source: NodeId | null = null;
  #timer: Timer | null = null;
  #bytes: Uint8Array | null = null;
  /** Offsets asked of the source, and how many parts came. */
  #nextOffset = 0;
  #missing = new Set<number>();
  #isOver = false;

  constructor(options: {
    readonly clock: Clock;
    readonly links: Links;
    readonly digest: string;
    readonly from: readonly NodeId[];
    readonly timeoutMs: number;
    /** null: everybody is asked, however often it did not answer. */
    readonly circuits: PeerCircuits | null;
  }) {
    const { promise, resolve } = Promise.withResolvers<PullResult>();
    this.result = promise;
    this.#resolve = resolve;
    this.#clock = options.clock;
    this.#links = options.links;
    this.#digest = options.digest;
    this.#circuits = options.circuits;
    this.#preferred = [...options.from];
    this.#limit = this.#clock.setTimer(options.timeoutMs, () => this.end(this.#reason));
    this.#next();
  }

  /** These have it too, says somebody. */
  also(from: readonly NodeId[]): void {
    this.#preferred.push(...from.filter((node) => !this.#preferred.includes(node)));
  }

  part(from: NodeId, { offset, size, bytes }: BodyOf<"blobPart">): void {
    if (from !== this.#source || this.#isOver) return;
    if (this.#bytes === null) {
      if (size > BLOB_BYTES_MAX) return this.#fail(`${from} says it is ${size} bytes`);
      this.#bytes = new Uint8Array(size);
    }
    const length = Math.min(BLOB_PART_BYTES, size - offset);
    if (size !== this.#bytes.length || bytes.length !== length) return this.#fail(`${from} sent parts that do not fit`);
    if (!this.#missing.delete(offset)) return;
    this.#bytes.set(bytes, offset);
    this.#rearm();
    if (this.#missing.size === 0 && this.#nextOffset >= size) return this.#check(from, this.#bytes);
    this.#ask(from, size);
  }

  missing(from: NodeId): void {
    if (from !== this.#source || this.#isOver) return;
    this.#settle(true);
    this.#fail(`${from} does not have it`);
  }

  /** The link to that node is gone. */
  lost(node: NodeId): void {
    if (node === this.#source) this.#fail(`the link to ${node} broke`);
  }

  end(reason: string): void {
    this.#finish({ kind: "failed", reason });
  }

  /** The next holder to try; after all, from the beginning a little later. */
  #next(): void {
    const linked = this.#links.peers();
    const managers = linked.filter(({ role }) => role === "manager").map(({ node }) => node);
    const candidates = [...this.#preferred, ...managers];
    const source = candidates.find(
      (node) =>
        !this.#tried.has(node) &&
        linked.some((peer) => peer.node === node) &&
        this.#mayAsk(node, managers.includes(node)),
    );
    this.#bytes = null;
    this.#missing.clear();
    this.#nextOffset = 0;
    this.#source = source ?? null;
    this.#timer?.cancel();
    if (source === undefined) {
      this.#tried.clear();
      this.#timer = this.#clock.setTimer(AGAIN_MS, () => this.#next());
      return;
    }
    this.#tried.add(source);
    this.#rearm();
    this.#ask(source, 1);
  }

  /** A manager that does not answer is left alone for a moment; others are asked meanwhile. */
  #mayAsk(node: NodeId, isManager: boolean): boolean {
    this.#leave = isManager && this.#circuits !== null ? this.#circuits.ask(node) : null;
    return this.#leave !== null || !isManager || this.#circuits === null;
  }

  /** What came of asking the source. */
  #settle(isSuccess: boolean): void {
    if (this.#leave !== null) this.#circuits?.ended(this.#leave, isSuccess);
    this.#leave = null;
  }

  /** Keeps the window full. The first part tells the size. */
  #ask(source: NodeId, size: number): void {
    while (this.#nextOffset < size && this.#missing.size < WINDOW) {
      const offset = this.#nextOffset;
      this.#nextOffset += BLOB_PART_BYTES;
      this.#missing.add(offset);
      this.#links.send(source, { kind: "blobWant", body: { digest: this.#digest, offset } });
    }
  }

  #rearm(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(SILENT_MS, () => this.#fail(`${this.#source} is silent`));
  }

  #check(from: NodeId, bytes: Uint8Array): void {
    const sum = createContentDigest();
    sum.update(bytes);
    if (sum.hex() === this.#digest) {
      this.#settle(true);
      return this.#finish({ kind: "whole", bytes });
    }
    this.#fail(`${from} sent another content`);
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#reason = reason;
    this.#settle(false);
    this.#next();
  }

  #finish(result: PullResult): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#limit.cancel();
    this.#resolve(result);
  }
}
