// What a client was told is accepted stays: in the ledger of every later leader, and at the end.

import type { LedgerState } from "../../ledger/job.ts";
import { Violation } from "./violation.ts";

export class Acknowledged {
  readonly #ids = new Set<string>();

  /** A client was told so. */
  accept(id: string): void {
    this.#ids.add(id);
  }

  get count(): number {
    return this.#ids.size;
  }

  /** Looks at a leader that has applied everything committed before its term. */
  look(node: string, ledger: LedgerState): void {
    for (const id of this.#ids) {
      if (!ledger.jobs.has(id)) throw new Violation("acknowledged", `${node} leads and has no job ${id}`);
    }
  }
}
