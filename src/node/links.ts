// All streams of a node: those it accepts, those it keeps up to wanted addresses, and those it dials to say one thing.
// One link to a node at a time. What the messages mean is not known here.

import type { NetErrorCode } from "../io/net-error.ts";
import type { Address } from "../io/world.ts";
import type { Hello } from "../wire/handshake.ts";
import type { NodeMessage } from "./protocol.ts";

/** A node's id (identity.ts). */
export type NodeId = string;

/**
 * Why a link is gone. closed: one side said so in order (stopping, idle, a newer link). The others are hints that the
 * node may be gone. overflow: it took its messages too slowly.
 */
export type LinkDown = {
  readonly reason: "closed" | "ended" | "reset" | "refused" | "protocol" | "timeout" | "overflow";
  readonly message: string;
};

/** Why nothing could be said to an address. handshake: it answered and was refused, or did not say who it is. */
export type DialFailure = NetErrorCode | "handshake";

export type SendOptions = {
  /** A message of the same kind and key to that node that still waits is replaced: the newest wins. */
  readonly key?: string;
};

export type LinkCounters = {
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Of an unknown tag; not of their schema; shed because a lane was full or the link gone. */
  unknown: number;
  invalid: number;
  shed: number;
  dials: number;
  dialsFailed: number;
  refusals: number;
};

export type Links = {
  /** Where others reach this node's streams. */
  readonly address: Address;
  /** false: not taken: there is no link to that node, or its lane is full. true: it may still be lost with the link. */
  send(to: NodeId, message: NodeMessage, options?: SendOptions): boolean;
  /**
   * By the link to `expect`, or by one to that address, dialled when there is none and kept while it is used. `failed`:
   * at most once, when the message could not be sent. A link to another node than `expect` fails as `handshake`.
   */
  sendTo(address: Address, expect: NodeId | null, message: NodeMessage, failed?: (failure: DialFailure) => void): void;
  /** Keeps a link to whoever is there, from now on: dials again and again (100 ms to 2 s between). Idempotent. */
  want(address: Address): void;
  unwant(address: Address): void;
  /** Who is at the other end of the link to that node; null when there is none. */
  peer(node: NodeId): Hello | null;
  peers(): readonly Hello[];
  /** The node last met at a wanted address; null before. This node's own id for its own address. */
  nodeAt(address: Address): NodeId | null;
  /** Breaks the link to that node, if any. */
  drop(node: NodeId): void;
  /** Any number of handlers each, called in order. */
  onMessage(handle: (from: Hello, message: NodeMessage) => void): void;
  /** There is a link to that node where there was none; a new boot of it comes after the `onDown` of the old one. */
  onUp(handle: (peer: Hello) => void): void;
  onDown(handle: (peer: Hello, why: LinkDown) => void): void;
  /** A wanted address could not be dialled; `node`: who was last met there. Every failed try. */
  onRefused(handle: (address: Address, failure: DialFailure, node: NodeId | null) => void): void;
  readonly counters: Readonly<LinkCounters>;
  /** Says goodbye on all links. Idempotent. */
  close(): void;
};
