// One virtual user: what its functions are given (the VU of hyperscale.d.ts) and how it is interrupted. Bound functions
// are made when first used, so that ten thousand idle VUs stay small.

import { AsyncLocalStorage } from "node:async_hooks";
import type { Json, Tags, VU } from "./hyperscale.d.ts";
import { HttpClient } from "./http/client.ts";
import type { HttpCore } from "./http/core.ts";
import { type Exchange, type HttpOwner, interruptedSoon, InterruptedError } from "./http/owner.ts";
import type { Measure, TagSet } from "./measure.ts";
import { parseDuration } from "../base/units.ts";
import { show } from "../load/options/problems.ts";
import type { Alarms, Due } from "./alarms.ts";

/** Thrown by vu.abort(): the whole test stops. */
export class AbortError extends Error {
  override readonly name = "AbortError";
}

/** Thrown by vu.fail(): this iteration ends as failed. */
export class FailError extends Error {
  override readonly name = "FailError";
}

/** What the VUs of a core share. */
export type VuHost = {
  readonly workflow: string;
  readonly env: Readonly<Record<string, string>>;
  readonly context: Readonly<Record<string, Json>>;
  readonly core: HttpCore;
  readonly measure: Measure;
  readonly alarms: Alarms;
  provide(key: string, json: string, vu: number, iteration: number): void;
  abort(reason: string): void;
  /** Ms since the job's start. */
  jobElapsedMs(): number;
  /** A request failed, to be listed by message. */
  requestFailed(message: string): void;
};

const PROVIDE_BYTES_MAX = 64 * 1024;
const INTERRUPTED = "the test stopped before this could end";

/** A pause of one VU. A class and a captured promise, not closures: ten thousand of these wait at a time. */
class Sleep implements Due {
  readonly #vu: VirtualUser;
  readonly #resolve: () => void;
  readonly #reject: (reason: Error) => void;
  #isOver = false;
  /**
   * Somebody asked by then() to hear of its end: one of several in Promise.race or all. An await asks in no such way,
   * and no code goes on before its end.
   */
  isHeard = false;

  constructor(vu: VirtualUser, promise: Promise<void>) {
    this.#vu = vu;
    this.#resolve = captured.resolve;
    this.#reject = captured.reject;
    promise.then = (kept, failed) => {
      this.isHeard = true;
      Reflect.deleteProperty(promise, "then");
      return promise.then(kept, failed);
    };
  }

  due(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#vu.slept(this);
    this.#resolve();
  }

  interrupt(): void {
    this.#isOver = true;
    this.#reject(new InterruptedError(INTERRUPTED));
  }
}

/** Hands the functions of a new promise to whoever made it, without a closure of its own. */
const captured: { resolve: () => void; reject: (reason: Error) => void } = {
  resolve: () => undefined,
  reject: () => undefined,
};
function capture(resolve: () => void, reject: (reason: Error) => void): void {
  captured.resolve = resolve;
  captured.reject = reject;
}
function ignore(): void {}

/** The group that the code which runs now stands in; only entered by groups. */
const groupAround = new AsyncLocalStorage<{ readonly vu: VirtualUser; readonly path: string }>();

/** The engine's side of a VU. `api` is what the user's function gets. */
export class VirtualUser implements HttpOwner {
  readonly host: VuHost;
  readonly id: number;
  readonly local: number;
  readonly http: HttpClient;
  readonly api: VuApi;
  tagSet: TagSet;
  iteration = 0;
  /** No new request, no new sleep. */
  isStopping = false;
  /** In an iteration now. */
  isBusy = false;
  /** A runner (loop.ts) drives it. */
  isRunning = false;
  /** It aborted the test, or its iteration did not end when interrupted: the VU is not used again. */
  isAbandoned = false;
  /** When the iteration in flight has to be interrupted, on the loop's clock (ms); Infinity: not yet. */
  interruptAtMs = Infinity;
  /**
   * The loop's, kept from iteration to iteration: what it claimed, when it began (performance.now()), when it was due
   * in ms of schedule (-1: no instant was intended) and, without the pauses before it began, by performance.now().
   */
  claimed = -1;
  beganMs = 0;
  intendedMs = -1;
  dueMs = 0;
  fulfilled: (value: unknown) => void = ignore;
  rejected: (thrown: unknown) => void = ignore;
  /** The pause in progress; more than one at a time (Promise.all) stand in #sleeps. */
  #sleep: Sleep | null = null;
  #sleeps: Set<Sleep> | null = null;
  #controller: AbortController | null = null;
  #ownTags: Record<string, string> | null = null;
  /** Paths of the groups that are open, the one that began last at the end. */
  #groups: string[] | null = null;
  /** Of whenIdle, while it waits for pauses. */
  #onAwake: (() => void) | null = null;

  constructor(host: VuHost, id: number, local: number) {
    this.host = host;
    this.id = id;
    this.local = local;
    this.tagSet = host.measure.base;
    this.http = new HttpClient(host.core, this);
    this.api = new VuApi(this);
  }

