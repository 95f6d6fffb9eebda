// Managers of one cluster on simulated hosts, each with its identity, its links and its replica: what tests of
// consensus, replica and blobs share. Not a whole manager and not a test itself.

import { LIMITS, lan, type RaftLimits } from "../../src/raft/limits.ts";
import type { RaftConfig } from "../../src/raft/raft.ts";
import { messageOf } from "../../src/base/error.ts";
import type { NodeWorld } from "../../src/io/world.ts";
import { type Identity, openIdentity } from "../../src/node/identity.ts";
import { type Links, openLinks } from "../../src/node/network/links.ts";
import { prepareLog } from "../../src/node/consensus/consensus-log.ts";
import { openReplica, type Replica } from "../../src/node/consensus/replica.ts";
import { SimHost, type SimHostOptions } from "../../src/sim/host.ts";
import { Kernel } from "../../src/sim/kernel.ts";
import { Network } from "../../src/sim/network.ts";
import type { WalLimits } from "../../src/wal/format.ts";
import { type Hello, PROTOCOL_MAJOR, PROTOCOL_MINOR } from "../../src/wire/handshake.ts";

export const PORT = 9_000;
/** Small segments and what fits them: a test's logs roll, and its disks stay small. */
export const WAL: WalLimits = { segmentBytes: 524_288, framePayloadBytesMax: 300_000, recordBytesMax: 98_304 };
const SMALL: Partial<RaftLimits> = {
  commandBytesMax: 60_000,
  appendBytesMax: 61_000,
  clientsMax: 8,
  sequencesMax: 128,
};

export type Manager = {
  readonly host: SimHost;
  world: NodeWorld | null;
  identity: Identity | null;
  links: Links | null;
  replica: Replica | null;
  /** Why it could not start. */
  failure: string | null;
};

export type ManagersOptions = {
  readonly seed: number;
  readonly names?: readonly string[];
  readonly host?: SimHostOptions;
  readonly limits?: Partial<RaftLimits>;
  readonly walLimits?: WalLimits;
  /** Called when a manager's replica is open, in each of its lives. */
  readonly onOpen?: (manager: Manager, replica: Replica) => void;
};

export class Managers {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly all: Manager[] = [];
  readonly #options: ManagersOptions;

  constructor(options: ManagersOptions) {
    this.#options = options;
    this.kernel = new Kernel(options.seed);
    this.network = new Network(this.kernel);
    for (const name of options.names ?? ["m1", "m2", "m3"]) this.add(name);
  }

  /** A host whose manager knows all hosts so far and itself; started. */
  add(name: string): Manager {
    const host = new SimHost(this.network, name, { logLevel: "debug", ...this.#options.host });
    const manager: Manager = { host, world: null, identity: null, links: null, replica: null, failure: null };
    this.all.push(manager);
    host.start((world) => {
      Object.assign(manager, { world, identity: null, links: null, replica: null, failure: null });
      this.#boot(manager, world).catch((error: unknown) => {
        manager.failure = messageOf(error);
        world.process.exit(74, manager.failure);
      });
    });
    return manager;
  }

  async #boot(manager: Manager, world: NodeWorld): Promise<void> {
    const { limits, walLimits, onOpen } = this.#options;
    const { name } = manager.host;
    const identity = await openIdentity({ world, directory: "/data", role: "manager", environment: "test" });
    const links = await openLinks({
      world,
      listen: { host: name, port: PORT },
      hello: () => helloOf(name, identity, "manager", manager.replica?.cluster ?? null),
    });
    manager.identity = identity;
    manager.links = links;
    const config = (self: string): RaftConfig => ({ ...lan(self), limits: { ...LIMITS, ...SMALL, ...limits } });
    const replica = await openReplica({
      world,
      log: prepareLog({ world, directory: "/data/consensus", limits: walLimits ?? WAL }),
      identity,
      links,
      peers: this.all.map(({ host }) => ({ host: host.name, port: PORT })),
      config,
    });
    manager.replica = replica;
    onOpen?.(manager, replica);
  }

  manager(name: string): Manager {
    const manager = this.all.find(({ host }) => host.name === name);
    if (manager === undefined) throw new Error(`there is no ${name}`);
    return manager;
  }

  /** Those that run and believe to lead with a quorum. */
  leaders(): Manager[] {
    return this.all.filter(({ host, replica }) => host.isRunning && replica?.consensus.view().hasQuorum === true);
  }

  leader(): Manager {
    const [leader] = this.leaders();
    if (leader === undefined) throw new Error("nobody leads");
    return leader;
  }

  follower(): Manager {
    const manager = this.all.find(
      ({ host, replica }) => host.isRunning && replica !== null && replica.consensus.view().role === "follower",
    );
    if (manager === undefined) throw new Error("nobody follows");
    return manager;
  }

  /** Runs until it holds, looked at every ms. Throws after `limitMs` of virtual time. */
  until(what: string, condition: () => boolean, limitMs = 30_000): void {
    const untilMs = this.kernel.nowMs + limitMs;
    // What was started again in this moment is begun first: until then a manager is that of its former life.
    for (this.run(0); this.kernel.nowMs < untilMs; this.run(1)) if (condition()) return;
    const views = this.all.map(({ host, replica, failure }) => {
      const view = replica?.consensus.view();
      const log = host.logLines.slice(-8).join("\n  ");
      return `${host.name} ${view?.role} ${view?.standing} term ${view?.term} commit ${view?.commit} ${failure ?? ""}\n  ${log}`;
    });
    throw new Error(`not within ${limitMs} ms: ${what}\n${views.join("\n")}`);
  }

  run(forMs: number): void {
    this.kernel.run(this.kernel.nowMs + forMs);
  }

  /** All running managers have a leader and have applied the same. */
  untilSettled(): void {
    this.until("one leader, and all have applied the same", () => {
      const running = this.all.filter(({ host }) => host.isRunning);
      const applied = new Set(running.map(({ replica }) => replica?.consensus.applied));
      const commits = new Set(running.map(({ replica }) => replica?.consensus.view().commit));
      return this.leaders().length === 1 && applied.size === 1 && commits.size === 1 && !applied.has(undefined);
    });
  }
}

export function helloOf(name: string, identity: Identity, role: Hello["role"], cluster: string | null = null): Hello {
  return {
    cluster,
    environment: "test",
    role,
    node: identity.node,
    boot: identity.bootId,
    address: { host: name, udp: PORT + 1, tcp: PORT },
    major: PROTOCOL_MAJOR,
    minor: PROTOCOL_MINOR,
    features: [],
  };
}
