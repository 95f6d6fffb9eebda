// The faults of one node that are there now. Each has an end that this node keeps by its own clock, so that it heals
// when nobody is left to heal it. The faulty ports ask here before everything they do.

import { type Prng, nextFloat } from "../base/prng.ts";
import { isLoopback } from "../io/security/bind-problem.ts";
import type { Address, Clock, Timer } from "../io/world.ts";
import type { ActiveFault, Fault, Peer } from "./faults.ts";

type Held = { readonly fault: Fault; readonly endsAtMs: number; readonly timer: Timer };

export class FaultTable {
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #held = new Set<Held>();
  readonly #handlers = new Set<() => void>();

  constructor(clock: Clock, prng: Prng) {
    this.#clock = clock;
    this.#prng = prng;
  }

  /** From now on for `forMs`. */
  inflict(fault: Fault, forMs: number): void {
    const timer = this.#clock.setTimer(forMs, () => {
      this.#held.delete(held);
      this.#changed();
    });
    const held: Held = { fault, endsAtMs: this.#clock.nowMs() + forMs, timer };
    this.#held.add(held);
    this.#changed();
  }

  /** Ends all of them. Out: how many there were. */
  heal(): number {
    const count = this.#held.size;
    for (const { timer } of this.#held) timer.cancel();
    this.#held.clear();
    this.#changed();
    return count;
  }

  get active(): readonly ActiveFault[] {
    const nowMs = this.#clock.nowMs();
    return [...this.#held].map(({ fault, endsAtMs }) => ({ fault, leftMs: Math.max(0, endsAtMs - nowMs) }));
  }

  /** Calls back whenever a fault comes or goes. Out: takes it back. */
  onChange(handle: () => void): () => void {
    this.#handlers.add(handle);
    return () => this.#handlers.delete(handle);
  }

  /**
   * Whether nothing passes in that direction. In: the address of the other side as its node is known by it; null for
   * one that dialled this node, whose port says nothing.
   */
  isCut(other: Address | null, transport: "tcp" | "udp", direction: "in" | "out"): boolean {
    for (const { fault } of this.#held) {
      if (fault.kind !== "cut" || (fault.direction !== "both" && fault.direction !== direction)) continue;
      if (fault.peers === null) return true;
      if (other !== null && fault.peers.some((peer) => isAt(peer, other, transport))) return true;
    }
    return false;
  }

  /** How much later what is sent arrives, in ms. */
  get delayMs(): number {
    return this.#sum((fault) => (fault.kind === "delay" ? fault.ms : 0));
  }

  /** Whether something that is sent now is lost. */
  isLost(): boolean {
    const ratio = this.lossRatio;
    return ratio > 0 && nextFloat(this.#prng) < ratio;
  }

  /** 0..1 of what is sent. */
  get lossRatio(): number {
    let kept = 1;
    for (const { fault } of this.#held) if (fault.kind === "loss") kept *= 1 - fault.ratio;
    return 1 - kept;
  }

  /** How much longer a sync takes, in ms. */
  get syncDelayMs(): number {
    return this.#sum((fault) => (fault.kind === "diskSlow" ? fault.ms : 0));
  }

  /** What the disk fails with; null: it does not. */
  get diskFailure(): "io" | "full" | null {
    let failure: "io" | "full" | null = null;
    for (const { fault } of this.#held) {
      if (fault.kind === "diskBroken") return "io";
      if (fault.kind === "diskFull") failure = "full";
    }
    return failure;
  }

  /** Part of the time that engine threads stand still, 0..0.99. */
  get coreStallRatio(): number {
    let most = 0;
    for (const { fault } of this.#held) if (fault.kind === "slowCores") most = Math.max(most, fault.ratio);
    return most;
  }

  #sum(of: (fault: Fault) => number): number {
    let sum = 0;
    for (const { fault } of this.#held) sum += of(fault);
    return sum;
  }

  #changed(): void {
    for (const handle of [...this.#handlers]) handle();
  }
}

function isAt(peer: Peer, other: Address, transport: "tcp" | "udp"): boolean {
  if (peer[transport] !== other.port) return false;
  if (peer.host === other.host || isAnyAddress(peer.host)) return true;
  return isLoopback(peer.host) && isLoopback(other.host);
}

/** What is listened at, not what is dialled. */
function isAnyAddress(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
