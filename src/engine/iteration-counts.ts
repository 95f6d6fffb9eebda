// Iterations of one share as they are counted: on the board's header, and as metrics where they end or never begin.

import { type Board, HEADER } from "./board.ts";
import type { Measure } from "./measure.ts";
import type { VirtualUser } from "./vu.ts";

export class IterationCounts {
  readonly #board: Board;
  readonly #measure: Measure;

  constructor(board: Board, measure: Measure) {
    this.#board = board;
    this.#measure = measure;
  }

  /** So many iterations that never begin; "max_duration": their executor's time was over before their turn. */
  dropped(reason: "no_vu" | "lost" | "stopped" | "max_duration", count: number): void {
    if (count === 0) return;
    const measure = this.#measure;
    this.#board.words[HEADER.scheduled]! += count;
    this.#board.words[HEADER.dropped]! += count;
    const tags = measure.extend(measure.base, { reason });
    measure.add(tags, "dropped_iterations", "counter", "default", count, 0);
  }

  /** An iteration that ran to its end, at `endedMs` of performance.now(). */
  measured(vu: VirtualUser, endedMs: number): void {
    const measure = this.#measure;
    measure.iteration(measure.base, endedMs - vu.beganMs);
    if (vu.intendedMs < 0) return;
    measure.add(measure.base, "iteration_lateness", "trend", "time", Math.max(vu.beganMs - vu.dueMs, 0), 0);
    measure.add(measure.base, "response_time", "trend", "time", endedMs - vu.dueMs, 0);
  }
}
