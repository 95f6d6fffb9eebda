// How hard a manager is pressed by what its workers report: told to them with every renewal (health/backpressure.ts
// says what they do about it). It has no sampler of its own: how late the loop is, admission.ts finds out once a
// second for submits and reports alike.

import { createPressure, press, PRESSURE, type PressureLevel } from "../health/backpressure.ts";
import type { OverloadLevel } from "../health/overload.ts";
import type { Clock } from "../io/world.ts";

/** It is judged anew after so long: many workers renew at once. */
const LOOK_MS = 250;
/** Entries of the log that may wait to be committed here before it is full: two checkpoints of many attempts each. */
const QUEUE_MAX = 4_096;

export type PressurePorts = {
  readonly clock: Clock;
  readonly overload: () => OverloadLevel;
  /** Entries that are in the log and not applied. */
  readonly queued: () => number;
};

export class ManagerPressure {
  readonly #ports: PressurePorts;
  readonly #state = createPressure(PRESSURE);
  #lookedAtMs = -Infinity;

  constructor(ports: PressurePorts) {
    this.#ports = ports;
  }

  /** The level now: rises at once, falls by steps. */
  level(): PressureLevel {
    const { clock, overload, queued } = this.#ports;
    const nowMs = clock.nowMs();
    if (nowMs - this.#lookedAtMs < LOOK_MS) return this.#state.level;
    this.#lookedAtMs = nowMs;
    const sample = { queued: queued(), queueMax: QUEUE_MAX, overload: overload() };
    return press(this.#state, PRESSURE, nowMs, sample);
  }
}
