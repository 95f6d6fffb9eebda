// State machine safety and leader completeness (Raft 5.4): what one node committed, every node commits alike, and every
// later leader holds. Committed is what a node applied: a core may count its own entry before that is on its disk.

import type { Raft } from "../../raft/raft.ts";
import type { Payloads } from "./payloads.ts";
import { Violation } from "./violation.ts";

type Committed = { readonly term: number; readonly hash: number; readonly by: string };

export class Commits {
  readonly #payloads: Payloads;
  readonly #committed = new Map<number, Committed>();
  readonly #through = new Map<string, { readonly raft: Raft; index: number }>();
  /** Highest index any node committed. */
  last = 0;

  constructor(payloads: Payloads) {
    this.#payloads = payloads;
  }

  /** Looks at a node that applied entries, up to `commit`. */
  look(node: string, raft: Raft, commit: number): void {
    const { log } = raft;
    let through = this.#through.get(node);
    if (through === undefined || through.raft !== raft) {
      through = { raft, index: log.baseIndex };
      this.#through.set(node, through);
    }
    if (commit < through.index) throw new Violation("commits", `${node} falls from ${through.index} to ${commit}`);
    for (let index = Math.max(through.index, log.baseIndex) + 1; index <= commit; index++) {
      const entry = log.entries[index - log.baseIndex - 1];
      if (entry === undefined) throw new Violation("commits", `${node} commits ${index}, which it does not hold`);
      this.#note(node, index, { term: entry.term, hash: this.#payloads.hashOf(entry), by: node });
    }
    through.index = commit;
    this.last = Math.max(this.last, commit);
  }

  /** Looks at a node that became leader. */
  lead(node: string, raft: Raft): void {
    const { log, hard } = raft;
    for (const [index, committed] of this.#committed) {
      if (index <= log.baseIndex || committed.term > hard.term) continue;
      if (log.entries[index - log.baseIndex - 1]?.term !== committed.term)
        throw new Violation(
          "commits",
          `${node} leads ${hard.term} without entry ${index} of term ${committed.term}, applied by ${committed.by}`,
        );
    }
  }

  #note(node: string, index: number, entry: Committed): void {
    const before = this.#committed.get(index);
    if (before === undefined) this.#committed.set(index, entry);
    else if (before.term !== entry.term || before.hash !== entry.hash)
      throw new Violation(
        "commits",
        `${node} commits another entry ${index} (term ${entry.term}) than ${before.by} (term ${before.term})`,
      );
  }
}
