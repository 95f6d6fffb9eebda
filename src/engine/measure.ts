// Where everything a share measures is counted: finds the series of a set of tags fast and writes its cells on the
// board. Cardinality is bounded: past the limits, tags fall away and the warning is said once. Hot path of the engine.

import type { Cells, Contains, MetricType, Series, SeriesId, Tags } from "../load/series.ts";
import { seriesKey } from "../load/series.ts";
import { show } from "../load/options/problems.ts";
import type { Exchange } from "./http/owner.ts";
import { type Board, HEADER } from "./board.ts";

/** Distinct `name` tags of requests a core keeps apart; later ones are counted under OTHER_NAME. */
export const REQUEST_NAMES_MAX = 2_000;
export const OTHER_NAME = "(other)";
/** Distinct tag sets (VU tags, groups, params.tags) a core keeps apart. */
export const TAG_SETS_MAX = 2_000;

/** Tells of a new series and of a limit reached; the entry posts both to the main thread. */
export type MeasureEvents = {
  series(slot: number, id: SeriesId): void;
  warning(text: string): void;
};

type Slot = { readonly at: number; readonly id: SeriesId; isDirty: boolean };

/** The series of one kind of answer: a name, method, status and error under one tag set. */
class RequestSeries {
  readonly method: string;
  readonly status: number;
  readonly errorCode: number;
  readonly isExpected: boolean | null;
  readonly slots: readonly Slot[];
  readonly requests: number;
  /** 0: the exchange is in no http_req_failed. */
  readonly failed: number;
  /** Places of the trends, in the order of REQUEST_METRICS. */
  readonly trends: readonly number[];
  isDirty = false;

  constructor(exchange: Exchange, slots: readonly Slot[]) {
    this.method = exchange.method;
    this.status = exchange.status;
    this.errorCode = exchange.errorCode;
    this.isExpected = exchange.isExpected;
    this.slots = slots;
    const at = (metric: string): number => slots.find(({ id }) => id.metric === metric)?.at ?? 0;
    this.requests = at("http_reqs");
    this.failed = at("http_req_failed");
    this.trends = slots.filter(({ id }) => id.type === "trend").map((slot) => slot.at);
  }
}

const REQUEST_METRICS: readonly (readonly [name: string, type: MetricType, contains: Contains])[] = [
  ["http_reqs", "counter", "default"],
  ["http_req_failed", "rate", "default"],
  ["http_req_duration", "trend", "time"],
  ["http_req_blocked", "trend", "time"],
  ["http_req_connecting", "trend", "time"],
  ["http_req_tls_handshaking", "trend", "time"],
  ["http_req_sending", "trend", "time"],
  ["http_req_waiting", "trend", "time"],
  ["http_req_receiving", "trend", "time"],
];

/** One set of tags that VUs measure under, with the series already found for it. */
export class TagSet {
  readonly tags: Tags;
  /** Name of its requests in place of their own: a tag of the scenario, the VU or the request (k6's rule). */
  readonly name: string | undefined;
  readonly requests = new Map<string, RequestSeries[]>();
  lastName = "";
  lastSeries: RequestSeries[] = [];
  readonly checks = new Map<string, Slot>();
  readonly metrics = new Map<string, Slot>();
  readonly extended = new Map<string, TagSet>();
  sent: Slot | null = null;
  received: Slot | null = null;
  iterations: Slot | null = null;
  duration: Slot | null = null;

  constructor(tags: Tags) {
    this.tags = tags;
    this.name = tags["name"];
  }
}

/** The measurements of one attempt. */
export class Measure {
  readonly #board: Board;
  readonly #events: MeasureEvents;
  readonly #slots: Slot[] = [];
  readonly #byKey = new Map<string, Slot>();
  readonly #sets = new Map<string, TagSet>();
  readonly #dirtyRequests: RequestSeries[] = [];
  readonly #requestSeries: RequestSeries[] = [];
  readonly #said = new Set<string>();
  /** The phases of the exchange being counted, in the order of REQUEST_METRICS. */
  readonly #phases = new Float64Array(REQUEST_METRICS.length - 2);
  #requestNames = 0;
  readonly base: TagSet;

  constructor(board: Board, baseTags: Tags, events: MeasureEvents) {
    this.#board = board;
    this.#events = events;
    this.base = this.tagSet(baseTags);
  }

