// The last seconds of jobs that somebody follows, for who joins them: a client whose manager went is told by another
// what it missed on the way. What it was told already it passes over (live-codec.ts). Not what an owner measured: that
// is kept in seals and checkpoints.

import type { WireEvent } from "./client-messages.ts";

type SecondEvent = Extract<WireEvent, { readonly kind: "second" }>;

/** A client that looks for another manager has found one by then. */
const KEPT_MS = 15_000;
/** Over all jobs; beyond it the oldest go. Some 20 MB at most in practice. */
const SERIES_MAX = 20_000;

export class RecentSeconds {
  /** The oldest first. */
  #kept: { readonly job: string; readonly event: SecondEvent; readonly atMs: number }[] = [];
  #series = 0;

  /** In: ms of a monotonic clock. */
  add(job: string, event: SecondEvent, nowMs: number): void {
    this.#kept.push({ job, event, atMs: nowMs });
    this.#series += event.series.length;
    let dropped = 0;
    for (const { event: oldest, atMs } of this.#kept) {
      if (nowMs - atMs <= KEPT_MS && this.#series <= SERIES_MAX) break;
      this.#series -= oldest.series.length;
      dropped++;
    }
    if (dropped > 0) this.#kept = this.#kept.slice(dropped);
  }

  /** In the order they were told. */
  of(job: string): readonly SecondEvent[] {
    return this.#kept.filter((kept) => kept.job === job).map(({ event }) => event);
  }
}
