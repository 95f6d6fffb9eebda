// A manager's circuit breakers towards the others, around what it asks of them: proposals passed to the leader, blobs
// pulled. A peer that does not answer is left alone for a moment, then tried with one request. What consensus and
// membership say does not pass here: it is never held back.

import {
  admitTo,
  circuitConfigSchema,
  circuitViews,
  createCircuits,
  forget,
  type Permit,
  report,
} from "../../health/circuit.ts";
import type { Clock } from "../../io/world.ts";
import type { NodeStatus } from "../status.ts";
import type { Links, NodeId } from "./links.ts";

/** Shorter than the defaults: a cluster that heals has to go on within seconds. */
const CONFIG = circuitConfigSchema.parse({ openMs: 500, openMaxMs: 4_000, probeTimeoutMs: 5_000, peersMax: 64 });

/** Leave to ask one thing of a peer; its outcome is reported with it. */
export type Leave = Permit;

export class PeerCircuits {
  readonly #clock: Clock;
  readonly #circuits;

  /** In: seed of the jitter. */
  constructor(clock: Clock, seed: number) {
    this.#clock = clock;
    this.#circuits = createCircuits(seed);
  }

  /** A new link to a peer is a new beginning. */
  follow(links: Pick<Links, "onUp">): void {
    links.onUp(({ node }) => forget(this.#circuits, node));
  }

  /** Out: null while the peer is left alone. */
  ask(peer: NodeId): Leave | null {
    const decision = admitTo(this.#circuits, CONFIG, this.#clock.nowMs(), peer);
    return decision.kind === "admitted" ? decision.permit : null;
  }

  /** Any answer is a success, a refusal too. */
  ended(leave: Leave, isSuccess: boolean): void {
    report(this.#circuits, CONFIG, this.#clock.nowMs(), { permit: leave, isSuccess });
  }

  view(): NodeStatus["circuits"] {
    return circuitViews(this.#circuits, CONFIG, this.#clock.nowMs()).map(
      ({ peer, state, failures, samples, opens }) => ({ peer, state, failures, samples, opens }),
    );
  }
}
