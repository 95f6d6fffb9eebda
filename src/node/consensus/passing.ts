// Proposals that a manager passes to the leader, and what came of each: an answer, or none in time. A leader that never
// answers is asked less (circuits.ts); saying a proposal again is the matter of proposals.ts.

import type { Clock } from "../../io/world.ts";
import type { NodeId } from "../network/links.ts";
import type { Leave, PeerCircuits } from "../network/circuits.ts";

/** Without an answer for so long it counts as none. Longer than a slow disk takes. */
const ANSWER_MS = 5_000;
/** Proposals remembered; more are under way never. */
const PASSED_MAX = 4_096;

export class Passing {
  readonly #clock: Clock;
  readonly #circuits: PeerCircuits;
  readonly #passed = new Map<string, { readonly leave: Leave; readonly atMs: number }>();

  constructor(clock: Clock, circuits: PeerCircuits) {
    this.#clock = clock;
    this.#circuits = circuits;
  }

  /** May that proposal go to the leader now? If so it counts as gone. */
  mayPass(leader: NodeId, client: string, sequence: number): boolean {
    const key = `${client} ${sequence}`;
    const nowMs = this.#clock.nowMs();
    const passed = this.#passed.get(key);
    if (passed !== undefined) {
      if (nowMs - passed.atMs < ANSWER_MS) return true;
      this.#passed.delete(key);
      this.#circuits.ended(passed.leave, false);
    }
    const leave = this.#circuits.ask(leader);
    if (leave === null) return false;
    this.#passed.set(key, { leave, atMs: nowMs });
    for (const oldest of this.#passed.keys()) {
      if (this.#passed.size <= PASSED_MAX) break;
      this.#passed.delete(oldest);
    }
    return true;
  }

  /** The leader answered, or its entry is here. */
  answered(client: string, sequence: number): void {
    if (this.#passed.size === 0) return;
    const key = `${client} ${sequence}`;
    const passed = this.#passed.get(key);
    if (passed === undefined) return;
    this.#passed.delete(key);
    this.#circuits.ended(passed.leave, true);
  }

  /** Another leads: what the last one did not answer says nothing. */
  turn(): void {
    this.#passed.clear();
  }
}
