// A manager of a cluster, put together: consensus and the ledger over it, blobs, membership, links; the jobs it owns,
// its side of the workers, its desk for clients, and its duties while it leads. Each part is in a file of its own.

import { assert } from "../base/assert.ts";
import { messageOf } from "../base/error.ts";
import { seedOf } from "../base/prng.ts";
import type { Address, NodeWorld, Timer } from "../io/world.ts";
import { OWNED_MAX } from "../ledger/duties.ts";
import type { LedgerState } from "../ledger/job.ts";
import { lastIndex } from "../raft/log.ts";
import { lan, type RaftConfig, type RaftView, wan } from "../raft/raft.ts";
import { membershipOf } from "../raft/state.ts";
import type { SwimView } from "../swim/swim.ts";
import type { WalLimits } from "../wal/format.ts";
import { type Blobs, createBlobs } from "./blobs/blobs.ts";
import { openBlobStore } from "./blobs/blob-store.ts";
import { fetchMissing } from "./blobs/mending.ts";
import { Admission, SUBMIT_RATE, type SubmitRate } from "./admission.ts";
import { Desk } from "./desk.ts";
import { logLedger } from "./event-log.ts";
import { JobRates } from "./job-rates.ts";
import { Leader } from "./leader.ts";
import { PeerCircuits } from "./network/circuits.ts";
import type { NodeId } from "./network/links.ts";
import { handOverJobs, hearOutWorkers } from "./owner/hand-over.ts";
import { Owner } from "./owner/owner.ts";
import { PeerChanges } from "./consensus/peer-changes.ts";
import { type PreparedLog, prepareLog } from "./consensus/consensus-log.ts";
import { openReplica, type Replica } from "./consensus/replica.ts";
import { Removal } from "./consensus/removal.ts";
import { expectProblem, standingProblem } from "./consensus/standing-problem.ts";
import { addressKey } from "./network/dialler.ts";
import type { Discovery } from "./network/discovery.ts";
import { Neighbours } from "./network/neighbours.ts";
import { type NodeAddress, openStation, partOf, type Profile, standingOf, type Station, streamsAt } from "./station.ts";
import { ManagerPressure } from "./pressure.ts";
import { managerStatus, type NodeStatus } from "./status.ts";
import type { StoredValues } from "./stored-values.ts";
import { createBlobVault, reachable } from "./owner/vault.ts";
import { WorkerHall } from "./owner/worker-hall.ts";

/** How often attempts report, how often a job shows itself, and how far ahead a start is set. */
const REPORT_MS = 1_000;
const VIEW_MS = 500;
const START_LEAD_MS = 250;
/** How often blobs that nothing names are looked for. */
const COLLECT_MS = 60_000;
/** What is applied so long after this node was up to date is no news. */
const FRESH_MS = 5_000;
/** How often the managers that count are compared with those that are linked. */
const NEIGHBOURS_MS = 500;
/** A leader that stops hands over, if it can, within so long, and an owner its jobs. */
const TRANSFER_MS = 1_500;
/** As long as a worker takes to stop at most (worker-node.ts). */
const WORKERS_MS = 10_000;
/** A leader that heard a quorum and has applied all of it within so long still leads. */
const LEADING_MS = 1_000;

export type ManagerOptions = {
  readonly world: NodeWorld;
  /** Absolute path of its data folder. */
  readonly data: string;
  readonly environment?: string;
  readonly listen: NodeAddress;
  /** The host that others dial; left out: the one listened on. */
  readonly advertise?: string;
  /** All managers of the cluster, this one may be among them. */
  readonly peers: readonly NodeAddress[];
  /** Managers that are looked for, beside those. */
  readonly discovery?: Discovery;
  /** How many managers form the cluster, this one among them; left out: those of `peers`. */
  readonly expect?: number;
  /** Name of its datacenter, for people. */
  readonly dc?: string;
  readonly profile: Profile;
  readonly walLimits?: WalLimits;
  /** How what must not be in clear stands on disks and in the ledger. */
  readonly values: StoredValues;
  /** Submits a second that one client may make; null: any number; left out: SUBMIT_RATE. */
  readonly submitRate?: SubmitRate;
  /** The id that its credentials are for; left out or null: its folder's. */
  readonly pinned?: string | null;
  /** Left out: the profile's. */
  readonly raftConfig?: (self: NodeId) => RaftConfig;
};

/** What a manager is made of, to look at only: for checkers. */
export type ManagerParts = { readonly replica: Replica } & Pick<Station, "links" | "membership">;

export type ManagerView = {
  readonly node: string;
  readonly boot: string;
  readonly address: NodeAddress;
  readonly raft: RaftView;
  readonly swim: SwimView;
  readonly ledger: LedgerState;
  readonly applied: number;
  /** Jobs it owns: `isReady` once it knows what came before. */
  readonly owned: readonly { readonly job: string; readonly ownerToken: number; readonly isReady: boolean }[];
};

