// What the links of a node counted: sums over channels that are over, and those that are not.

import type { ChannelCounters } from "../../wire/channel.ts";

/** Since the node started. */
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
  /** Dropped: the role of who said it may not say it, or not to this node. */
  forbidden: number;
};

/** Nothing counted yet. */
export function noCounts(): LinkCounters {
  return {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    unknown: 0,
    invalid: 0,
    shed: 0,
    dials: 0,
    dialsFailed: 0,
    refusals: 0,
    forbidden: 0,
  };
}

/** Adds what a channel counted. */
export function addCounts(
  sums: LinkCounters,
  { messagesIn, messagesOut, bytesIn, bytesOut, unknown, invalid, shed }: Readonly<ChannelCounters>,
): void {
  sums.messagesIn += messagesIn;
  sums.messagesOut += messagesOut;
  sums.bytesIn += bytesIn;
  sums.bytesOut += bytesOut;
  sums.unknown += unknown;
  sums.invalid += invalid;
  sums.shed += shed;
}
