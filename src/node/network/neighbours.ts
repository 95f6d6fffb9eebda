// Links to the managers that count, wherever they are: those that joined later stand in nobody's list of peers. Their
// addresses are what membership last heard of them.

import type { Address } from "../../io/world.ts";
import type { SwimView } from "../../swim/swim.ts";
import { addressKey } from "./dialler.ts";
import type { Links, NodeId } from "./links.ts";

export class Neighbours {
  readonly #links: Pick<Links, "want" | "unwant">;
  readonly #configured: ReadonlySet<string>;
  readonly #wanted = new Map<string, Address>();

  /** In: addresses that are kept linked anyway. */
  constructor(links: Pick<Links, "want" | "unwant">, configured: readonly Address[]) {
    this.#links = links;
    this.#configured = new Set(configured.map(addressKey));
  }

  /** Keeps links to these nodes (this one left out) and lets go of those it kept before. */
  look(nodes: readonly NodeId[], { members }: Pick<SwimView, "members">): void {
    const due = new Map<string, Address>();
    for (const { id, address, status } of members) {
      if (!nodes.includes(id) || status === "left") continue;
      const streams = { host: address.host, port: address.tcp };
      if (!this.#configured.has(addressKey(streams))) due.set(addressKey(streams), streams);
    }
    for (const [key, address] of [...this.#wanted]) {
      if (due.has(key)) continue;
      this.#wanted.delete(key);
      this.#links.unwant(address);
    }
    for (const [key, address] of due) {
      if (this.#wanted.has(key)) continue;
      this.#wanted.set(key, address);
      this.#links.want(address);
    }
  }
}
