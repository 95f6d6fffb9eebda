// Membership on sockets: the swim core with the datagram socket and the links around it. It informs; who owns what is
// the ledger's to say.

import type { SwimEffect, SwimView } from "../swim/swim.ts";
import type { NodeId } from "./links.ts";

/** A member's status changed, or it started anew (swim/contract.ts). */
export type MemberChange = Extract<SwimEffect, { readonly kind: "member" }>;

export type Membership = {
  view(): SwimView;
  /** Any number of handlers each. */
  onMember(handle: (change: MemberChange) => void): void;
  /** What that member says of itself, at most 512 B. */
  onPayload(handle: (node: NodeId, bytes: Uint8Array) => void): void;
  /** This node's own health: 0 well, 8 worst. */
  onHealth(handle: (score: number) => void): void;
  /** A hint: that node's stream broke. Links tell it by themselves. */
  reset(node: NodeId): void;
  /** That node proved itself alive otherwise. Links tell it by themselves. */
  heard(node: NodeId): void;
  /** What this node says of itself from now on, at most 512 B. */
  setPayload(bytes: Uint8Array): void;
  /** Says goodbye; resolves when it is told, in the time the preset gives it at most. */
  leave(): Promise<void>;
  /** Stops at once, without a word. Idempotent. */
  close(): void;
};
