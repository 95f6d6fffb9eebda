// What managers and workers have in common: a data folder with an identity, a place on the network, links, and a seat
// in the membership of their pool.

import { messageOf } from "../base/error.ts";
import { within } from "../io/files.ts";
import type { Address, NodeWorld } from "../io/world.ts";
import { DATAGRAM_BYTES_MAX } from "../swim/config.ts";
import { lan, local, type Pool, type SwimConfig, wan } from "../swim/swim.ts";
import { type Hello, PROTOCOL_MAJOR, PROTOCOL_MINOR } from "../wire/handshake.ts";
import { type Identity, openIdentity, raiseBoot } from "./identity.ts";
import { addressKey } from "./network/dialler.ts";
import type { Discovery } from "./network/discovery.ts";
import { type Links, openLinks } from "./network/links.ts";
import { type Membership, openMembership } from "./network/membership.ts";
import type { Standing } from "./status.ts";

/** Where a node is: streams on `tcp`, datagrams on `udp`. A port of 0 when listening: any free one. */
export type NodeAddress = { readonly host: string; readonly tcp: number; readonly udp: number };

/** Timers for one machine, one datacenter, or several. */
export type Profile = "local" | "lan" | "wan";

export type StationOptions = {
  readonly world: NodeWorld;
  readonly role: "manager" | "worker";
  /** Absolute path of the data folder. */
  readonly data: string;
  readonly environment: string;
  readonly listen: NodeAddress;
  /** The host that others dial; left out: the one listened on. */
  readonly advertise?: string;
  /** Managers as configured. */
  readonly managers: readonly NodeAddress[];
  /** Managers that are looked for. */
  readonly discovery?: Discovery;
  /** Name of the datacenter, for people. */
  readonly dc?: string;
  readonly profile: Profile;
  /** The cluster this node belongs to, once it knows. */
  readonly cluster: () => string | null;
  /** The id that its credentials are for; null: its folder's. */
  readonly pinned: string | null;
  /** The data folder is this node's, and its parts may be opened. */
  readonly checked?: () => void;
};

export type Station = {
  readonly identity: Identity;
  readonly environment: string;
  readonly dc: string | null;
  /** Held: whoever opened the station begins them once all that listens is there. */
  readonly links: Links;
  readonly membership: Membership;
  readonly address: NodeAddress;
  /** Says goodbye, then closes. */
  leave(): Promise<void>;
  /** Closes without a word. Idempotent. */
  close(): void;
};

/** Throws `storage` for the folder and NetError for the ports. */
export async function openStation(options: StationOptions): Promise<Station> {
  const { world, role, data, environment, listen, profile, managers, advertise = listen.host } = options;
  const identity = await openIdentity({
    ...{ world, directory: data, role, environment, pinned: options.pinned },
    ...(options.checked === undefined ? {} : { checked: options.checked }),
  });
  const socket = await world.datagrams.bind({ host: listen.host, port: listen.udp }, identity);
  const udp = socket.address.port;
  const hello = (listening: Address): Hello => ({
    cluster: options.cluster(),
    environment,
    role,
    node: identity.node,
    boot: identity.bootId,
    address: { host: advertise, udp, tcp: listening.port },
    major: PROTOCOL_MAJOR,
    minor: PROTOCOL_MINOR,
    features: [],
    ...(options.dc === undefined ? {} : { dc: options.dc }),
  });
  const links = await openLinks({
    ...{ world, listen: { host: listen.host, port: listen.tcp }, hello },
    isHeld: true,
  }).catch((error: unknown) => {
    socket.close();
    throw error;
  });
  const address = { host: advertise, udp, tcp: links.address.port };
  const seeds = managers.filter(({ host, tcp }) => host !== address.host || tcp !== address.tcp);
  const config = {
    ...swimConfig(profile, { label: environment, seeds }),
    datagramBytesMax: DATAGRAM_BYTES_MAX - socket.overheadBytes,
  };
  let raising = Promise.resolve();
  const raised = (boot: number): void => {
    raising = raising
      .then(() => raiseBoot(world, data, boot))
      .catch((error: unknown) => world.log.warn("its count of starts is not kept", { message: messageOf(error) }));
  };
  const membership = openMembership({ world, identity, role, socket, address, links, config, raised });
  const close = (): void => {
    options.discovery?.close();
    membership.close();
    links.close();
  };
  if (options.discovery !== undefined) seek(options.discovery, links, membership);
  return {
    identity,
    environment,
    dc: options.dc ?? null,
    links,
    membership,
    address,
    close,
    leave: async () => {
      await membership.leave();
      close();
      await raising;
    },
  };
}

/** Keeps links to whoever is found. Who answers is a member from then on; names are asked again when one goes. */
function seek(discovery: Discovery, links: Links, membership: Membership): void {
  let wanted: readonly Address[] = [];
  const look = (found: readonly Address[]): void => {
    const keys = new Set(found.map(addressKey));
    for (const address of wanted) if (!keys.has(addressKey(address))) links.unwant(address);
    for (const address of found) links.want(address);
    wanted = found;
  };
  links.onUp(({ role, address }) => {
    if (role !== "client") membership.seek(address);
  });
  links.onDown(({ role }) => {
    if (role === "manager") discovery.again();
  });
  links.onRefused(() => discovery.again());
  discovery.onChange(look);
  look(discovery.addresses);
}

/** What a node of any role knows of the cluster. */
export function standingOf({ identity, address, environment, dc, membership, links }: Station): Standing {
  return {
    dc,
    node: identity.node,
    boot: identity.bootId,
    address,
    environment,
    swim: membership.view(),
    linked: links.peers().map(({ node }) => node),
  };
}

/** A part of a node's data folder. */
export function partOf(data: string, name: string): string {
  return within(data, name);
}

/** The stream address of a node. */
export function streamsAt({ host, tcp }: NodeAddress): Address {
  return { host, port: tcp };
}

function swimConfig(profile: Profile, pool: Pool): SwimConfig {
  switch (profile) {
    case "local":
      return local(pool);
    case "lan":
      return lan(pool);
    case "wan":
      return wan(pool);
  }
}