export type Manager = {
  readonly address: NodeAddress;
  /** Hands over what it leads, says goodbye, closes. Idempotent. */
  stop(): Promise<void>;
  view(): ManagerView;
  /** What it knows of the cluster. */
  status(): NodeStatus;
  readonly parts: ManagerParts;
};

/** Goes on from its data folder. Throws `storage`, and NetError when a port cannot be bound. */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const { world, data, peers, profile, environment = "default" } = options;
  let replica: Replica | null = null;
  const limits = options.walLimits === undefined ? {} : { limits: options.walLimits };
  const prepared: { log: PreparedLog | null } = { log: null };
  const opening = openStation({
    world,
    role: "manager",
    data,
    environment,
    listen: options.listen,
    managers: peers,
    profile,
    ...(options.discovery === undefined ? {} : { discovery: options.discovery }),
    ...(options.dc === undefined ? {} : { dc: options.dc }),
    cluster: () => replica?.cluster ?? null,
    pinned: options.pinned ?? null,
    ...(options.advertise === undefined ? {} : { advertise: options.advertise }),
    // A new log is the longest part of a start on an empty folder: 16 MiB of zeros, synced.
    checked: () => {
      prepared.log = prepareLog({ world, directory: partOf(data, "log"), ...limits });
    },
  });
  const station = await opening.catch(async (error: unknown) => {
    await closeLog(prepared.log);
    throw error;
  });
  try {
    const store = await openBlobStore({ disk: world.disk, directory: partOf(data, "blobs"), values: options.values });
    store.reseal().then(
      (count) => {
        if (count > 0) world.log.info("blobs are under the key in use now", { blobs: count });
      },
      (error: unknown) => world.log.warn("blobs could not be sealed anew", { message: messageOf(error) }),
    );
    const circuits = new PeerCircuits(world.clock, seedOf(world.random.bytes(4)));
    assert(prepared.log !== null, "a station's folder is checked before it opens");
    const opened = await openReplica({
      world,
      circuits,
      log: prepared.log,
      identity: station.identity,
      links: station.links,
      peers: peers.map(streamsAt),
      ...(options.expect === undefined ? {} : { expect: options.expect }),
      config: options.raftConfig ?? (profile === "wan" ? wan : lan),
    });
    replica = opened;
    circuits.follow(station.links);
    const blobs = createBlobs({
      circuits,
      world,
      self: station.identity.node,
      store,
      links: station.links,
      voters: () => membershipOf(opened.consensus.raft)?.voters ?? [],
    });
    const manager = new ManagerNode({
      world,
      station,
      replica: opened,
      blobs,
      peers: peers.map(streamsAt),
      expect: options.expect ?? null,
      values: options.values,
      circuits,
      submitRate: options.submitRate === undefined ? SUBMIT_RATE : options.submitRate,
    });
    station.links.begin();
    return manager;
  } catch (error) {
    station.close();
    await replica?.stop();
    await closeLog(prepared.log);
    throw error;
  }
}

/** Lets go of a log that nobody goes on with. */
async function closeLog(log: PreparedLog | null): Promise<void> {
  await log?.opened
    .then(({ wal }) => wal.close())
    .catch(() => {
      // Why the node does not start is said already.
    });
}

type ManagerMade = {
  readonly world: NodeWorld;
  readonly station: Station;
  readonly replica: Replica;
  readonly blobs: Blobs;
  readonly peers: readonly Address[];
  readonly expect: number | null;
  readonly values: StoredValues;
  readonly submitRate: SubmitRate;
  readonly circuits: PeerCircuits;
};

class ManagerNode implements Manager {
  readonly #world: NodeWorld;
  readonly #station: Station;
  readonly #replica: Replica;
  readonly #blobs: Blobs;
  readonly #owner: Owner;
  readonly #hall: WorkerHall;
  readonly #admission: Admission;
  readonly #pressure: ManagerPressure;
  readonly #circuits: PeerCircuits;
  readonly #desk: Desk;
  readonly #leader: Leader;
  readonly #changes: PeerChanges;
  readonly #removal: Removal;
  readonly #rates: JobRates;
  readonly #neighbours: Neighbours;
  readonly #peers: readonly Address[];
  readonly #expect: number | null;
  #collectTimer: Timer | null = null;
  #neighbourTimer: Timer | null = null;
  #isVoter = false;
  #isMending = false;
  #stopped: Promise<void> | null = null;

