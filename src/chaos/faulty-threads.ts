// Engine threads of a worker that can be ended and slowed down. The worker sees what it would see if a thread had died
// or were short of CPU by itself.

import type { EngineReply, EngineRequest } from "../engine/messages.ts";
import type { Thread, Threads } from "../io/world.ts";
import type { FaultTable } from "./fault-table.ts";

export type FaultyThreads = Threads<EngineRequest, EngineReply> & {
  /** Ends one thread, of those that run a share if there are any. Out: false when there is none at all. */
  crashOne(): boolean;
};

/** The same threads under the faults of the table. */
export function faultyThreads(threads: Threads<EngineRequest, EngineReply>, faults: FaultTable): FaultyThreads {
  const live = new Set<FaultyThread>();
  let ratio = 0;
  faults.onChange(() => {
    if (faults.coreStallRatio === ratio) return;
    ratio = faults.coreStallRatio;
    for (const thread of live) thread.post({ kind: "throttle", ratio });
  });
  return {
    spawn: () => {
      const thread = new FaultyThread(threads.spawn(), () => live.delete(thread));
      live.add(thread);
      if (ratio > 0) thread.post({ kind: "throttle", ratio });
      return thread;
    },
    crashOne: () => {
      const victim = [...live].find(({ isBusy }) => isBusy) ?? [...live].at(-1);
      victim?.crash();
      return victim !== undefined;
    },
  };
}

class FaultyThread implements Thread<EngineRequest, EngineReply> {
  readonly #inner: Thread<EngineRequest, EngineReply>;
  readonly #over: () => void;
  #crashed: ((message: string) => void) | null = null;
  #isBusy = false;

  constructor(inner: Thread<EngineRequest, EngineReply>, over: () => void) {
    this.#inner = inner;
    this.#over = over;
  }

  /** It runs a share. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  post(request: EngineRequest): void {
    if (request.kind === "prepare") this.#isBusy = true;
    this.#inner.post(request);
  }

  onReply(handle: (reply: EngineReply) => void): void {
    this.#inner.onReply((reply) => {
      if (reply.kind === "ended") this.#isBusy = false;
      handle(reply);
    });
  }

  onCrash(handle: (message: string) => void): void {
    this.#crashed = handle;
    this.#inner.onCrash((message) => {
      this.#over();
      handle(message);
    });
  }

  terminate(): void {
    this.#over();
    this.#inner.terminate();
  }

  crash(): void {
    this.terminate();
    this.#crashed?.("the thread was ended by hyperscale chaos");
  }
}
