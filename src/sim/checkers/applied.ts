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
    for (const { node, state } of replicas) {
      if (isSame(state, first.state)) continue;
      const expected = JSON.stringify(first.state, plain);
      const found = JSON.stringify(state, plain);
      const at = [...found].findIndex((char, position) => char !== expected[position]);
      const part = (text: string): string => text.slice(Math.max(0, at - 80), at + 40);
      throw new Violation(
        "applied",
        `${node} and ${first.node} differ after the same entries: ${part(found)} against ${part(expected)}`,
      );
    }
  }
}

/** Whether they would be the same text: maps in their order, records in any, and what is undefined is not there. */
function isSame(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null)
    return Number.isNaN(left) && Number.isNaN(right);
  if (left instanceof Map)
    return (
      right instanceof Map &&
      isSame([...left.keys()], [...right.keys()]) &&
      isSame([...left.values()], [...right.values()])
    );
  if (Array.isArray(left))
    return Array.isArray(right) && left.length === right.length && left.every((one, at) => isSame(one, right[at]));
  if (right instanceof Map || Array.isArray(right)) return false;
  const keys = Object.keys(left);
  const rightKeys = Object.keys(right);
  // Nearly always both were made alike.
  if (keys.length === rightKeys.length && keys.every((key, at) => key === rightKeys[at]))
    return isSame(Object.values(left), Object.values(right));
  const others = new Map<string, unknown>(Object.entries(right));
  for (const [key, value] of Object.entries(left)) {
    if (!isSame(value, others.get(key))) return false;
    others.delete(key);
  }
  return [...others.values()].every((value) => value === undefined);
}

/** Maps as lists of pairs, which JSON leaves out, and records in the order of their keys. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map) return [...value];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
}
