// The honesty of one core: how busy its thread was and how late its loop ran, second by second, on the board. The
// heartbeat it writes is how the main thread knows that the loop still turns.

import { quantile } from "../load/histogram.ts";
import type { GeneratorHealth } from "../load/share.ts";
import { type Board, HEADER } from "./board.ts";

/** How often the loop proves that it turns, and how often its lag is measured. */
export const HEARTBEAT_MS = 100;
/** A second counts as saturated over either of these (design: the summary's `saturated`). */
const BUSY_MAX = 0.9;
const LAG_MS_MAX = 10;
/** A loop this late did not lag behind its work: it stood still, as its process or machine did. */
export const STILL_MS = 500;

export class HealthMonitor {
  readonly #board: Board;
  readonly #beaten: (nowMs: number) => void;
  readonly #lagAt: number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isMeasuring = false;
  #dueMs = 0;
  #secondMs = 0;
  #cpuUs = 0;
  #lagMsMax = 0;

  /** `beaten`: called after every beat from `begin` on. */
  constructor(board: Board, beaten: (nowMs: number) => void) {
    this.#board = board;
    this.#beaten = beaten;
    this.#lagAt = board.allocateReserved("trend");
    this.#beat();
  }

  /** From here on, lag and CPU count: loading code and making VUs did not. */
  begin(): void {
    this.#isMeasuring = true;
    this.#secondMs = performance.now();
    this.#dueMs = Math.max(this.#dueMs, this.#secondMs);
    this.#cpuUs = threadCpuUs();
    this.#lagMsMax = 0;
  }

  /**
   * Closes the last second if it was at least half one, and stops beating. A share that had no second at all tells how
   * busy it was, and is not judged by so little.
   */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const nowMs = performance.now();
    this.#board.words[HEADER.stillMs] = this.stillMs;
    const isFirst = this.#board.words[HEADER.seconds] === 0;
    const isHalf = nowMs - this.#secondMs >= 500;
    if (this.#isMeasuring && (isHalf || isFirst) && nowMs > this.#secondMs) this.#closeSecond(nowMs, isHalf);
    this.#isMeasuring = false;
  }

  /** Cumulative, for a cut. */
  read(): GeneratorHealth {
    return { ...readHealth(this.#board, this.#lagAt), stillMs: this.stillMs };
  }

  /** Cumulative ms in which the loop stood still; those that just ended, too, whose beat has not come yet. */
  get stillMs(): number {
    const lateMs = this.#isMeasuring ? performance.now() - this.#dueMs : 0;
    return this.#board.words[HEADER.stillMs]! + (lateMs > STILL_MS ? lateMs : 0);
  }

  #beat(): void {
    const nowMs = performance.now();
    if (this.#isMeasuring && this.#dueMs > 0) {
      this.#lagged(Math.max(nowMs - this.#dueMs, 0));
      if (nowMs - this.#secondMs >= 1_000) this.#closeSecond(nowMs, true);
    }
    this.#board.words[HEADER.heartbeat] = performance.timeOrigin + nowMs;
    this.#dueMs = nowMs + HEARTBEAT_MS;
    this.#timer = setTimeout(() => this.#beat(), HEARTBEAT_MS);
    if (this.#isMeasuring) this.#beaten(nowMs);
  }

  #closeSecond(nowMs: number, isJudged: boolean): void {
    const words = this.#board.words;
    const cpuUs = threadCpuUs();
    const busy = (cpuUs - this.#cpuUs) / 1_000 / (nowMs - this.#secondMs);
    const seconds = (nowMs - this.#secondMs) / 1_000;
    words[HEADER.seconds]! += seconds;
    words[HEADER.cpuSeconds]! += (cpuUs - this.#cpuUs) / 1e6;
    if (isJudged && (busy > BUSY_MAX || this.#lagMsMax > LAG_MS_MAX)) words[HEADER.saturatedSeconds]! += seconds;
    this.#secondMs = nowMs;
    this.#cpuUs = cpuUs;
    this.#lagMsMax = 0;
  }

  #lagged(lagMs: number): void {
    this.#board.trend(this.#lagAt, lagMs);
    if (lagMs > this.#lagMsMax) this.#lagMsMax = lagMs;
    const words = this.#board.words;
    if (lagMs > words[HEADER.loopLagMsMax]!) words[HEADER.loopLagMsMax] = lagMs;
    if (lagMs > STILL_MS) words[HEADER.stillMs]! += lagMs;
  }
}

function readHealth(board: Board, lagAt: number): Omit<GeneratorHealth, "stillMs"> {
  const words = board.words;
  const lag = board.read(lagAt, "trend");
  return {
    seconds: words[HEADER.seconds]!,
    saturatedSeconds: words[HEADER.saturatedSeconds]!,
    cpuSeconds: words[HEADER.cpuSeconds]!,
    loopLagMsMax: words[HEADER.loopLagMsMax]!,
    loopLagMsP99: lag.type === "trend" && lag.count > 0 ? quantile(lag, 0.99) : 0,
  };
}

function threadCpuUs(): number {
  const usage = process.threadCpuUsage();
  return usage.user + usage.system;
}