  constructor({ world, station, replica, blobs, peers, expect, values, submitRate, circuits }: ManagerMade) {
    const { clock } = world;
    const { links, membership, identity } = station;
    this.#world = world;
    this.#station = station;
    this.#replica = replica;
    this.#blobs = blobs;
    const { consensus } = replica;
    this.#peers = peers;
    const isFresh = (): boolean => clock.nowMs() - consensus.contact().caughtUpAtMs < FRESH_MS;
    logLedger(replica, { node: identity.node, boot: identity.bootId, clock, log: world.log, isFresh });
    this.#expect = expect;
    this.#rates = new JobRates(clock, links, (job) => replica.state.jobs.get(job)?.owner?.node ?? null);
    this.#neighbours = new Neighbours(links, peers);
    this.#changes = new PeerChanges({ clock, self: identity.node, links, consensus });
    this.#removal = new Removal({ clock, links, view: () => consensus.view() });
    this.#circuits = circuits;
    this.#admission = new Admission({ clock, seed: seedOf(world.random.bytes(4)), submitRate });
    this.#pressure = new ManagerPressure({
      clock,
      overload: () => this.#admission.view().level,
      queued: () => Math.max(0, lastIndex(consensus.raft.log) - consensus.applied),
    });
    const desk = new Desk({
      clock,
      admission: this.#admission,
      hasCaughtUp: () => Number.isFinite(consensus.contact().caughtUpAtMs),
      node: identity.node,
      ledger: replica,
      links,
      blobs,
      status: () => this.status(),
      change: (change, since) => this.#changes.ask(change, since),
      problem: () => (this.#isVoter ? null : this.#problem(consensus.view())),
    });
    const owner = new Owner({
      node: identity.node,
      boot: identity.bootId,
      clock,
      ledger: replica,
      vault: createBlobVault(blobs, values),
      order: (worker, job, request) => this.#hall.order(worker, job, request),
      tell: (job, event) => {
        if (event.kind === "view") this.#rates.note(job, event.view);
        desk.tell(job, event);
      },
      caughtUpAtMs: () => consensus.contact().caughtUpAtMs,
      finished: () => {},
      note: (event, fields) => world.log.warn(event, fields),
      reportMs: REPORT_MS,
      viewMs: VIEW_MS,
      startLeadMs: START_LEAD_MS,
      doesCheckpoint: true,
    });
    this.#desk = desk;
    this.#owner = owner;
    this.#hall = new WorkerHall({
      clock,
      ledger: replica,
      owner,
      applied: () => replica.consensus.applied,
      caughtUpAtMs: () => replica.consensus.contact().caughtUpAtMs,
      say: (worker, message) => void links.send(worker, { kind: "toWorker", body: message }),
      bootOf: (worker) => links.peer(worker)?.boot ?? null,
      pressure: () => this.#pressure.level(),
    });
    this.#leader = new Leader({
      clock,
      ledger: replica,
      node: identity.node,
      boot: identity.bootId,
      isLeading: () => {
        const { isLeader, caughtUpAtMs } = replica.consensus.contact();
        return isLeader && clock.nowMs() - caughtUpAtMs < LEADING_MS;
      },
      voters: () => membershipOf(replica.consensus.raft)?.voters ?? [],
      membership: () => membership.view(),
      bootOf: (node) => links.peer(node)?.boot ?? null,
      present: () => this.#hall.present,
      knock: ({ id, address }, failed) =>
        links.sendTo(streamsAt(address), id, { kind: "toWorker", body: { kind: "sealed", attempts: [] } }, failed),
    });
    this.#listen();
    owner.look();
    this.#armCollect();
    this.#armNeighbours();
  }

  get parts(): ManagerParts {
    const { links, membership } = this.#station;
    return { replica: this.#replica, links, membership };
  }

  get address(): NodeAddress {
    return this.#station.address;
  }

  view(): ManagerView {
    const { identity, membership, address } = this.#station;
    const { consensus, state } = this.#replica;
    return {
      node: identity.node,
      boot: identity.bootId,
      address,
      raft: consensus.view(),
      swim: membership.view(),
      ledger: state,
      applied: consensus.applied,
      owned: [...this.#owner.owned].map(({ id, token, course }) => ({
        job: id,
        ownerToken: token,
        isReady: course !== null,
      })),
    };
  }

  status(): NodeStatus {
    const { consensus, state } = this.#replica;
    const raft = consensus.view();
    return managerStatus(standingOf(this.#station), {
      circuits: this.#circuits.view(),
      pressure: this.#pressure.level(),
      answers: consensus.contact().answers.read(),
      rateOf: (job) => this.#rates.of(job),
      raft: this.#removal.known(raft),
      ledger: state,
      problem: this.#problem(raft),
      isDiskFull: consensus.isDiskFull || this.#blobs.isDiskFull,
    });
  }

  #problem(view: RaftView): string | null {
    const { links, address: own } = this.#station;
    const others = this.#peers.filter(({ host, port }) => host !== own.host || port !== own.tcp);
    const silent = others.filter((address) => links.nodeAt(address) === null).map(addressKey);
    const managers = links.peers().filter(({ role }) => role === "manager");
    const mismatch = expectProblem(managers.length + 1, this.#expect);
    return standingProblem({ view, peers: managers, silent, mismatch, removed: this.#removal.of(view) });
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await hearOutWorkers({ clock: this.#world.clock, hall: this.#hall }, WORKERS_MS);
    await this.#handOver();
    const { clock } = this.#world;
    const handOver = { clock, ledger: this.#replica, owner: this.#owner, successors: () => this.#successors() };
    await handOverJobs(handOver, TRANSFER_MS);
    // It may have been elected meanwhile, when the leader died.
    await this.#handOver();
    this.#collectTimer?.cancel();
    this.#neighbourTimer?.cancel();
    this.#leader.close();
    this.#hall.close();
    this.#owner.close();
    this.#desk.close();
    this.#admission.close();
    this.#changes.close();
    this.#rates.close();
    await this.#station.leave();
    this.#blobs.close();
    await this.#replica.stop();
  }

  /** Managers of the quorum that are linked, and of which nobody says that they left. */
  #successors(): readonly { readonly node: string; readonly boot: string }[] {
    const { links, membership, identity } = this.#station;
    const gone = new Set(membership.view().members.flatMap(({ id, status }) => (status === "left" ? [id] : [])));
    const voters = this.#replica.consensus.view().membership?.voters ?? [];
    return voters.flatMap((node) => {
      const boot = node === identity.node || gone.has(node) ? undefined : links.peer(node)?.boot;
      return boot === undefined ? [] : [{ node, boot }];
    });
  }

  /** Where it leads, another leads on without an election, if there is one to. */
  async #handOver(): Promise<void> {
    if (!this.#replica.consensus.contact().isLeader) return;
    const { clock } = this.#world;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.setTimer(TRANSFER_MS, resolve);
    const done = (): void => resolve();
    this.#replica.consensus.transfer(null).then(done, done);
    await promise;
    timer.cancel();
  }

  #listen(): void {
    const { links, membership } = this.#station;
    const look = (): void => this.#leader.look();
    links.onMessage((from, message) => {
      if (from.role !== "worker") return;
      if (message.kind === "fromWorker") this.#hall.hear(from.node, from.boot, message.body);
      else if (message.kind === "snapshot") this.#hall.snapshot(from.node, from.boot, message.body);
    });
    links.onUp(look);
    links.onDown(({ node, role }) => {
      if (role === "worker") this.#hall.parted(node);
      look();
    });
    membership.onMember(look);
    membership.onHealth((score) => this.#replica.consensus.health(score));
    this.#replica.onTurn(look);
    this.#replica.onApplied(({ entry }) => {
      const isNewWork = entry.kind === "submit" || entry.kind === "submits";
      if (isNewWork && this.#replica.state.roll.owned.size < OWNED_MAX) look();
    });
  }

  #armNeighbours(): void {
    this.#neighbourTimer = this.#world.clock.setTimer(NEIGHBOURS_MS, () => {
      this.#armNeighbours();
      const view = this.#replica.consensus.view();
      const { voters = [], learners = [] } = view.membership ?? {};
      this.#neighbours.look([...voters, ...learners], this.#station.membership.view());
      const isInOrder = view.standing === "member" && view.lost === "nothing" && this.#removal.of(view) === null;
      const isVoter = isInOrder && voters.includes(view.self);
      if (isVoter && !this.#isVoter) void this.#mend();
      this.#isVoter = isVoter;
    });
  }

  /** A voter has what the ledger names. */
  async #mend(): Promise<void> {
    if (this.#isMending || this.#stopped !== null) return;
    this.#isMending = true;
    const names = reachable(this.#replica.state);
    const { fetched, missing } = await fetchMissing(this.#blobs, names, () => this.#stopped !== null);
    this.#isMending = false;
    if (fetched + missing > 0) this.#world.log.info("blobs-fetched", { fetched, missing });
  }

  #armCollect(): void {
    this.#collectTimer = this.#world.clock.setTimer(COLLECT_MS, () => {
      this.#armCollect();
      // Only who is up to date knows that nothing names a blob.
      const { caughtUpAtMs } = this.#replica.consensus.contact();
      if (this.#world.clock.nowMs() - caughtUpAtMs > LEADING_MS) return;
      if (this.#isVoter) void this.#mend();
      this.#blobs.collect(reachable(this.#replica.state)).catch((error: unknown) => {
        this.#world.log.warn("blobs could not be collected", { message: String(error) });
      });
    });
  }
}
