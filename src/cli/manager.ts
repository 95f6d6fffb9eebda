// `manager` from its settings to its exit code.

import { addressText } from "../base/address.ts";
import { isLoopback } from "../io/security/bind-problem.ts";
import { createValueCipher } from "../io/security/value-cipher.ts";
import { SUBMIT_RATE, type SubmitRate } from "../node/admission.ts";
import { startManager } from "../node/manager.ts";
import { sealedValues } from "../node/stored-values.ts";
import { placeText } from "../node/network/discovery.ts";
import type { NodeAddress } from "../node/station.ts";
import { plural } from "../tui/node-lines.ts";
import { addressesOf } from "./addresses.ts";
import type { Invocation } from "./command.ts";
import { openGiven } from "./credentials.ts";
import { nodeSettings, type NodeSettings } from "./node-settings.ts";
import { listeningText, runNode } from "./node-process.ts";
import { openDiscovery, type Places, placesOf, placesText } from "./places.ts";
import { countOf, rateOf, refuse } from "./values.ts";

/** Most managers of a cluster: more only make every commit slower. */
const MANAGERS_MAX = 15;

/** Runs a manager until it is told to stop. Throws `invalid` and `storage`. */
export async function manager(invocation: Invocation): Promise<number> {
  const node = nodeSettings(invocation, "manager");
  const places = placesOf(invocation.settings.all("peers"));
  const expect = expectOf(invocation, places);
  const peers = places.sought.length > 0 ? [] : peersOf(invocation, node);
  const submitRate = submitRateOf(invocation);
  const world = await invocation.openWorld();
  const { given, listen } = node;
  const epochMs = world.clock.epochMs();
  const credentials = await openGiven(invocation, { given, role: "manager", host: listen.host, epochMs });
  const values = sealedValues(createValueCipher(credentials.valueKeys, world.random));
  return runNode(invocation, {
    world,
    credentials,
    role: "manager",
    data: node.data,
    listen: node.listen,
    start: async (secured) => {
      const discovery = await openDiscovery(invocation.settings, places, secured);
      return startManager({
        world: secured,
        peers,
        ...(discovery === null ? {} : { discovery }),
        ...(expect === null ? {} : { expect }),
        values,
        submitRate,
        pinned: credentials.identity.node,
        ...node,
      });
    },
    greeting: (running) => [
      `manager ${running.status().node.id} ${listeningText(running.address, node.listen.host)}, data in ${node.data}`,
      places.sought.length > 0
        ? `it looks for managers at ${placesText(places)} and forms a cluster of ${expect}`
        : peers.length === 0
          ? "it has no peers: a cluster of one, which is gone when this machine is"
          : `it knows ${plural(peers.length, "manager")}: ${peers.map(addressText).join(", ")}`,
    ],
  });
}

/** All managers as configured, this one among them; none for a cluster of one. Throws `invalid`. */
function peersOf({ settings }: Invocation, { listen, advertise }: NodeSettings): readonly NodeAddress[] {
  const given = settings.all("peers");
  const peers = addressesOf(given);
  const [first] = given;
  if (first === undefined || peers.length === 0) return [];
  const whole = { text: given.map(({ text }) => text).join(","), source: first.source };
  if (peers.length > MANAGERS_MAX)
    return refuse(whole, `names ${peers.length} managers`, `a cluster has ${MANAGERS_MAX} at most; 3 or 5 are usual`);
  const self = { host: advertise ?? listen.host, tcp: listen.tcp };
  const own = peers.find(({ host, tcp }) => tcp === self.tcp && isSameHost(host, self.host, listen.host));
  if (own === undefined)
    return refuse(
      whole,
      `does not name this manager, which is at ${addressText(self)}`,
      `give every manager the same list, with all of them in it: ${[self, ...peers].map(addressText).join(",")}`,
    );
  if (own.udp !== listen.udp)
    return refuse(
      whole,
      `names this manager with UDP port ${own.udp}, and it listens at ${listen.udp}`,
      `write ${addressText(own)}/${listen.udp} in the list of every manager, or leave --udp out`,
    );
  return peers;
}

/**
 * How many managers form the cluster, where they are looked for: while some are not there yet, what is found is no list
 * of them. Throws `invalid`.
 */
function expectOf({ settings }: Invocation, { sought }: Places): number | null {
  const given = settings.one("expect");
  const [first] = settings.all("peers");
  if (given === null && sought.length > 0 && first !== undefined)
    return refuse(
      { text: sought.map(placeText).join(","), source: first.source },
      "does not say how many managers there are",
      "give --expect too: the cluster is formed once so many are found, this one among them: --expect 3",
    );
  if (given === null) return null;
  if (sought.length === 0)
    return refuse(given, "is for managers that are looked for", "managers that are listed in --peers are counted");
  const expect = countOf(given, 1);
  return expect <= MANAGERS_MAX ? expect : refuse(given, "is too many", `a cluster has ${MANAGERS_MAX} at most`);
}

/** Submits a second; null: any number. Throws `invalid`. */
function submitRateOf({ settings }: Invocation): SubmitRate {
  const given = settings.one("submit-rate");
  if (given === null) return SUBMIT_RATE;
  if (given.text === "off") return null;
  const { rate, timeUnitMs } = rateOf(given);
  return (rate * 1_000) / timeUnitMs;
}

function isSameHost(host: string, own: string, listened: string): boolean {
  return host === own || host === listened || (isLoopback(host) && isLoopback(own) && host === "localhost");
}
