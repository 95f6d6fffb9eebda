// What one engine thread does with the messages of its node (messages.ts): evaluate a file, prepare a share, start and
// stop it. Reports at fixed instants of job time, so that each whole second of the job ends in a cut.

import { SETUP, TEARDOWN } from "../load/plan.ts";
import type { Snapshot, Steering } from "../load/share.ts";
import { Alarms } from "./alarms.ts";
import { Board, HEADER } from "./board.ts";
import { FeedCursors } from "./feed-cursors.ts";
import { exportsOf, functionOf, type LoadedModule, shapeOf } from "./functions.ts";
import { beginPace, createPace, isAhead, ratePace } from "../load/pace.ts";
import { HealthMonitor } from "./health.ts";
import { HttpCore } from "./http/core.ts";
import { InterruptedError } from "./http/owner.ts";
import { proxyVariable } from "./http/proxy.ts";
import type { Origin } from "./http/url.ts";
import { type IterationFunction, ShareLoop } from "./loop.ts";
import { Measure } from "./measure.ts";
import type { EngineReply, EngineRequest } from "./messages.ts";
import { installModule, ModuleHost } from "./module.ts";
import { forbidProcessControl, redirectConsole, watchFetch } from "./realm.ts";
import { Throttle } from "./throttle.ts";
import { thrownText, thrownTextAt, userFrames } from "./thrown.ts";
import { AbortError, tagSetOf, type VuHost } from "./vu.ts";
import type { Json } from "./hyperscale.d.ts";

// The global of a Bun Worker; its type is not in the libraries this project compiles with.
declare const self: { onmessage: ((event: MessageEvent<EngineRequest>) => void) | null };

type Prepare = Extract<EngineRequest, { kind: "prepare" }>;

/** Distinct error texts a core tells apart. */
const ERRORS_MAX = 100;
/** Above so many series even a cut of scalars costs milliseconds: then only those at whole seconds carry any. */
const SERIES_PER_REPORT_MAX = 400;
/** Reports as frequent as this tell of any pace in time. */
const PACED_REPORT_MS_MAX = 200;

/** One share on this thread, from prepare to its final cut. */
class Attempt {
  readonly #request: Prepare;
  readonly #post: (reply: EngineReply) => void;
  readonly #board: Board;
  readonly #measure: Measure;
  readonly #health: HealthMonitor;
  readonly #core: HttpCore;
  readonly #loop: ShareLoop;
  readonly #module: ModuleHost;
  readonly #cursors: FeedCursors;
  readonly #alarms = new Alarms();
  readonly #errors = new Map<string, number>();
  readonly #pace = createPace();
  /** Requests of the last report, and when it was. */
  #told = { requests: 0, atMs: 0 };
  #hasNewErrors = false;
  #seq = 0;
  #startMs = 0;
  #jobStartMs = 0;
  #reportTimer: ReturnType<typeof setTimeout> | null = null;
  #isOver = false;
  #hasToldVus = false;
  #hasAborted = false;

