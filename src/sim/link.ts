// One direction between two simulated hosts: how long a packet takes, how often it is lost, doubled or overtaken, and
// whether anything passes at all. Knows nothing of datagrams and streams.

import { assert } from "../base/assert.ts";
import { nextFloat, type Prng } from "../base/prng.ts";

/** Probabilities are 0 to 1, times ms. */
export type LinkOptions = {
  /** The least one-way delay; an exponential one is added whose mean makes up `latencyMeanMs`. */
  readonly latencyMinMs: number;
  readonly latencyMeanMs: number;
  /** Of a packet. A datagram is gone, bytes of a stream come later. */
  readonly lossProbability: number;
  /** Of a datagram: it comes twice. */
  readonly duplicateProbability: number;
  /** Of a datagram: it takes up to `reorderMs` longer, so that later ones overtake it. */
  readonly reorderProbability: number;
  readonly reorderMs: number;
  /** What streams share; datagrams are too few to count. */
  readonly bytesPerMs: number;
};

/** A switched local network of 1 Gbit/s without faults. */
export const LAN_LINK: LinkOptions = {
  latencyMinMs: 0.1,
  latencyMeanMs: 0.3,
  lossProbability: 0,
  duplicateProbability: 0,
  reorderProbability: 0,
  reorderMs: 10,
  bytesPerMs: 125_000,
};

/** Within one machine: faults of the network do not reach it. */
export const LOOPBACK_LINK: LinkOptions = { ...LAN_LINK, latencyMinMs: 0.02, latencyMeanMs: 0.03, bytesPerMs: 1e6 };

export class Link {
  #options: LinkOptions;
  #isCut = false;
  readonly #prng: Prng;
  readonly isLoopback: boolean;
  /** When what streams sent is through, virtual ms. */
  #freeMs = 0;

  constructor(options: LinkOptions, prng: Prng, isLoopback: boolean) {
    this.#options = options;
    this.#prng = prng;
    this.isLoopback = isLoopback;
  }

  get options(): LinkOptions {
    return this.#options;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  configure(changes: Partial<LinkOptions>): void {
    if (this.isLoopback) return;
    const options = { ...this.#options, ...changes };
    const probabilities = [options.lossProbability, options.duplicateProbability, options.reorderProbability];
    assert(
      probabilities.every((probability) => probability >= 0 && probability <= 1),
      "a probability is 0 to 1",
    );
    assert(options.latencyMinMs >= 0 && options.latencyMeanMs >= options.latencyMinMs, "0 <= latency min <= mean");
    assert(options.bytesPerMs > 0 && options.reorderMs >= 0, "a bandwidth and a delay");
    this.#options = options;
  }

  setCut(isCut: boolean): void {
    this.#isCut = isCut && !this.isLoopback;
  }

  /** One-way delay of a packet. */
  latencyMs(): number {
    const { latencyMinMs, latencyMeanMs } = this.#options;
    const spreadMs = latencyMeanMs - latencyMinMs;
    return spreadMs === 0 ? latencyMinMs : latencyMinMs - spreadMs * Math.log(1 - nextFloat(this.#prng));
  }

  losesPacket(): boolean {
    return this.#happens(this.#options.lossProbability);
  }

  doublesPacket(): boolean {
    return this.#happens(this.#options.duplicateProbability);
  }

  /** What a datagram is held back. */
  reorderDelayMs(): number {
    return this.#happens(this.#options.reorderProbability) ? nextFloat(this.#prng) * this.#options.reorderMs : 0;
  }

  /** Takes the line for so many bytes of a stream from now on. Out: when they are through. */
  occupy(nowMs: number, bytes: number): number {
    this.#freeMs = Math.max(nowMs, this.#freeMs) + bytes / this.#options.bytesPerMs;
    return this.#freeMs;
  }

  #happens(probability: number): boolean {
    return probability > 0 && nextFloat(this.#prng) < probability;
  }
}
