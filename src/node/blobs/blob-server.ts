// Gives the parts of blobs to whoever asks. A blob is read and checked whole when its first part is asked for, and kept
// in memory while its parts go out.

import type { NodeWorld } from "../../io/world.ts";
import { HyperscaleError, messageOf } from "../../base/error.ts";
import type { BlobStore } from "./blob-store.ts";
import type { Links, NodeId } from "../network/links.ts";
import { BLOB_PART_BYTES, type BodyOf } from "../protocol.ts";

/** Bytes of blobs held while they are being given; the one asked for longest ago goes first. */
const HELD_BYTES_MAX = 64 * 1_048_576;
/** One that nobody asked for so long goes too. */
const HELD_MS = 10_000;

type Held = { readonly bytes: Promise<Uint8Array | null>; size: number; askedAtMs: number };

export type ServerOptions = {
  readonly world: Pick<NodeWorld, "clock" | "log">;
  readonly links: Links;
  readonly store: Pick<BlobStore, "get">;
};

export class BlobServer {
  readonly #options: ServerOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /** Answers by a part or by `blobMissing`. */
  want(to: NodeId, { digest, offset }: BodyOf<"blobWant">): void {
    const { links, world } = this.#options;
    this.#read(digest)
      .catch((error: unknown) => {
        if (!(error instanceof HyperscaleError)) throw error;
        world.log.warn("a blob cannot be read", { digest, reason: messageOf(error) });
        this.#held.delete(digest);
        return null;
      })
      .then((bytes) => {
        if (bytes === null || offset > bytes.length) {
          this.#held.delete(digest);
          links.send(to, { kind: "blobMissing", body: { digest } });
          return;
        }
        // Nobody comes for a second part of it.
        if (bytes.length <= BLOB_PART_BYTES) this.#held.delete(digest);
        const part = bytes.subarray(offset, offset + BLOB_PART_BYTES);
        links.send(to, { kind: "blobPart", body: { digest, offset, size: bytes.length, bytes: part } });
      });
  }

  #read(digest: string): Promise<Uint8Array | null> {
    const nowMs = this.#options.world.clock.nowMs();
    const known = this.#held.get(digest);
    // Asked again: it moves to the end of the order.
    this.#held.delete(digest);
    const held: Held = known ?? { bytes: this.#options.store.get(digest), size: 0, askedAtMs: nowMs };
    held.askedAtMs = nowMs;
    this.#held.set(digest, held);
    return held.bytes.then((bytes) => {
      held.size = bytes?.length ?? 0;
      this.#shrink(nowMs);
      return bytes;
    });
  }

  #shrink(nowMs: number): void {
    let sum = 0;
    for (const { size } of this.#held.values()) sum += size;
    for (const [digest, { size, askedAtMs }] of [...this.#held]) {
      const isTooMuch = sum > HELD_BYTES_MAX && this.#held.size > 1;
      if (!isTooMuch && nowMs - askedAtMs <= HELD_MS) continue;
      this.#held.delete(digest);
      sum -= size;
    }
  }
}
