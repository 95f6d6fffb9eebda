// Where a node keeps a link to, and what it still has to say to an address nobody is linked at: when to dial next, with
// what backoff, and who was met there. It opens no connection itself (links.ts).

import { nextFloat, type Prng } from "../../base/prng.ts";
import type { Hello } from "../../wire/handshake.ts";
import type { Address, Clock, Timer } from "../../io/world.ts";

/** A wanted address. */
export type Target = {
  readonly address: Address;
  /** Who was last met there. */
  node: string | null;
  /** It is this node's own: never dialled again. */
  isSelf: boolean;
  /** Failures in a row. */
  failures: number;
  timer: Timer | null;
};

/** First wait after a failure, doubled each time up to the last; drawn from the upper half. */
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 2_000;
/** A link that broke is dialled anew within this: a port that refuses says so soon. */
const REDIAL_MS = 20;

export function addressKey({ host, port }: Address): string {
  return `${host}:${port}`;
}

export class Dialler {
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #dial: (target: Target) => void;
  readonly #targets = new Map<string, Target>();

  /** `dial`: is called when a target is due; it answers by `met` or `failed`. */
  constructor(options: { readonly clock: Clock; readonly prng: Prng; readonly dial: (target: Target) => void }) {
    this.#clock = options.clock;
    this.#prng = options.prng;
    this.#dial = options.dial;
  }

  targets(): Iterable<Target> {
    return this.#targets.values();
  }

  find(address: Address): Target | null {
    return this.#targets.get(addressKey(address)) ?? null;
  }

  add(address: Address): void {
    const key = addressKey(address);
    if (this.#targets.has(key)) return;
    const target: Target = { address, node: null, isSelf: false, failures: 0, timer: null };
    this.#targets.set(key, target);
    this.#after(target, 0);
  }

  remove(address: Address): void {
    const key = addressKey(address);
    this.#targets.get(key)?.timer?.cancel();
    this.#targets.delete(key);
  }

  /** Somebody was met there and a link to it is up: no more dialling until it breaks. */
  met(target: Target, node: string): void {
    target.node = node;
    target.failures = 0;
    target.timer?.cancel();
    target.timer = null;
  }

  failed(target: Target): void {
    target.failures++;
    const capMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(10, target.failures - 1));
    this.#after(target, capMs * (0.5 + nextFloat(this.#prng) / 2));
  }

  /** The link to that node is gone: whoever wants it dials again, soon. */
  lost(node: string): void {
    for (const target of this.#targets.values())
      if (target.node === node && !target.isSelf && target.timer === null)
        this.#after(target, REDIAL_MS * nextFloat(this.#prng));
  }

  close(): void {
    for (const target of this.#targets.values()) target.timer?.cancel();
    this.#targets.clear();
  }

  #after(target: Target, delayMs: number): void {
    // What was removed while a dial was on its way is not dialled again.
    if (target.isSelf || this.find(target.address) !== target) return;
    target.timer?.cancel();
    target.timer = this.#clock.setTimer(delayMs, () => {
      target.timer = null;
      this.#dial(target);
    });
  }
}

/** That node is at the target: it says so, or was dialled there. */
export function isAt({ address }: Target, hello: Hello, dialled: Address | null): boolean {
  if (dialled !== null && addressKey(dialled) === addressKey(address)) return true;
  return hello.address.host === address.host && hello.address.tcp === address.port;
}
