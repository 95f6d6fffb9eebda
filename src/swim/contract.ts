// What the shell tells the core (events) and what the core asks of the shell (effects). Data, no behaviour.
//
// The shell performs effects in array order, and nothing after `persistBoot` leaves the node before that counter is
// durable (it comes once, at start). It feeds everything its sockets hold before it sends `tick`, and sends `tick`
// whenever deadline(state) <= now.

import type { Datagram, StreamMessage, StreamPing } from "./messages.ts";
import type { Address, Incarnation, Ms, NodeId, Payload, Role, ShownStatus } from "./member.ts";

export type SwimEvent =
  | { readonly kind: "tick" }
  /** `from` is proven by the transport; `address.udp` is the source port. The message has passed its schema. */
  | { readonly kind: "datagram"; readonly from: NodeId; readonly address: Address; readonly message: Datagram }
  | { readonly kind: "stream"; readonly from: NodeId; readonly address: Address; readonly message: StreamMessage }
  /** A `streamProbe` came to nothing. refused: the port said no. silent: no answer in time, or the stream broke. */
  | { readonly kind: "streamFailed"; readonly seq: number; readonly reason: "refused" | "silent" }
  /** A long-lived stream to that node was reset, closed by it, or refused when dialled anew: a hint, not a proof. */
  | { readonly kind: "reset"; readonly node: NodeId }
  /** That node proved itself on a stream (handshake, or any message of another protocol). */
  | { readonly kind: "heard"; readonly node: NodeId }
  /** A node is at that address: it is called like a configured one. */
  | { readonly kind: "seed"; readonly address: Address }
  /** The event loop stood still so long. */
  | { readonly kind: "stalled"; readonly lateMs: Ms }
  /** What this node says of itself from now on, at most 512 B. */
  | { readonly kind: "payload"; readonly bytes: Uint8Array }
  /** Say goodbye; ends with the effect `left`. */
  | { readonly kind: "leave" };

export type SwimEffect =
  | { readonly kind: "persistBoot"; readonly boot: number }
  /** `bytes`: the estimate of size.ts. To a member, or to an address alone (`to` null). */
  | {
      readonly kind: "send";
      readonly to: NodeId | null;
      readonly address: Address;
      readonly message: Datagram;
      readonly bytes: number;
    }
  /** By stream, dialling when there is none. May fail in silence: what matters is said again. */
  | { readonly kind: "stream"; readonly to: NodeId; readonly address: Address; readonly message: StreamMessage }
  /** As `stream`, and tell `streamFailed` with this `seq` when it is refused or no streamAck came in `timeoutMs`. */
  | {
      readonly kind: "streamProbe";
      readonly to: NodeId;
      readonly address: Address;
      readonly seq: number;
      readonly message: StreamPing;
      readonly timeoutMs: Ms;
    }
  /**
   * A member's status changed here, or it started anew (a higher boot, status maybe as before: what it did in its
   * former life is over). Once for each change; `before` null: new, `after` null: dropped, never confirmed.
   */
  | {
      readonly kind: "member";
      readonly id: NodeId;
      readonly before: ShownStatus | null;
      readonly after: ShownStatus | null;
      readonly incarnation: Incarnation;
      readonly address: Address;
      readonly role: Role;
    }
  | { readonly kind: "payload"; readonly id: NodeId; readonly payload: Payload }
  /** Local health score changed: 0 well, 8 worst. */
  | { readonly kind: "health"; readonly score: number }
  /** This node stood still; the probes of that time were discarded. */
  | { readonly kind: "stall"; readonly lateMs: Ms }
  /** A configured peer has not answered for long. Once each. */
  | { readonly kind: "seedSilent"; readonly address: Address }
  /** Another node lives under an id that has a place already (a cloned disk?). The newcomer is not believed. */
  | { readonly kind: "conflict"; readonly id: NodeId; readonly address: Address }
  /** A peer said what cannot be; it was ignored. For the log and for a counter. */
  | { readonly kind: "suspicious"; readonly from: NodeId; readonly reason: string }
  /** The goodbye was told; the node may close its sockets. */
  | { readonly kind: "left" };
