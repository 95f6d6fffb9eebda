// Election safety (Raft 5.2): one leader per term, and a node votes once in a term.

import type { Raft } from "../../raft/raft.ts";
import { Violation } from "./violation.ts";

export class Leaders {
  readonly #leaderOf = new Map<number, string>();
  /** By life of a node: the newest term it held, and its vote in it. What was never durable dies with the life. */
  readonly #votes = new WeakMap<Raft, { readonly term: number; readonly vote: string | null }>();
  /** Nodes that stood, by term. */
  readonly #candidates = new Map<number, Set<string>>();

  /** Looks at a node whose role, term or vote changed. */
  look(node: string, raft: Raft): void {
    const { term, vote } = raft.hard;
    const before = this.#votes.get(raft);
    if (before?.term === term && before.vote !== null && vote !== null && vote !== before.vote)
      throw new Violation("leaders", `${node} votes for ${before.vote} and ${vote} in term ${term}`);
    this.#votes.set(raft, { term, vote });
    if (raft.role === "candidate") this.#stand(term, node);
    if (raft.role !== "leader") return;
    const leader = this.#leaderOf.get(term);
    if (leader !== undefined && leader !== node)
      throw new Violation("leaders", `${node} and ${leader} both lead term ${term}`);
    this.#leaderOf.set(term, node);
  }

  /** Terms with a leader. */
  get elections(): number {
    return this.#leaderOf.size;
  }

  /** Terms in which two stood and nobody won. */
  get splitVotes(): number {
    let count = 0;
    for (const [term, nodes] of this.#candidates) if (nodes.size > 1 && !this.#leaderOf.has(term)) count++;
    return count;
  }

  #stand(term: number, node: string): void {
    const nodes = this.#candidates.get(term);
    if (nodes === undefined) this.#candidates.set(term, new Set([node]));
    else nodes.add(node);
  }
}
