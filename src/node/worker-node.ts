// A worker of a cluster, put together: its cores (worker.ts), its standing among the managers (tenant.ts), membership,
// links, and the submissions it fetches.

import { addressText } from "../base/address.ts";
import type { NodeWorld } from "../io/world.ts";
import type { Labels } from "../base/labels.ts";
import { type Blobs, createBlobs, createMemoryStore } from "./blobs/blobs.ts";
import { unreadable } from "./client-messages.ts";
import { withShareEvents } from "./event-log.ts";
import type { Discovery } from "./network/discovery.ts";
import type { Membership } from "./network/membership.ts";
import type { CoreRequest, WorkerReport } from "./messages.ts";
import { type NodeAddress, openStation, type Profile, standingOf, type Station, streamsAt } from "./station.ts";
import { type NodeStatus, workerStatus } from "./status.ts";
import { createStreamPair } from "./stream.ts";
import { type Submission, unpackSubmission } from "./submission.ts";
import { Tenant } from "./worker/tenant.ts";
import { createWorker, type EngineWorld } from "./worker/worker.ts";

/** Submissions kept for the next share of their job; the one used longest ago goes first. */
const SUBMISSIONS_MAX = 8;
const FETCH_MS = 10_000;
/** A worker that stops waits so long for what it handed back to be committed. */
const DRAIN_MS = 10_000;

export type WorkerNodeOptions = {
  readonly world: NodeWorld & EngineWorld;
  /** Absolute path of its data folder. */
  readonly data: string;
  readonly environment?: string;
  readonly listen: NodeAddress;
  readonly advertise?: string;
  readonly managers: readonly NodeAddress[];
  /** Managers that are looked for, beside those. */
  readonly discovery?: Discovery;
  /** Name of its datacenter, for people. */
  readonly dc?: string;
  readonly profile: Profile;
  readonly cores: number;
  readonly labels?: Labels;
  /** Bytes this process may hold; null: 80 % of the machine's or cgroup's memory. */
  readonly memoryMaxBytes?: number | null;
  /** The id that its credentials are for; left out or null: its folder's. */
  readonly pinned?: string | null;
};

export type WorkerView = {
  readonly node: string;
  readonly boot: string;
  readonly address: NodeAddress;
  readonly held: Tenant["held"];
};

export type WorkerNode = {
  readonly address: NodeAddress;
  /** Hands its work back, says goodbye, closes. Idempotent. */
  stop(): Promise<void>;
  view(): WorkerView;
  /** What it knows of the cluster, and runs. */
  status(): NodeStatus;
  /** To look at only: for checkers. */
  readonly membership: Membership;
};

/** Joins the managers it can reach, and goes on looking for the others. Throws `storage`, NetError for its ports. */
export async function startWorker(options: WorkerNodeOptions): Promise<WorkerNode> {
  const { world, data, managers, profile, cores, labels = {}, environment = "default" } = options;
  let station: Station | null = null;
  const opened = await openStation({
    world,
    role: "worker",
    data,
    environment,
    listen: options.listen,
    managers,
    profile,
    ...(options.discovery === undefined ? {} : { discovery: options.discovery }),
    ...(options.dc === undefined ? {} : { dc: options.dc }),
    cluster: () => (station === null ? null : clusterOf(station)),
    pinned: options.pinned ?? null,
    ...(options.advertise === undefined ? {} : { advertise: options.advertise }),
  });
  station = opened;
  const { links, identity } = opened;
  const unanswered = new Map<string, string>();
  links.onRefused((address, _failure, _node, why) => {
    unanswered.set(addressText({ host: address.host, tcp: address.port }), why);
  });
  const status = (): NodeStatus => statusOf(opened, tenant, unanswered);
  const [toCores, fromCores] = createStreamPair<CoreRequest, WorkerReport>();
  const worker = createWorker({
    world,
    manager: fromCores,
    cores,
    memoryMaxBytes: options.memoryMaxBytes ?? null,
  });
  const blobs = createBlobs({ world, self: identity.node, store: createMemoryStore(), links, voters: () => [] });
  const submissions = new Submissions(blobs);
  const tenant = new Tenant({
    clock: world.clock,
    cores: withShareEvents(toCores, { worker: identity.node, clock: world.clock, log: world.log }),
    coreCount: cores,
    boot: identity.bootId,
    labels,
    say: (manager, message) => void links.send(manager, { kind: "fromWorker", body: message }),
    stream: (manager, part) => {
      // One that still waits is replaced: the newer holds all of it.
      const { token } = part.cut.attempt;
      links.send(manager, { kind: "snapshot", body: part }, { key: `${token} ${part.part}` });
    },
    managers: () => links.peers().flatMap(({ node, role }) => (role === "manager" ? [node] : [])),
    submission: (digest) => submissions.get(digest),
    warn: (text) => world.log.warn(text),
  });
  links.onMessage((from, message) => {
    if (from.role === "manager" && message.kind === "toWorker") tenant.hear(from, message.body);
    if (from.role === "client" && message.kind === "toDesk" && message.body.kind === "status")
      links.send(from.node, {
        kind: "fromDesk",
        body: { kind: "status", ask: message.body.ask, status: status() },
      });
  });
  links.onMisread((from, misread) => {
    const answer = unreadable(from, misread);
    if (answer !== null) links.send(from.node, { kind: "fromDesk", body: answer });
  });
  links.onUp((peer) => {
    if (peer.role !== "manager") return;
    unanswered.clear();
    // Greeted while this node was of no cluster yet, and another manager was quicker; the next greeting is refused.
    if (peer.cluster !== null && peer.cluster !== clusterOf(opened)) return links.drop(peer.node);
    tenant.renewWith(peer.node);
  });
  for (const address of managers.map(streamsAt)) links.want(address);
  links.begin();
  const close = (): void => {
    tenant.close();
    toCores.close();
    worker.close();
    blobs.close();
  };
  return node(world, opened, { tenant, status, close });
}

