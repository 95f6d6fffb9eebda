// The seconds of a job that came to whoever writes them down, held against its result: what an owner that died took
// with it, and what passed while this side or its manager stood still, is in none of them. Pure.

import { growth, sumSeries } from "../load/merge.ts";
import type { JobResult, SecondWindow } from "../load/result.ts";
import type { Series } from "../load/series.ts";

/** A second to be written. vus: null where nobody knows them. */
export type Second = Pick<SecondWindow, "second" | "epochMs" | "series"> & {
  readonly vus: number | null;
  readonly vusMax: number | null;
};

/** What no second held, as one second of its own: the last of those that did not come. `text`: said to the user. */
export type Rest = { readonly second: Second; readonly text: string };

/** Seconds from `from` to `to`, both missing. */
type Gap = { readonly from: number; readonly to: number };

export class ToldSeconds {
  readonly #gaps: Gap[] = [];
  #next = 0;
  #series: readonly Series[] = [];

  /** In: seconds in their order. */
  tell({ second, series }: SecondWindow): void {
    this.#reach(second);
    this.#next = Math.max(this.#next, second + 1);
    this.#series = sumSeries([this.#series, series]);
  }

  /** Out: null when the seconds hold all that the result does. Gauges are no sums. */
  rest({ startedAtEpochMs, durationMs, workflows }: JobResult): Rest | null {
    const told = new Map(this.#series.map(({ id, cells }) => [id.key, cells]));
    const series = sumSeries(workflows.map((workflow) => workflow.series)).flatMap(({ id, cells }) => {
      const more = id.type === "gauge" ? null : growth(cells, told.get(id.key) ?? null);
      return more === null ? [] : [{ id, cells: more }];
    });
    if (series.length === 0) return null;
    this.#reach(Math.floor(durationMs / 1_000));
    const longest = this.#gaps.toSorted((a, b) => b.to - b.from - (a.to - a.from))[0];
    const second = longest?.to ?? Math.max(0, this.#next - 1);
    const missing = this.#gaps.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)).join(", ");
    const what = missing === "" ? "parts of some seconds" : `seconds ${missing} of the job`;
    return {
      second: { second, epochMs: startedAtEpochMs + second * 1_000, vus: null, vusMax: null, series },
      text: `${what} never came here: what they held is written as second ${second}`,
    };
  }

  /** All before this one should have come. */
  #reach(second: number): void {
    if (second > this.#next) this.#gaps.push({ from: this.#next, to: second - 1 });
  }
}
