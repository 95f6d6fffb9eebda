// IP addresses of host names, for sockets that take nothing else. Answers are kept for a while, so that a name costs a
// look-up now and then, not one a packet.

import { lookup } from "node:dns/promises";
import { createClock } from "./clock.ts";

/** How long an answer counts, and how long none does. */
const KEPT_MS = 30_000;
const NONE_KEPT_MS = 1_000;
const NAMES_MAX = 1_000;

type Name = {
  /** The last answer; null: none so far. */
  ip: string | null;
  askAgainMs: number;
  isAsking: boolean;
  /** For what waits on the first answer. */
  waiting: ((ip: string) => void)[];
};

/** At most this many wait for one name; more are forgotten. */
const WAITING_MAX = 64;

export class HostNames {
  readonly #family: 4 | 6;
  readonly #clock = createClock();
  readonly #names = new Map<string, Name>();

  /** In: the kind of addresses that is wanted. */
  constructor(family: 4 | 6) {
    this.#family = family;
  }

  /** Calls back with an IP address of the name: at once where one is known, else when it is; never without one. */
  withIp(host: string, use: (ip: string) => void): void {
    const name = this.#named(host);
    if (!name.isAsking && this.#clock.nowMs() >= name.askAgainMs) this.#ask(host, name);
    if (name.ip !== null) use(name.ip);
    else if (name.isAsking && name.waiting.length < WAITING_MAX) name.waiting.push(use);
  }

  #named(host: string): Name {
    let name = this.#names.get(host);
    if (name === undefined) {
      name = { ip: null, askAgainMs: -Infinity, isAsking: false, waiting: [] };
      // The oldest makes room.
      const [oldest] = this.#names.size < NAMES_MAX ? [] : this.#names.keys();
      if (oldest !== undefined) this.#names.delete(oldest);
      this.#names.set(host, name);
    }
    return name;
  }

  #ask(host: string, name: Name): void {
    name.isAsking = true;
    const done = (ip: string | null): void => {
      name.isAsking = false;
      name.askAgainMs = this.#clock.nowMs() + (ip === null ? NONE_KEPT_MS : KEPT_MS);
      // A name server that fails does not make a host unknown.
      name.ip = ip ?? name.ip;
      const { waiting } = name;
      name.waiting = [];
      if (ip !== null) for (const use of waiting) use(ip);
    };
    lookup(host, { family: this.#family }).then(
      ({ address }) => done(address),
      () => done(null),
    );
  }
}