  /** What the user put on vu.tags; after a change call `retag`. */
  get ownTags(): Record<string, string> {
    return (this.#ownTags ??= {});
  }

  /** Finds the tag set of its own tags and of the group that began last: groups side by side end in any order. */
  retag(): void {
    const { measure } = this.host;
    const group = this.#groups?.at(-1);
    const tags: Tags = { ...this.#ownTags, ...(group === undefined ? {} : { group }) };
    this.tagSet = Object.keys(tags).length === 0 ? measure.base : measure.extend(measure.base, tags);
  }

  /** Out: the tags inside the group. */
  openGroup(path: string): TagSet {
    (this.#groups ??= []).push(path);
    this.retag();
    return this.tagSet;
  }

  closeGroup(path: string): void {
    const at = this.#groups?.lastIndexOf(path) ?? -1;
    if (at < 0) return;
    this.#groups?.splice(at, 1);
    this.retag();
  }

  /** A group that nobody awaited does not reach into the next iteration. */
  beginIteration(): void {
    if (this.#groups !== null && this.#groups.length > 0) {
      this.#groups = null;
      this.retag();
    }
    this.http.beginIteration();
  }

  /** A request or a pause that nobody heeds has not ended: after its iteration, a missing await. */
  get isOpen(): boolean {
    return this.http.openCount > 0 || this.#isAsleep;
  }

  /** Resolves once nothing is open any more, nor was opened by the code that went on then. */
  async whenIdle(): Promise<void> {
    while (this.isOpen) {
      await this.http.whenIdle();
      if (this.#isAsleep) await new Promise<void>((resolve) => (this.#onAwake = resolve));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** In a pause that nobody heeds. One that lost a race is over for the code that ran it. */
  get #isAsleep(): boolean {
    if (this.#sleep?.isHeard === false) return true;
    // Asked after every iteration, and hardly ever more than one.
    if (this.#sleeps === null) return false;
    for (const sleep of this.#sleeps) if (!sleep.isHeard) return true;
    return false;
  }

  /** A pause ended. */
  #woke(): void {
    if (this.#onAwake === null || this.#isAsleep) return;
    this.#onAwake();
    this.#onAwake = null;
  }

  record(exchange: Exchange): void {
    this.host.measure.exchange(this.tagSet, exchange);
    if (exchange.error !== "" && !exchange.isInterrupted) this.host.requestFailed(exchange.error);
  }

  /** A pause of `ms` that ends in InterruptedError when the VU is interrupted. */
  sleep(ms: number): Promise<void> {
    if (this.isStopping) return interruptedSoon(INTERRUPTED);
    const promise = new Promise<void>(capture);
    const sleep = new Sleep(this, promise);
    this.host.alarms.add(sleep, ms);
    if (this.#sleep === null) this.#sleep = sleep;
    else (this.#sleeps ??= new Set()).add(sleep);
    return promise;
  }

  /** A pause is over. */
  slept(sleep: Sleep): void {
    if (this.#sleep === sleep) this.#sleep = null;
    else this.#sleeps?.delete(sleep);
    this.#woke();
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.isStopping && !this.#controller.signal.aborted) this.#controller.abort(new InterruptedError(INTERRUPTED));
    return this.#controller.signal;
  }

  /** No new request or sleep starts; sleeps and the signal end now, open requests go on. */
  stop(): void {
    this.isStopping = true;
    this.#controller?.abort(new InterruptedError(INTERRUPTED));
    this.#sleep?.interrupt();
    this.#sleep = null;
    for (const sleep of this.#sleeps ?? []) sleep.interrupt();
    this.#sleeps = null;
    this.#woke();
  }

  /** As stop, and open requests are closed. */
  interrupt(): void {
    this.stop();
    this.http.interruptAll(INTERRUPTED);
  }

  /** It aborted the test: nothing of it runs again while the news is on its way, and teardown is not run twice. */
  retire(): void {
    this.stop();
    this.isAbandoned = true;
  }

  /** Makes the VU usable again after an interruption (a ramp that comes up once more). */
  revive(): void {
    this.isStopping = false;
    this.interruptAtMs = Infinity;
    if (this.#controller?.signal.aborted === true) this.#controller = null;
  }

  close(): void {
    this.stop();
    this.http.close();
  }
}

/** The tags that what a VU is given measures under now; null for what is no VU. */
export function tagSetOf(api: unknown): TagSet | null {
  return api instanceof VuApi ? VuApi.tagSetOf(api) : null;
}

/** What the user's function is given. Getters hand out functions bound once, so that destructuring works. */
class VuApi implements VU {
  readonly #vu: VirtualUser;
  #state: Record<string, unknown> | null = null;
  #tags: Record<string, string> | null = null;
  #check: VU["check"] | null = null;
  #group: VU["group"] | null = null;
  #sleep: VU["sleep"] | null = null;
  #provide: VU["provide"] | null = null;

  constructor(vu: VirtualUser) {
    this.#vu = vu;
  }

  static tagSetOf(api: VuApi): TagSet {
    return api.#vu.tagSet;
  }

  get id(): number {
    return this.#vu.id;
  }
  get iteration(): number {
    return this.#vu.iteration;
  }
  get workflow(): string {
    return this.#vu.host.workflow;
  }
  get env(): Readonly<Record<string, string>> {
    return this.#vu.host.env;
  }
  get context(): Readonly<Record<string, Json>> {
    return this.#vu.host.context;
  }
  get state(): Record<string, unknown> {
    return (this.#state ??= {});
  }
  get http(): HttpClient {
    return this.#vu.http;
  }
  get signal(): AbortSignal {
    return this.#vu.signal;
  }

  get check(): VU["check"] {
    return (this.#check ??= makeCheck(this.#vu));
  }

  get sleep(): VU["sleep"] {
    return (this.#sleep ??= (time) => {
      // A text of digits is seconds, too: a value of the environment is text.
      const seconds = typeof time === "string" && time.trim() !== "" ? Number(time) : time;
      // Less than nothing, as in sleep(period - elapsed), is no pause, as in k6.
      const ms =
        typeof seconds === "number" && !Number.isNaN(seconds) ? Math.max(0, seconds * 1_000) : parseDuration(time);
      if (ms === null) throw new TypeError(`sleep(${show(time)}): give seconds as a number, or text such as "100ms"`);
      return this.#vu.sleep(ms);
    });
  }

  get group(): VU["group"] {
    return (this.#group ??= makeGroup(this.#vu));
  }

  get provide(): VU["provide"] {
    return (this.#provide ??= (key, value) => {
      // The first is no name; the second no object keeps.
      if (`${key}` === "" || `${key}` === "__proto__") throw new TypeError(`provide("${key}"): give another key`);
      const json = JSON.stringify(value);
      if (json === undefined) throw new TypeError(`provide("${key}"): the value is not JSON`);
      const bytes = Buffer.byteLength(json);
      if (bytes > PROVIDE_BYTES_MAX)
        throw new RangeError(`provide("${key}"): ${bytes} bytes of JSON, at most ${PROVIDE_BYTES_MAX} are allowed`);
      this.#vu.host.provide(String(key), json, this.#vu.id, this.#vu.iteration);
    });
  }

  get abort(): VU["abort"] {
    return (reason = "") => {
      this.#vu.host.abort(reason);
      throw new AbortError(reason === "" ? "the test was aborted" : reason);
    };
  }

  get fail(): VU["fail"] {
    return (reason = "") => {
      throw new FailError(reason === "" ? "fail() was called" : reason);
    };
  }

  get tags(): Record<string, string> {
    if (this.#tags === null) {
      const vu = this.#vu;
      this.#tags = new Proxy<Record<string, string>>(vu.ownTags, {
        set: (tags, name, value) => {
          if (typeof name !== "string") return false;
          tags[name] = String(value);
          vu.retag();
          return true;
        },
        deleteProperty: (tags, name) => {
          if (typeof name === "string") delete tags[name];
          vu.retag();
          return true;
        },
      });
    }
    return this.#tags;
  }
}

function makeCheck(vu: VirtualUser): VU["check"] {
  return (value, checks, tags) => {
    if (typeof checks !== "object" || checks === null)
      throw new TypeError(`check(): its second argument must be { name: (value) => boolean }, not ${show(checks)}`);
    const measure = vu.host.measure;
    let isAllPassed = true;
    if (value instanceof Promise) measure.warn("check-value", "check() was given a promise: missing await?");
    for (const name in checks) {
      const test = checks[name];
      let isPass = false;
      try {
        const said: unknown = typeof test === "function" ? test(value) : test;
        if (said instanceof Promise) refusePromise(vu, name, said);
        else isPass = Boolean(said);
      } finally {
        measure.check(vu.tagSet, name, isPass, tags ?? undefined);
      }
      if (!isPass) isAllPassed = false;
    }
    return isAllPassed;
  };
}

/** A promise is true whatever comes of it: such a check would never fail. */
function refusePromise(vu: VirtualUser, name: string, said: Promise<unknown>): void {
  said.catch(() => undefined);
  const text = `check "${name}" fails: its function returns a promise. Await in front of check(), and compare there`;
  vu.host.measure.warn("check-promise", text);
}

function makeGroup(vu: VirtualUser): VU["group"] {
  return async (name, run) => {
    if (typeof run !== "function")
      throw new TypeError(`group(${show(name)}): its second argument must be a function, not ${show(run)}`);
    const measure = vu.host.measure;
    const around = groupAround.getStore();
    const outer = around?.vu === vu ? around.path : (measure.base.tags["group"] ?? "");
    const path = `${outer}::${name}`;
    const startedMs = performance.now();
    const inside = vu.openGroup(path);
    try {
      return await groupAround.run({ vu, path }, run);
    } finally {
      measure.add(inside, "group_duration", "trend", "time", performance.now() - startedMs, vu.host.jobElapsedMs());
      vu.closeGroup(path);
    }
  };
}