  constructor(request: Prepare, run: IterationFunction, module: ModuleHost, post: (reply: EngineReply) => void) {
    this.#request = request;
    this.#post = post;
    this.#module = module;
    const { spec, attempt } = request;
    const token = attempt.token;
    const board = new Board(request.board, (moved) => post({ kind: "board", token, board: moved }));
    this.#board = board;
    this.#measure = new Measure(board, request.tags, {
      series: (slot, id) => post({ kind: "series", token, slot, id }),
      warning: (text) => post({ kind: "warning", token, text }),
    });
    this.#health = new HealthMonitor(board, (nowMs) => this.#keepPace(nowMs));
    this.#core = new HttpCore(request.http, {
      permit: new Float64Array(request.permit),
      onOrigin: (origin) => this.#warnOfProxy(origin),
    });
    this.#cursors = new FeedCursors(request.feedCursors);
    module.deal(this.#cursors, spec.feedStripe ?? { index: 0, of: 1 }, spec.share);
    module.sink = (name, type, contains, value, tags) => {
      // As in k6, what a VU adds has its tags and group; outside any VU there are those of the workflow alone.
      const base = tagSetOf(module.currentVu.getStore()) ?? this.#measure.base;
      this.#measure.add(
        tags === undefined ? base : this.#measure.extend(base, tags),
        name,
        type,
        contains,
        value,
        this.#jobElapsedMs(),
      );
    };
    const isOneShot = spec.workflow === SETUP || spec.workflow === TEARDOWN;
    this.#loop = new ShareLoop({
      host: this.#vuHost(),
      spec,
      board,
      isOneShot,
      // Without a value of setup it is undefined, as in k6, so that a parameter's default holds.
      data: freezeDeep(request.setupData),
      run: needsCurrentVu(module) ? (vu, data) => module.currentVu.run(vu, run, vu, data) : run,
      events: {
        threw: (thrown, vu) => this.#threw(thrown, vu, isOneShot),
        warning: (text) => post({ kind: "warning", token, text }),
        // A turn later: what the last iterations rejected and nobody awaited is only heard of then.
        ended: (value, thrown) => void setImmediate(() => this.#ended(value, thrown, isOneShot)),
      },
    });
  }

  get token(): number {
    return this.#request.attempt.token;
  }

  start({ atEpochMs, jobStartEpochMs, steering }: Extract<EngineRequest, { kind: "start" }>): void {
    this.#startMs = atEpochMs - performance.timeOrigin;
    this.#jobStartMs = jobStartEpochMs - performance.timeOrigin;
    this.#health.begin();
    this.#told.atMs = Math.max(this.#startMs, performance.now());
    beginPace(this.#pace, this.#told.atMs);
    this.#armReport();
    this.#loop.start(this.#startMs, steering);
  }

  steer(steering: Steering): void {
    this.#loop.steer(steering);
  }

  stop(mode: "graceful" | "now"): void {
    this.#loop.stop(mode);
  }

  /** An error of the user's code that no iteration caught (a rejected promise nobody awaited). */
  uncaught(thrown: unknown): void {
    if (!(thrown instanceof InterruptedError || thrown instanceof AbortError)) this.#threw(thrown, 0, false);
  }

  #vuHost(): VuHost {
    const { attempt, spec, env, context } = this.#request;
    const token = attempt.token;
    return {
      workflow: spec.workflow,
      env,
      context: jsonRecord(context),
      core: this.#core,
      measure: this.#measure,
      alarms: this.#alarms,
      provide: (key, json, vu, iteration) => this.#post({ kind: "provide", token, key, json, vu, iteration }),
      abort: (reason) => {
        if (this.#hasAborted) return;
        this.#hasAborted = true;
        this.#post({ kind: "abort", token, reason });
      },
      jobElapsedMs: () => this.#jobElapsedMs(),
      requestFailed: (message) => this.#countError(message),
    };
  }

  /** Users of k6 have their requests go through the proxies of the environment. */
  #warnOfProxy(origin: Origin): void {
    const name = proxyVariable(origin, process.env);
    if (name === null) return;
    const text =
      `${name} is set, and requests go to ${origin.host} itself: no proxy is used. ` +
      "Run where it can be reached, and name it in NO_PROXY";
    this.#measure.warn("proxy", text);
  }

  /** fetch() goes around everything that is measured, limited and stopped. */
  fetched(): void {
    const text = "fetch() is in no metric and not stopped with the test: use http of the VU, as in vu.http.get(url)";
    this.#measure.warn("fetch", text);
  }

  #jobElapsedMs(): number {
    return performance.now() - this.#jobStartMs;
  }

  #threw(thrown: unknown, vu: number, isOneShot: boolean): void {
    const text = thrown instanceof Error ? thrownText(thrown) : `thrown: ${thrownText(thrown)}`;
    const isFirst = this.#countError(text);
    if (!isFirst || isOneShot) return;
    const frames = userFrames(thrown);
    const where = `${vu > 0 ? ` (VU ${vu})` : ""}${frames === "" ? "" : `\n${frames}`}`;
    this.#post({ kind: "log", token: this.token, level: "error", text: text + where });
  }

  /** Out: true the first time this text was seen. */
  #countError(text: string): boolean {
    const isKnown = this.#errors.has(text);
    const key = isKnown || this.#errors.size < ERRORS_MAX ? text : "(other errors)";
    this.#errors.set(key, (this.#errors.get(key) ?? 0) + 1);
    this.#hasNewErrors = true;
    return !isKnown && key === text;
  }

  #armReport(): void {
    const everyMs = this.#request.reportMs;
    const armedMs = this.#jobElapsedMs();
    const nextMs = (Math.floor(armedMs / everyMs) + 1) * everyMs;
    const report = (): void => {
      if (this.#isOver) return;
      const elapsedMs = this.#jobElapsedMs();
      // Never before the instant: what closes a second has to hold all of it.
      if (elapsedMs < nextMs) {
        this.#reportTimer = setTimeout(report, 1);
        return;
      }
      this.#report(false, Math.floor(elapsedMs / 1_000) > Math.floor(armedMs / 1_000));
      this.#armReport();
    };
    this.#reportTimer = setTimeout(report, Math.ceil(nextMs - armedMs));
  }

  /** More was sent since the last report than its owner would think of: it is told before the next one is due. */
  #keepPace(nowMs: number): void {
    if (this.#isOver || this.#request.reportMs <= PACED_REPORT_MS_MAX) return;
    if (this.#measure.seriesCount > SERIES_PER_REPORT_MAX) return;
    const { requests, atMs } = this.#told;
    // One more of each VU is reckoned with anyway (node/owner/unreported.ts).
    const more = this.#measure.requests() - requests - this.#loop.vusMade;
    if (isAhead(this.#pace, more, nowMs - atMs)) this.#report(false, false);
  }

  #report(isFinal: boolean, closesSecond: boolean): void {
    const nowMs = performance.now();
    this.#told = { requests: this.#measure.requests(), atMs: nowMs };
    if (closesSecond) ratePace(this.#pace, this.#told.requests, nowMs - this.#health.stillMs);
    // Trends are what a cut costs, and nobody reads them between whole seconds.
    const what = isFinal
      ? "all"
      : closesSecond
        ? "changed"
        : this.#measure.seriesCount <= SERIES_PER_REPORT_MAX
          ? "scalars"
          : null;
    // Nothing runs any more at the final cut: it tells of the VUs there were in its second. So does the first that
    // closes one with VUs: those of a short test may just have ended; of later seconds the cut before has told.
    const mostVus = closesSecond ? this.#loop.takeRunningMost() : 0;
    const tellsMost = isFinal || (closesSecond && !this.#hasToldVus);
    if (mostVus > 0) this.#hasToldVus = true;
    const snapshot: Snapshot = {
      attempt: this.#request.attempt,
      seq: ++this.#seq,
      elapsedMs: nowMs - this.#startMs,
      content: what ?? "scalars",
      isFinal,
      resume: this.#loop.resume(this.#module.drawn(this.#cursors)),
      accounting: this.#board.accounting(),
      generator: this.#health.read(),
      vus: tellsMost ? mostVus : this.#loop.running,
      vusMax: this.#loop.vusMade,
      series: what === null ? [] : this.#measure.cut(what),
    };
    this.#post({ kind: "snapshot", snapshot });
    if (this.#hasNewErrors && (isFinal || closesSecond)) {
      this.#hasNewErrors = false;
      this.#post({
        kind: "errors",
        token: this.token,
        errors: [...this.#errors].map(([message, count]) => ({ message, count })),
      });
    }
  }

  #ended(value: unknown, thrown: unknown, isOneShot: boolean): void {
    this.#isOver = true;
    if (this.#reportTimer !== null) clearTimeout(this.#reportTimer);
    this.#health.end();
    const json = isOneShot && thrown === null ? toJson(value) : { value: undefined, problem: null };
    const thrownText = isOneShot && thrown !== null ? thrownTextAt(thrown) : json.problem;
    this.#report(true, true);
    this.#core.close();
    this.#alarms.close();
    this.#module.sink = null;
    this.#post({ kind: "ended", token: this.token, value: json.value, thrown: thrownText });
  }
}

/** Serves the messages of the node's main thread for the life of this thread. */
export function openThread(): void {
  const post = (reply: EngineReply): void => {
    // The last chance to say what console lines were left out.
    if (reply.kind === "ended" || reply.kind === "shape") tellSuppressed();
    postMessage(reply);
  };
  let host = new ModuleHost(null, {});
  let module: LoadedModule | null = null;
  let attempt: Attempt | null = null;
  const throttle = new Throttle();

  const load = async (code: string, next: ModuleHost): Promise<LoadedModule> => {
    host = next;
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    try {
      return exportsOf(await import(url));
    } finally {
      next.seal();
      URL.revokeObjectURL(url);
    }
  };
  const broken = (thrown: unknown): void => {
    post({ kind: "broken", message: thrownText(thrown), stack: userFrames(thrown) });
  };
  const prepare = async (request: Prepare): Promise<void> => {
    new Board(request.board).words[HEADER.heartbeat] = performance.timeOrigin + performance.now();
    setEnv(request.env);
    module ??= await load(request.bundle.code, new ModuleHost(null, request.bundle.files));
    attempt = new Attempt(request, functionOf(module, request.spec.workflow, request.run), host, post);
    post({ kind: "ready", token: request.attempt.token });
  };

  installModule(() => host);
  forbidProcessControl();
  watchFetch(() => attempt?.fetched());
  const tellSuppressed = redirectConsole((level, text) =>
    post({ kind: "log", token: attempt?.token ?? 0, level, text }),
  );
  process.on("unhandledRejection", (reason) => attempt?.uncaught(reason));
  process.on("uncaughtException", (thrown) => attempt?.uncaught(thrown));

  const handle = (request: EngineRequest): void => {
    switch (request.kind) {
      case "evaluate": {
        const missing = new Set<string>();
        setEnv(watched(request.env, missing));
        load(request.code, new ModuleHost(request.baseDir, {}))
          .then((loaded) => post({ kind: "shape", shape: { ...shapeOf(loaded, host), envMissing: [...missing] } }))
          .catch(broken);
        return;
      }
      case "prepare":
        prepare(request).catch(broken);
        return;
      case "start":
        if (attempt?.token === request.token) attempt.start(request);
        return;
      case "steer":
        if (attempt?.token === request.token) attempt.steer(request.steering);
        return;
      case "stop":
        if (attempt?.token === request.token) attempt.stop(request.mode);
        return;
      case "throttle":
        throttle.set(request.ratio);
    }
  };
  self.onmessage = (event: MessageEvent<EngineRequest>) => handle(event.data);
}

/** k6's `__ENV`, for files that read it at the top. */
function setEnv(env: Readonly<Record<string, string>>): void {
  Object.assign(globalThis, { __ENV: env });
}

/** `env`, and in `missing` the names that were read of it in vain. */
function watched(env: Readonly<Record<string, string>>, missing: Set<string>): Readonly<Record<string, string>> {
  return new Proxy(env, {
    get: (given, name) => {
      if (typeof name !== "string") return undefined;
      if (!(name in given)) missing.add(name);
      return given[name];
    },
  });
}

/** Only then: knowing the VU costs each of its awaits a little. */
function needsCurrentVu(host: ModuleHost): boolean {
  return host.metrics.size > 0 || host.feeds.some((feed) => feed.plan.pick === "sequential");
}

function toJson(value: unknown): { readonly value: unknown; readonly problem: string | null } {
  try {
    const text = JSON.stringify(value);
    return { value: text === undefined ? undefined : JSON.parse(text), problem: null };
  } catch (thrown) {
    return { value: undefined, problem: `what it returned is not JSON: ${thrownText(thrown)}` };
  }
}

function jsonRecord(context: Readonly<Record<string, unknown>>): Readonly<Record<string, Json>> {
  return freezeDeep(JSON.parse(JSON.stringify(context)));
}

/**
 * setup's data and the context are shared by the VUs of a core: writing to them throws instead of leaking between VUs.
 */
function freezeDeep<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const one of Object.values(value)) freezeDeep(one);
  }
  return value;
}
