// Where managers are, when it is not written down: names with several addresses, services, and ranges of ports. Names
// are asked again while managers are missing, and now and then; the last good answer stands when nobody answers. Only
// addresses come out of here: who is there, the handshake says.

import { messageOf } from "../../base/error.ts";
import type { Log } from "../../io/log.ts";
import type { Names } from "../../io/names.ts";
import type { Address, Clock, Timer } from "../../io/world.ts";
import { addressKey } from "./dialler.ts";

/** Where to look. name: every address of it, at that port. service: hosts and ports of an SRV record. */
export type Place =
  | { readonly kind: "fixed"; readonly address: Address }
  | { readonly kind: "name"; readonly name: string; readonly port: number }
  | { readonly kind: "service"; readonly name: string }
  /** Every port from `from` to `to`, both included. */
  | { readonly kind: "range"; readonly host: string; readonly from: number; readonly to: number };

/** Names are asked again after so long, or sooner when somebody is missing, but not more often than that. */
const AGAIN_MS = 30_000;
const SOONER_MS = 3_000;
/** Most addresses that are looked at. */
export const ADDRESSES_MAX = 128;

export type DiscoveryPorts = { readonly clock: Clock; readonly log: Log; readonly names: Names };

/** The addresses of some places, kept up to date. */
export class Discovery {
  readonly #ports: DiscoveryPorts;
  readonly #places: readonly Place[];
  /** The newest answer of each place. */
  readonly #answers = new Map<Place, readonly Address[]>();
  readonly #handlers: ((addresses: readonly Address[]) => void)[] = [];
  #addresses: readonly Address[] = [];
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #failing = new Set<Place>();
  #timer: Timer | null = null;
  #isClosed = false;

  private constructor(places: readonly Place[], ports: DiscoveryPorts) {
    this.#ports = ports;
    this.#places = places;
  }

  /** Resolves after the first answers, whatever they are. */
  static async open(places: readonly Place[], ports: DiscoveryPorts): Promise<Discovery> {
    const discovery = new Discovery(places, ports);
    await discovery.#ask();
    return discovery;
  }

  /** Sorted out: each once, in the order of the places. */
  get addresses(): readonly Address[] {
    return this.#addresses;
  }

  /** Calls back when there are other addresses than before. */
  onChange(handle: (addresses: readonly Address[]) => void): void {
    this.#handlers.push(handle);
  }

  /** Somebody is missing: names are asked again soon. */
  again(): void {
    if (this.#isAsking || this.#isClosed) return;
    this.#arm(Math.max(0, this.#askedAtMs + SOONER_MS - this.#ports.clock.nowMs()));
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#isClosed || this.#places.every(({ kind }) => kind === "fixed" || kind === "range")) return;
    this.#timer = this.#ports.clock.setTimer(delayMs, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    this.#askedAtMs = this.#ports.clock.nowMs();
    await Promise.all(this.#places.map((place) => this.#askOne(place)));
    this.#isAsking = false;
    if (this.#isClosed) return;
    this.#arm(AGAIN_MS);
    const all = this.#places.flatMap((place) => this.#answers.get(place) ?? []);
    const found = [...new Map(all.map((address) => [addressKey(address), address])).values()].slice(0, ADDRESSES_MAX);
    const isSame = found.map(addressKey).join() === this.#addresses.map(addressKey).join();
    this.#addresses = found;
    if (!isSame) for (const handle of this.#handlers) handle(found);
  }

  async #askOne(place: Place): Promise<void> {
    const { names, log } = this.#ports;
    try {
      this.#answers.set(place, await addressesOf(place, names));
      if (this.#failing.delete(place)) log.info("a name is answered again", { place: placeText(place) });
    } catch (error) {
      // What was known stands: a name server that is down moves nobody.
      if (this.#failing.has(place)) return;
      this.#failing.add(place);
      log.warn("no name server answers; what was known before is used", {
        place: placeText(place),
        message: messageOf(error),
      });
    }
  }
}

async function addressesOf(place: Place, names: Names): Promise<readonly Address[]> {
  switch (place.kind) {
    case "fixed":
      return [place.address];
    case "name":
      return (await names.addresses(place.name)).map((host) => ({ host, port: place.port }));
    case "service":
      return names.services(place.name);
    case "range":
      return Array.from({ length: place.to - place.from + 1 }, (_, at) => ({
        host: place.host,
        port: place.from + at,
      }));
  }
}

/** As people write it. */
export function placeText(place: Place): string {
  switch (place.kind) {
    case "fixed":
      return `${hostText(place.address.host)}:${place.address.port}`;
    case "name":
      return `dns:${place.name}:${place.port}`;
    case "service":
      return `srv:${place.name}`;
    case "range":
      return `${hostText(place.host)}:${place.from}-${place.to}`;
  }
}

/** An IPv6 address needs brackets before a port. */
function hostText(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
