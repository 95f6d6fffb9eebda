// Every replica applies the same and comes to the same: the effects of each index are equal everywhere, and at the end
// so are the whole ledgers.

import type { Effect } from "../../ledger/effects.ts";
import type { LedgerState } from "../../ledger/job.ts";
import { hashText } from "./payloads.ts";
import { Violation } from "./violation.ts";

export class Applied {
  readonly #effects = new Map<number, { readonly hash: number; readonly by: string }>();

  /** A replica applied an entry. */
  apply(node: string, index: number, effects: readonly Effect[]): void {
    let hash = effects.length;
    for (const effect of effects) {
      hash = hashText(effect.kind, hash);
      if ("message" in effect) hash = hashText(effect.message, hash);
      if ("workflow" in effect) hash = hashText(effect.workflow, hash);
    }
    const before = this.#effects.get(index);
    if (before === undefined) this.#effects.set(index, { hash, by: node });
    else if (before.hash !== hash)
      throw new Violation("applied", `entry ${index} has other effects on ${node} than on ${before.by}`);
  }

  /** Looks at replicas that have applied up to the same index. */
  compare(replicas: readonly { readonly node: string; readonly state: LedgerState }[]): void {
    const first = replicas[0];
    if (first === undefined) return;
    const expected = JSON.stringify(first.state, plain);
    for (const { node, state } of replicas) {
      if (JSON.stringify(state, plain) !== expected)
        throw new Violation("applied", `the ledgers of ${node} and ${first.node} differ after the same entries`);
    }
  }
}

/** Maps as lists of pairs: JSON leaves them out. */
function plain(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}