  /** The set of these tags; the same object for equal tags. Past the limit: the base set. */
  tagSet(tags: Tags): TagSet {
    const key = seriesKey("", tags);
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    if (this.#sets.size >= TAG_SETS_MAX) {
      this.warn(
        "tag-sets",
        `more than ${TAG_SETS_MAX} different sets of tags on one core: ` +
          "further ones are counted without their own tags. " +
          "Tag with a few fixed values, not with ids",
      );
      return this.base;
    }
    const set = new TagSet(tags);
    this.#sets.set(key, set);
    return set;
  }

  /** `set` with more tags on top. */
  extend(set: TagSet, tags: Tags): TagSet {
    const key = seriesKey("", tags);
    const known = set.extended.get(key);
    if (known !== undefined) return known;
    const made = this.tagSet({ ...set.tags, ...textTags(tags) });
    if (set.extended.size < TAG_SETS_MAX) set.extended.set(key, made);
    return made;
  }

  /** Counts one finished exchange. Hot. */
  exchange(set: TagSet, exchange: Exchange): void {
    const tagged = exchange.tags === null ? set : this.extend(set, exchange.tags);
    const name = tagged.name ?? exchange.name;
    let list = tagged.lastSeries;
    if (name !== tagged.lastName) {
      list = this.#requestsNamed(tagged, name);
      tagged.lastName = name;
      tagged.lastSeries = list;
    }
    const series = this.#pick(tagged, list, exchange);
    if (!series.isDirty) {
      series.isDirty = true;
      this.#dirtyRequests.push(series);
    }
    const board = this.#board;
    board.count(series.requests, 1);
    if (series.failed !== 0) board.rate(series.failed, exchange.isExpected === false);
    const phases = this.#phases;
    phases[0] = exchange.sendingMs + exchange.waitingMs + exchange.receivingMs;
    phases[1] = exchange.blockedMs;
    phases[2] = exchange.connectingMs;
    phases[3] = exchange.tlsMs;
    phases[4] = exchange.sendingMs;
    phases[5] = exchange.waitingMs;
    phases[6] = exchange.receivingMs;
    // A loop, not seven calls: inlined seven times they are 28 kB of machine code and 0.1 s of the compiler's time.
    const { trends } = series;
    for (let at = 0; at < trends.length; at++) board.trend(trends[at]!, phases[at]!);
    if (!exchange.isSent) board.words[HEADER.unsent]!++;
    if (exchange.bytesSent > 0) {
      const sent = (set.sent ??= this.#slot("data_sent", "counter", "data", set.tags));
      sent.isDirty = true;
      board.count(sent.at, exchange.bytesSent);
    }
    if (exchange.bytesReceived > 0) {
      const received = (set.received ??= this.#slot("data_received", "counter", "data", set.tags));
      received.isDirty = true;
      board.count(received.at, exchange.bytesReceived);
    }
  }

  /** Requests counted so far. */
  requests(): number {
    return this.#requestSeries.reduce((sum, { requests }) => sum + this.#board.counted(requests), 0);
  }

  #requestsNamed(set: TagSet, name: string): RequestSeries[] {
    const known = set.requests.get(name);
    if (known !== undefined) return known;
    if (this.#requestNames >= REQUEST_NAMES_MAX && name !== OTHER_NAME) {
      this.warn(
        "names",
        `more than ${REQUEST_NAMES_MAX} different URLs on one core: ` +
          `further ones are counted under the name "${OTHER_NAME}". ` +
          'Group them: http.get(http.url`http://host/items/${id}`), or give tags: { name: "items" }',
      );
      return this.#requestsNamed(set, OTHER_NAME);
    }
    this.#requestNames++;
    const made: RequestSeries[] = [];
    set.requests.set(name, made);
    return made;
  }

  #pick(set: TagSet, list: RequestSeries[], exchange: Exchange): RequestSeries {
    for (let at = 0; at < list.length; at++) {
      const series = list[at];
      if (
        series !== undefined &&
        series.status === exchange.status &&
        series.method === exchange.method &&
        series.errorCode === exchange.errorCode &&
        series.isExpected === exchange.isExpected
      )
        return series;
    }
    const wanted = set.name ?? exchange.name;
    const name = set.requests.get(wanted) === list ? wanted : OTHER_NAME;
    const tags: Record<string, string> = {
      ...set.tags,
      name,
      method: exchange.method,
      status: String(exchange.status),
    };
    if (exchange.isExpected !== null) tags["expected_response"] = String(exchange.isExpected);
    if (exchange.errorCode !== 0) tags["error_code"] = String(exchange.errorCode);
    const metrics = REQUEST_METRICS.filter(([metric]) => exchange.isExpected !== null || metric !== "http_req_failed");
    const slots = metrics.map(([metric, type, contains]) => this.#slot(metric, type, contains, tags));
    const series = new RequestSeries(exchange, slots);
    list.push(series);
    this.#requestSeries.push(series);
    return series;
  }

  /** Counts one check. */
  check(set: TagSet, name: string, isPass: boolean, tags: Tags | undefined): void {
    const tagged = tags === undefined ? set : this.extend(set, tags);
    let slot = tagged.checks.get(name);
    if (slot === undefined) {
      slot = this.#slot("checks", "rate", "default", { ...tagged.tags, check: name });
      if (tagged.checks.size < TAG_SETS_MAX) tagged.checks.set(name, slot);
    }
    slot.isDirty = true;
    this.#board.rate(slot.at, isPass);
  }

  /** Counts one finished iteration of `durationMs`. */
  iteration(set: TagSet, durationMs: number): void {
    const iterations = (set.iterations ??= this.#slot("iterations", "counter", "default", set.tags));
    const duration = (set.duration ??= this.#slot("iteration_duration", "trend", "time", set.tags));
    iterations.isDirty = true;
    duration.isDirty = true;
    this.#board.count(iterations.at, 1);
    this.#board.trend(duration.at, durationMs);
  }

  /** Adds to any other metric by name. `atMs` is job-elapsed time, for gauges. */
  add(set: TagSet, metric: string, type: MetricType, contains: Contains, value: number, atMs: number): void {
    let slot = set.metrics.get(metric);
    if (slot === undefined) {
      slot = this.#slot(metric, type, contains, set.tags);
      set.metrics.set(metric, slot);
    }
    slot.isDirty = true;
    switch (type) {
      case "counter":
        return this.#board.count(slot.at, value);
      case "rate":
        return this.#board.rate(slot.at, value !== 0);
      case "gauge":
        return this.#board.gauge(slot.at, value, atMs);
      case "trend":
        return this.#board.trend(slot.at, value);
    }
  }

  #slot(metric: string, type: MetricType, contains: Contains, tags: Tags): Slot {
    const key = seriesKey(metric, tags);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const at = this.#board.allocate(type);
    if (at === 0) {
      this.warn(
        "board",
        "this core ran out of room for new series: further tags fall away. Use fewer distinct tags, groups or names",
      );
      return this.#fallback(metric, type, contains);
    }
    return this.#register(at, { key, metric, type, contains, tags });
  }

  /** The metric's series under the base tags, made from the reserve if it has to be. */
  #fallback(metric: string, type: MetricType, contains: Contains): Slot {
    const tags = this.base?.tags ?? {};
    const key = seriesKey(metric, tags);
    return (
      this.#byKey.get(key) ?? this.#register(this.#board.allocateReserved(type), { key, metric, type, contains, tags })
    );
  }

  #register(at: number, id: SeriesId): Slot {
    const slot: Slot = { at, id, isDirty: true };
    this.#byKey.set(id.key, slot);
    this.#slots.push(slot);
    this.#events.series(at, id);
    return slot;
  }

