// Blobs among nodes: everything is pulled by digest, in parts, and believed when the digest of the whole is right. The
// store of one node is blob-store.ts; which blobs are needed is told by who knows the ledger.

import type { NodeId } from "./links.ts";

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
  /** Ends all transfers; what waits rejects with `cluster`. Idempotent. */
  close(): void;
};
