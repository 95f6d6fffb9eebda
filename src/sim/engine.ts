// The simulated cores of a worker's process: threads that play the messages of engine/messages.ts on virtual time, each
// with one share at a time (share.ts), and fail when told to. Not a model of sockets.

import type { EngineReply, EngineRequest } from "../engine/messages.ts";
import type { Clock, Thread, Threads } from "../io/world.ts";
import type { Prng } from "../base/prng.ts";
import { SimShare } from "./share.ts";
import type { SimTarget } from "./target.ts";

export type SimThreadsOptions = {
  readonly node: string;
  /** Of the worker's process: with the process its timers end, and so do its cores. */
  readonly clock: Clock;
  readonly prng: Prng;
  readonly target: SimTarget;
  /** Ends the whole process. Left out: the code it plays never does that. */
  readonly kill?: () => void;
};

/** The cores of one process. */
export class SimThreads implements Threads<EngineRequest, EngineReply> {
  readonly #options: SimThreadsOptions;
  readonly #alive = new Set<SimThread>();
  /** All latencies are multiplied by it: a slow machine. */
  slowness = 1;

  constructor(options: SimThreadsOptions) {
    this.#options = options;
  }

  spawn(): Thread<EngineRequest, EngineReply> {
    const thread = new SimThread(
      this.#options,
      () => this.slowness,
      () => this.#alive.delete(thread),
    );
    this.#alive.add(thread);
    return thread;
  }

  /** A running core fails. `pick`: 0 to 1, which. Out: false when none runs. */
  fault(kind: "crash" | "stall", pick: number): boolean {
    const running = [...this.#alive].filter(({ isRunning }) => isRunning);
    const thread = running[Math.floor(pick * running.length)];
    if (thread === undefined) return false;
    if (kind === "crash") thread.crash("the thread ended with code 1");
    else thread.stall();
    return true;
  }
}

class SimThread implements Thread<EngineRequest, EngineReply> {
  readonly #options: SimThreadsOptions;
  readonly #slowness: () => number;
  readonly #forget: () => void;
  #share: SimShare | null = null;
  #isOver = false;
  #reply: ((reply: EngineReply) => void) | null = null;
  #early: EngineReply[] = [];
  /** Said or asked in the turn that runs: what goes one way within one turn arrives on one turn. */
  readonly #replies: EngineReply[] = [];
  readonly #requests: EngineRequest[] = [];
  #crash: ((message: string) => void) | null = null;

  constructor(options: SimThreadsOptions, slowness: () => number, forget: () => void) {
    this.#options = options;
    this.#slowness = slowness;
    this.#forget = forget;
  }

  get isRunning(): boolean {
    return this.#share !== null && this.#share.isRunning;
  }

  post(request: EngineRequest): void {
    if (this.#requests.push(request) > 1) return;
    this.#options.clock.setTimer(0, () => {
      for (const due of this.#requests.splice(0)) this.#receive(due);
    });
  }

  onReply(handle: (reply: EngineReply) => void): void {
    this.#reply = handle;
    for (const reply of this.#early.splice(0)) handle(reply);
  }

  onCrash(handle: (message: string) => void): void {
    this.#crash = handle;
  }

  terminate(): void {
    this.#isOver = true;
    this.#share?.die();
    this.#forget();
  }

  crash(message: string): void {
    this.#share?.die();
    this.#options.clock.setTimer(0, () => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#forget();
      this.#crash?.(message);
    });
  }

  stall(): void {
    this.#share?.die();
  }

  #receive(request: EngineRequest): void {
    if (this.#isOver) return;
    if (request.kind === "prepare") {
      this.#share = new SimShare(this.#options, request, {
        say: (reply) => this.#say(reply),
        slowness: this.#slowness,
        crash: () => this.crash("the thread ended with code 1"),
      });
      return;
    }
    if (request.kind === "evaluate" || request.kind === "throttle" || this.#share?.token !== request.token) return;
    if (request.kind === "start") this.#share.start(request);
    else if (request.kind === "steer") this.#share.steer(request.steering);
    else this.#share.stop(request.mode);
  }

  /** Messages of a thread arrive on a turn of their own, in order. */
  #say(reply: EngineReply): void {
    if (this.#replies.push(reply) > 1) return;
    this.#options.clock.setTimer(0, () => {
      for (const due of this.#replies.splice(0)) this.#hand(due);
    });
  }

  #hand(reply: EngineReply): void {
    if (this.#isOver) return;
    if (this.#reply === null) this.#early.push(reply);
    else this.#reply(reply);
  }
}
