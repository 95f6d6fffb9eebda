// The heart of the simulator: virtual time and one queue of events, in order of time and then of scheduling. An event
// runs, promises settle until nothing moves, then the hooks look. The same seed gives the same run, told by the hash
// over what happened. What the events mean is others' matter.

import { assert } from "../base/assert.ts";
import { createPrng, type Prng } from "../base/prng.ts";
import { runMicrotasks } from "../io/microtasks.ts";

/** What kind of event happens where, as a number for the trace; made once by `label`. */
export type Label = { readonly kind: string; readonly node: string; readonly hash: number; events: number };
/** An event that was scheduled; `cancel` may come at any time, more than once. */
export type Scheduled = { cancel(): void };

class Event implements Scheduled {
  run: (() => void) | null;
  readonly us: number;
  /** Of two of one instant the one that was scheduled first runs first. */
  readonly number: number;
  readonly label: Label;

  constructor(us: number, number: number, label: Label, run: () => void) {
    this.us = us;
    this.number = number;
    this.label = label;
    this.run = run;
  }

  cancel(): void {
    this.run = null;
  }
}

const FNV_PRIME = 16777619;
const FNV_BASIS = 0x811c9dc5;
const US_PER_MS = 1000;
/** Of a message, what counts for the trace: enough to tell messages apart that differ in kind or fields. */
const TRACED_BYTES = 64;

export class Kernel {
  readonly seed: number;
  #nowUs = 0;
  /** A binary heap, the next event first. */
  readonly #heap: Event[] = [];
  #scheduled = 0;
  #labels = new Map<string, Label>();
  #hooks: readonly (() => void)[] = [];
  #hash = FNV_BASIS;
  #events = 0;
  #isRunning = false;

  /** In: seed, a whole number from 0 to 2^53 - 1. */
  constructor(seed: number) {
    assert(Number.isSafeInteger(seed) && seed >= 0, "a seed is a whole number");
    this.seed = seed;
  }

  /** Virtual ms since the start of the simulation; steps of 1 us. */
  get nowMs(): number {
    return this.#nowUs / US_PER_MS;
  }

  /** Events that ran. */
  get events(): number {
    return this.#events;
  }

  /** Hash over (time, kind, node) of every event so far and what was noted: equal runs have equal ones. 32 bits. */
  get traceHash(): number {
    return this.#hash >>> 0;
  }

  /** Events that ran, by kind, sorted. */
  get eventsByKind(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { kind, events } of this.#labels.values())
      if (events > 0) counts.set(kind, (counts.get(kind) ?? 0) + events);
    return new Map([...counts].sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  /** A random stream of its own: draws from one never shift another. Each call begins it anew. */
  prng(name: string): Prng {
    return createPrng(this.seed, name);
  }

  label(kind: string, node: string): Label {
    const key = `${kind} ${node}`;
    let label = this.#labels.get(key);
    if (label === undefined) {
      let hash = FNV_BASIS;
      for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), FNV_PRIME);
      label = { kind, node, hash, events: 0 };
      this.#labels.set(key, label);
    }
    return label;
  }

  /** Runs `run` once, `delayMs` from now (up to whole us; negative counts as 0), after all that was set for then. */
  after(delayMs: number, label: Label, run: () => void): Scheduled {
    assert(!Number.isNaN(delayMs), "a delay is a number");
    const us = this.#nowUs + Math.max(0, Math.ceil(delayMs * US_PER_MS - 1e-6));
    const event = new Event(us, this.#scheduled++, label, run);
    this.#add(event);
    return event;
  }

  /** Adds a number (32 bits count) to the trace hash. */
  note(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, FNV_PRIME);
  }

  /** Adds the length of the bytes and the first TRACED_BYTES of them. */
  noteBytes(bytes: Uint8Array): void {
    let hash = Math.imul(this.#hash ^ bytes.length, FNV_PRIME);
    const end = Math.min(bytes.length, TRACED_BYTES);
    for (let at = 0; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), FNV_PRIME);
    this.#hash = hash;
  }

  /** Calls `check` after every event. Out: ends that. */
  onStep(check: () => void): () => void {
    this.#hooks = [...this.#hooks, check];
    return () => {
      this.#hooks = this.#hooks.filter((hook) => hook !== check);
    };
  }

  /** Runs the next event, if it is due by `limitMs`. Out: whether one ran. What it throws passes through. */
  step(limitMs = Infinity): boolean {
    assert(!this.#isRunning, "an event does not run the kernel");
    const event = this.#next(limitMs * US_PER_MS);
    if (event === null) return false;
    const { run, label } = event;
    assert(run !== null, "the event was not cancelled");
    event.run = null;
    this.#events++;
    label.events++;
    this.#hash = Math.imul(Math.imul(this.#hash ^ this.#nowUs, FNV_PRIME) ^ label.hash, FNV_PRIME);
    this.#isRunning = true;
    try {
      run();
      runMicrotasks();
    } finally {
      this.#isRunning = false;
    }
    for (const hook of this.#hooks) hook();
    return true;
  }

  /** Runs all events through `untilMs`, which is the time then. */
  run(untilMs: number): void {
    assert(untilMs < Infinity, "a run ends");
    this.#settle();
    while (this.step(untilMs));
    this.#nowUs = Math.max(this.#nowUs, Math.floor(untilMs * US_PER_MS));
  }

  /** Runs events until the condition holds, judged after each. Out: whether it did by `limitMs`. */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    this.#settle();
    if (condition()) return true;
    while (this.step(limitMs)) if (condition()) return true;
    return false;
  }

  /** Promises settled from outside of events, before a run. */
  #settle(): void {
    this.#isRunning = true;
    try {
      runMicrotasks();
    } finally {
      this.#isRunning = false;
    }
  }

  /** Takes the first event due by then, past those that were cancelled; its time is the time now. */
  #next(limitUs: number): Event | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.us > limitUs) return null;
      this.#takeFirst();
      assert(first.us >= this.#nowUs, "time does not go back");
      this.#nowUs = first.us;
      if (first.run !== null) return first;
    }
  }

  #add(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above];
      if (other === undefined || isBefore(other, event)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = event;
  }

  #takeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    const { length } = heap;
    if (last === undefined || length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const left = heap[below];
      if (left === undefined) break;
      const right = heap[below + 1];
      let least = left;
      if (right !== undefined && isBefore(right, left)) {
        least = right;
        below++;
      }
      if (isBefore(last, least)) break;
      heap[at] = least;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(left: Event, right: Event): boolean {
  return left.us < right.us || (left.us === right.us && left.number < right.number);
}