  /** Says `text` once for each `what`. */
  warn(what: string, text: string): void {
    if (this.#said.has(what)) return;
    this.#said.add(what);
    this.#events.warning(text);
  }

  /** How many series exist: what a cut costs. */
  get seriesCount(): number {
    return this.#slots.length;
  }

  /**
   * A cut: all series, or those changed since they were last cut; "scalars" leaves trends for the next cut with them.
   */
  cut(what: "all" | "changed" | "scalars"): Series[] {
    for (const series of this.#dirtyRequests) {
      series.isDirty = false;
      for (const slot of series.slots) slot.isDirty = true;
    }
    this.#dirtyRequests.length = 0;
    const cut: { id: SeriesId; cells: Cells }[] = [];
    for (const slot of this.#slots) {
      if (what !== "all" && !slot.isDirty) continue;
      if (what === "scalars" && slot.id.type === "trend") continue;
      slot.isDirty = false;
      cut.push({ id: slot.id, cells: this.#board.read(slot.at, slot.id.type) });
    }
    return cut;
  }
}

/** A test in JavaScript may tag with numbers; thresholds look for text. */
function textTags(tags: Tags): Tags {
  if (typeof tags !== "object") throw new TypeError(`tags must be { name: "value" }, not ${show(tags)}`);
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [name, String(value)]));
}
