// Queues are bounded: no core, link or event queue holds more than its limit, whatever the faults.

import type { Raft } from "../../raft/raft.ts";
import { Violation } from "./violation.ts";

/** A queue as its holder tells of it. */
export type Queue = { readonly name: string; readonly size: number; readonly max: number };

/** Looks at one node. */
export function checkBounds(node: string, raft: Raft, queues: readonly Queue[]): void {
  const { limits } = raft.config;
  if (raft.log.entries.length > limits.logEntriesMax)
    throw new Violation("bounds", `${node} holds ${raft.log.entries.length} entries of the log`);
  for (const [peer, { inflight }] of raft.leading?.peers ?? []) {
    if (inflight.length > limits.inflightMessagesMax)
      throw new Violation("bounds", `${node} has ${inflight.length} appends in flight to ${peer}`);
  }
  for (const { name, size, max } of queues)
    if (size > max) throw new Violation("bounds", `${node}: ${name} holds ${size}, at most ${max}`);
}
