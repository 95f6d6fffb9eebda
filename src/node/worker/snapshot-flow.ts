// When a worker sends the snapshots of its attempts: at once while no manager is pressed; else all that wait, together,
// every other, fourth or tenth second (health/backpressure.ts). Nothing is lost by waiting: the next one holds it all.

import {
  CLUSTER_FLUSH,
  createFlush,
  flush,
  flushLevel,
  hearLevel,
  type PressureLevel,
} from "../../health/backpressure.ts";
import type { Clock, Timer } from "../../io/world.ts";

export type SnapshotFlowPorts = {
  readonly clock: Clock;
  /** Sends the newest snapshot of the attempt of that token, if there still is one. */
  readonly send: (token: number) => void;
};

export class SnapshotFlow {
  readonly #ports: SnapshotFlowPorts;
  readonly #flush = createFlush();
  readonly #waiting = new Set<number>();
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(ports: SnapshotFlowPorts) {
    this.#ports = ports;
  }

  /** A manager's answer. */
  hear(manager: string, level: PressureLevel): void {
    hearLevel(this.#flush, CLUSTER_FLUSH, this.#ports.clock.nowMs(), { manager, level });
  }

  /** The highest level that any manager's word still says. */
  get level(): PressureLevel {
    return flushLevel(this.#flush, CLUSTER_FLUSH, this.#ports.clock.nowMs());
  }

  /** The attempt has a new snapshot. A final one never waits. */
  offer(token: number, isFinal: boolean): void {
    if (this.#isClosed) return;
    if (isFinal || this.level === "none") {
      this.#waiting.delete(token);
      return this.#ports.send(token);
    }
    this.#waiting.add(token);
    this.#sendDue();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #sendDue(): void {
    const nowMs = this.#ports.clock.nowMs();
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#waiting.size === 0) return;
    const decision = flush(this.#flush, CLUSTER_FLUSH, nowMs);
    if (decision.kind === "wait") {
      this.#timer = this.#ports.clock.setTimer(decision.untilMs - nowMs, () => {
        if (!this.#isClosed) this.#sendDue();
      });
      return;
    }
    const due = [...this.#waiting];
    this.#waiting.clear();
    for (const token of due) this.#ports.send(token);
  }
}
