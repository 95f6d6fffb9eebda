// The outside as a record of small ports. The real ones are beside this file; tests and the simulator bring their own.
// Only entry points build the real one, everything else is handed it. Only `clock` may be asked what time it is.

/** A timer that was set; `cancel` may come at any time, more than once. */
export type Timer = { cancel(): void };

export type Clock = {
  /** Monotonic ms from an arbitrary zero. Never jumps; the only time that decides anything. */
  nowMs(): number;
  /** Wall time in epoch ms, steady in step with `nowMs` for the life of the process. For display and time stamps. */
  epochMs(): number;
  /** Runs `run` once after `delayMs` (negative counts as 0), never before this call returns. */
  setTimer(delayMs: number, run: () => void): Timer;
};

/** A thread with an event loop of its own that answers messages. Messages are copied, in order, both ways. */
export type Thread<Request, Reply> = {
  post(request: Request): void;
  /** One handler; replies before it is set are not lost. None comes after `terminate`. */
  onReply(handle: (reply: Reply) => void): void;
  /** The thread ended by itself or failed. At most once, never after `terminate`. */
  onCrash(handle: (message: string) => void): void;
  /** Ends it at once, even in an endless loop. Idempotent. */
  terminate(): void;
};

export type Threads<Request, Reply> = { spawn(): Thread<Request, Reply> };

export type Memory = {
  /** Bytes this process holds in memory now. */
  residentBytes(): number;
  /** Bytes it may hold: the limit of its cgroup, or the machine's memory where there is none. */
  limitBytes(): number;
};

export type Random = {
  /** So many bytes nobody can foresee. */
  bytes(count: number): Uint8Array;
};

/** Request, Reply: what is said to and by the threads it spawns. */
export type World<Request, Reply> = {
  readonly clock: Clock;
  readonly threads: Threads<Request, Reply>;
  readonly memory: Memory;
  readonly random: Random;
};