/**
 * The cluster it works for: that of the manager it is linked to for longest; null while there is none. Two would give
 * work to the same cores, under tokens that mean something else to each.
 */
function clusterOf({ links }: Station): string | null {
  return links.peers().find(({ role, cluster }) => role === "manager" && cluster !== null)?.cluster ?? null;
}

type Parts = { readonly tenant: Tenant; readonly status: () => NodeStatus; readonly close: () => void };

function node(world: NodeWorld, station: Station, { tenant, status, close }: Parts): WorkerNode {
  const { identity, address } = station;
  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    const timer = world.clock.setTimer(DRAIN_MS, () => tenant.close());
    await tenant.drain();
    timer.cancel();
    close();
    await station.leave();
  };
  return {
    address,
    stop: () => (stopped ??= stop()),
    view: () => ({ node: identity.node, boot: identity.bootId, address, held: tenant.held }),
    status,
    membership: station.membership,
  };
}

/** In: what came of the last try at each address since a manager was linked. */
function statusOf(station: Station, tenant: Tenant, unanswered: ReadonlyMap<string, string>): NodeStatus {
  const shares = tenant.held.map(({ attempt, state }) => ({ ...attempt, state }));
  const isAlone = !station.links.peers().some(({ role }) => role === "manager");
  const tried = [...unanswered].map(([place, why]) => `${place} (${why})`).sort();
  const problem = isAlone && tried.length > 0 ? `no manager answers: ${tried.join(", ")}` : null;
  return workerStatus(standingOf(station), { shares, pressure: tenant.pressure, problem });
}

/** Submissions by digest, fetched once. */
class Submissions {
  readonly #blobs: Blobs;
  readonly #held = new Map<string, Promise<Submission>>();

  constructor(blobs: Blobs) {
    this.#blobs = blobs;
  }

  get(digest: string): Promise<Submission> {
    const known = this.#held.get(digest);
    const submission = known ?? this.#fetch(digest);
    this.#held.delete(digest);
    this.#held.set(digest, submission);
    const [oldest] = this.#held.keys();
    if (this.#held.size > SUBMISSIONS_MAX && oldest !== undefined) this.#held.delete(oldest);
    submission.catch(() => {
      if (this.#held.get(digest) === submission) this.#held.delete(digest);
    });
    return submission;
  }

  async #fetch(digest: string): Promise<Submission> {
    const read = unpackSubmission(await this.#blobs.pull(digest, { timeoutMs: FETCH_MS }));
    // Read once, its bytes are not needed any more.
    await this.#blobs.collect(new Set());
    if (read.submission === null) throw new Error(read.message);
    return read.submission;
  }
}
