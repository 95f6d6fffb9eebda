// Live events of a job as they travel: a second's series in as many messages as it takes, a view as one text, which the
// managers on its way need not take apart.

import { parseJson } from "../base/json.ts";
import type { JobView, SecondWindow } from "../load/result.ts";
import type { Series } from "../load/series.ts";
import type { WireEvent } from "./client-messages.ts";
import type { LiveEvent } from "./messages.ts";
import { packedBytes, packSeries, unpackAll } from "./series-codec.ts";

const PART_BYTES = 512 * 1024;

export function packLive(event: LiveEvent): WireEvent[] {
  switch (event.kind) {
    case "view":
      return [{ kind: "view", viewJson: JSON.stringify(event.view) }];
    case "log":
      return [event];
    case "second": {
      const { second, epochMs, vus, vusMax, series } = event.window;
      const lists = divided(series);
      return lists.map((list, part) => ({
        kind: "second",
        second,
        epochMs,
        vus,
        vusMax,
        part,
        parts: lists.length,
        series: list.map(packSeries),
      }));
    }
  }
}

/** Puts the parts of seconds together; of one client's one job. */
export class LiveReader {
  #second: { readonly second: number; readonly parts: Map<number, readonly Series[]> } | null = null;
  /** Seconds told already: an owner that took over, or a link that came back, may tell them again. */
  #lastSecond = -1;

  /** Out: null while parts are missing, and for what was told already. */
  read(event: WireEvent): LiveEvent | null {
    switch (event.kind) {
      case "log":
        return event;
      case "view": {
        const view = parseJson(event.viewJson);
        return isView(view) ? { kind: "view", view } : null;
      }
      case "second": {
        const { second, epochMs, vus, vusMax, part, parts, series } = event;
        if (second <= this.#lastSecond) return null;
        if (this.#second?.second !== second) this.#second = { second, parts: new Map() };
        this.#second.parts.set(part, unpackAll(series));
        if (this.#second.parts.size < parts) return null;
        const window: SecondWindow = { second, epochMs, vus, vusMax, series: [...this.#second.parts.values()].flat() };
        this.#second = null;
        this.#lastSecond = second;
        return { kind: "second", window };
      }
    }
  }
}

function divided(series: readonly Series[]): Series[][] {
  const lists: Series[][] = [[]];
  let bytes = 0;
  for (const one of series) {
    const more = packedBytes(one);
    if (bytes > 0 && bytes + more > PART_BYTES) {
      lists.push([]);
      bytes = 0;
    }
    lists.at(-1)?.push(one);
    bytes += more;
  }
  return lists;
}

/** As far as a view's reader relies on it; the rest was made by a manager of this protocol's version. */
function isView(view: unknown): view is JobView {
  return (
    typeof view === "object" &&
    view !== null &&
    "workflows" in view &&
    Array.isArray(view.workflows) &&
    "cores" in view &&
    Array.isArray(view.cores) &&
    "elapsedMs" in view &&
    typeof view.elapsedMs === "number" &&
    "latencyAll" in view &&
    "thresholds" in view
  );
}
