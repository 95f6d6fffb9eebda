// IP addresses of host names, for sockets that take nothing else. Answers are kept for a while, so that a name costs a
// look-up now and then, not one a packet.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { createClock } from "./clock.ts";

/** How long an answer counts, also that there is none. */
const KEPT_MS = 30_000;
const NAMES_MAX = 1_000;

type Name = {
  /** null: does not resolve, or not known yet. */
  ip: string | null;
  askedMs: number;
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

  /** Calls back with the host's IP address: at once where it is one or is known, else when it is; never without one. */
  withIp(host: string, use: (ip: string) => void): void {
    if (isIP(host) !== 0) return use(host);
    const name = this.#named(host);
    if (!name.isAsking && this.#clock.nowMs() - name.askedMs >= KEPT_MS) this.#ask(host, name);
    if (name.ip !== null) use(name.ip);
    else if (name.isAsking && name.waiting.length < WAITING_MAX) name.waiting.push(use);
  }

  #named(host: string): Name {
    let name = this.#names.get(host);
    if (name === undefined) {
      name = { ip: null, askedMs: -Infinity, isAsking: false, waiting: [] };
      // The oldest makes room.
      if (this.#names.size >= NAMES_MAX)
        for (const oldest of [...this.#names.keys()].slice(0, 1)) this.#names.delete(oldest);
      this.#names.set(host, name);
    }
    return name;
  }

  #ask(host: string, name: Name): void {
    name.isAsking = true;
    const done = (ip: string | null): void => {
      name.isAsking = false;
      name.askedMs = this.#clock.nowMs();
      name.ip = ip;
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
