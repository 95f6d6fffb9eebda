// Log matching (Raft 5.3): an index and a term name one entry, with one entry before it, on every node.

import { termAt } from "../../raft/log.ts";
import type { Entry, Raft } from "../../raft/raft.ts";
import type { Payloads } from "./payloads.ts";
import { Violation } from "./violation.ts";

type Written = {
  readonly term: number;
  readonly hash: number;
  readonly termBefore: number | null;
  readonly by: string;
  /** True time at which it was first seen, ms. */
  readonly atMs: number;
};

export class LogMatching {
  readonly #payloads: Payloads;
  /** By index. */
  readonly #written = new Map<number, Written[]>();
  /** By node: the entries looked at already, by index. */
  readonly #known = new Map<string, { readonly raft: Raft; readonly entries: Map<number, Entry> }>();

  readonly #nowMs: () => number;

  /** `nowMs`: true time. */
  constructor(payloads: Payloads, nowMs: () => number) {
    this.#payloads = payloads;
    this.#nowMs = nowMs;
  }

  /** True time at which an entry was in a log for the first time; null: it was never seen. */
  writtenAtMs(index: number, term: number | null): number | null {
    return this.#written.get(index)?.find((one) => one.term === term)?.atMs ?? null;
  }

  /** Looks at a node whose log changed: only at what is new in it. */
  look(node: string, raft: Raft): void {
    let known = this.#known.get(node);
    if (known === undefined || known.raft !== raft) {
      known = { raft, entries: new Map() };
      this.#known.set(node, known);
    }
    const { entries } = raft.log;
    for (let at = entries.length - 1; at >= 0; at--) {
      const entry = entries[at];
      if (entry === undefined || known.entries.get(entry.index) === entry) return;
      known.entries.set(entry.index, entry);
      this.#compare(node, raft, entry);
    }
  }

  #compare(node: string, raft: Raft, entry: Entry): void {
    const { index, term } = entry;
    const termBefore = termAt(raft.log, index - 1);
    const hash = this.#payloads.hashOf(entry);
    const list = this.#written.get(index) ?? [];
    const same = list.find((one) => one.term === term);
    if (same === undefined) {
      list.push({ term, hash, termBefore, by: node, atMs: this.#nowMs() });
      this.#written.set(index, list);
      return;
    }
    const isSamePast = same.termBefore === null || termBefore === null || same.termBefore === termBefore;
    if (same.hash === hash && isSamePast) return;
    throw new Violation("log-matching", `entry ${index} of term ${term} differs on ${node} and ${same.by}`);
  }
}
