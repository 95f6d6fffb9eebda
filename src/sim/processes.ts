// The processes of a simulated cluster: the managers, workers and clients that ship, on simulated worlds, watched by
// the checkers. A client that dies comes back and asks again for what it had asked for, as its user would.

import type { NodeWorld } from "../io/world.ts";
import type { JobResult } from "../load/result.ts";
import { openClient } from "../node/client.ts";
import type { ClusterClient } from "../node/cluster-client.ts";
import { type Manager, startManager } from "../node/manager.ts";
import type { NodeAddress } from "../node/station.ts";
import { CLEAR_VALUES } from "../node/stored-values.ts";
import { startWorker, type WorkerNode } from "../node/worker-node.ts";
import { LIMITS } from "../raft/limits.ts";
import { lan, type RaftConfig } from "../raft/raft.ts";
import type { SwimView } from "../swim/swim.ts";
import type { WalLimits } from "../wal/format.ts";
import { Violation } from "./checkers/violation.ts";
import type { Role, Running, SimNode } from "./cluster.ts";
import { SimThreads } from "./engine.ts";
import type { Kernel } from "./kernel.ts";
import type { Observer } from "./observer.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Action, Job } from "./workload.ts";

export type ProcessesOptions = {
  readonly kernel: Kernel;
  readonly observer: Observer;
  readonly sometimes: Sometimes;
  readonly names: Readonly<Record<Role, readonly string[]>>;
};

const ENVIRONMENT = "sim";
const DATA = "/data";
const TCP = 9_000;
const UDP = 9_001;
const CORES = 4;
/** Exit code of a process that SIGKILL ended. */
const EXIT_KILLED = 137;
/** Small, so that logs roll and snapshots are taken and sent within seconds. */
const WAL_LIMITS: WalLimits = { segmentBytes: 655_360, framePayloadBytesMax: 491_520, recordBytesMax: 163_840 };
const RAFT_LIMITS = {
  ...LIMITS,
  clientsMax: 12,
  sequencesMax: 256,
  commandBytesMax: 100_000,
  appendBytesMax: 130_000,
  snapshotEntries: 120,
  trailingEntries: 60,
};
/** How often a replacement is asked for until it is done. */
const REPLACE_MS = 1_000;
const MEMORY = { residentBytes: () => 1e8, collect: () => undefined, limitBytes: () => 1e9 };

/** What a client's user wants: asked for again by each life of the client. */
type Wish = {
  readonly action: Exclude<Action, { kind: "cancel" | "steer" }>;
  /** null: no answer yet. */
  answer: "accepted" | "refused" | null;
  isEnded: boolean;
};

export class Processes {
  readonly #options: ProcessesOptions;
  readonly #managers = new Map<string, Manager>();
  readonly #workers = new Map<string, WorkerNode>();
  readonly #clients = new Map<string, ClusterClient>();
  /** By host: the node its newest disk belongs to. */
  readonly #ids = new Map<string, string>();
  readonly #wishes = new Map<string, Wish[]>();
  #violation: Violation | null = null;

  constructor(options: ProcessesOptions) {
    this.#options = options;
    for (const name of options.names.client) this.#wishes.set(name, []);
  }

  /** What an answer to a client showed; null: nothing wrong so far. */
  get violation(): Violation | null {
    return this.#violation;
  }

  launch(node: SimNode, world: NodeWorld): Promise<Running> {
    switch (node.role) {
      case "manager":
        return this.#launchManager(node, world);
      case "worker":
        return this.#launchWorker(node, world);
      case "client":
        return this.#launchClient(node, world);
    }
  }

  gone({ name }: SimNode): void {
    this.#managers.delete(name);
    this.#workers.delete(name);
    this.#clients.delete(name);
    const id = this.#ids.get(name);
    if (id !== undefined) this.#options.observer.unwatch(id);
  }

  /** A client does what its user wants now. */
  act(action: Action): void {
    const name = this.#options.names.client[action.client] ?? "";
    const client = this.#clients.get(name);
    if (action.kind === "cancel") {
      client?.cancel(action.id, action.by).catch(() => undefined);
      return;
    }
    if (action.kind === "steer") {
      const [any] = this.#clients.values();
      (client ?? any)?.steer(action.id, action.order).catch(() => undefined);
      return;
    }
    const wish: Wish = { action, answer: null, isEnded: false };
    this.#wishes.get(name)?.push(wish);
    if (client !== undefined) this.#ask(client, wish);
  }

  /** Ids of jobs whose submit has no answer. */
  unanswered(): readonly string[] {
    return this.#all().flatMap(({ answer, action }) => (answer === null ? [action.job.id] : []));
  }

  /** Ids of accepted jobs whose end some client has not heard of. */
  unended(): readonly string[] {
    return this.#all().flatMap(({ answer, isEnded, action }) =>
      answer === "accepted" && !isEnded ? [action.job.id] : [],
    );
  }

  membership(): readonly SwimView[] {
    return [
      ...Array.from(this.#managers.values(), ({ parts }) => parts.membership.view()),
      ...Array.from(this.#workers.values(), ({ membership }) => membership.view()),
    ];
  }

  #all(): readonly Wish[] {
    return [...this.#wishes.values()].flat();
  }

  #addresses(): readonly NodeAddress[] {
    return this.#options.names.manager.map((host) => ({ host, tcp: TCP, udp: UDP }));
  }

  async #launchManager(node: SimNode, world: NodeWorld): Promise<Running> {
    const manager = await startManager({
      world,
      data: DATA,
      environment: ENVIRONMENT,
      listen: { host: node.name, tcp: TCP, udp: UDP },
      peers: this.#addresses(),
      profile: "lan",
      walLimits: WAL_LIMITS,
      values: CLEAR_VALUES,
      raftConfig,
    });
    const { observer } = this.#options;
    const { replica } = manager.parts;
    const { node: id } = manager.view();
    this.#managers.set(node.name, manager);
    replica.onApplied(({ index, entry, effects }) =>
      this.#guard(() => observer.apply(id, index, "job" in entry ? entry.job : null, effects, replica.state)),
    );
    replica.onReset(() => observer.restart(id));
    observer.watch(id, {
      raft: () => replica.consensus.raft,
      ledger: () => replica.state,
      appliedIndex: () => replica.consensus.applied,
      queues: () => [],
      turns: () => node.host.turns,
      isPaused: () => node.host.isPaused,
    });
    const before = this.#ids.get(node.name);
    this.#ids.set(node.name, id);
    if (before !== undefined && before !== id) this.#replace(world, { before, after: id });
    const stop = (): Promise<void> => {
      observer.touch();
      return manager.stop();
    };
    return { stop };
  }

  /** An operator's `peer replace`: asked for until it is done. */
  #replace(world: NodeWorld, change: { readonly before: string; readonly after: string }): void {
    const ask = (): void => {
      this.#options.observer.touch();
      const voters = Array.from(
        this.#managers.values(),
        ({ parts }) => parts.replica.consensus.view().membership?.voters ?? [],
      );
      if (voters.some((ids) => ids.includes(change.after) && !ids.includes(change.before))) {
        this.#options.sometimes.note("wiped voter replaced");
        return;
      }
      for (const { parts } of this.#managers.values()) {
        const { consensus } = parts.replica;
        if (consensus.contact().isLeader) consensus.change({ kind: "replace", ...change }).catch(() => undefined);
      }
      world.clock.setTimer(REPLACE_MS, ask);
    };
    world.clock.setTimer(REPLACE_MS, ask);
  }

  async #launchWorker(node: SimNode, world: NodeWorld): Promise<Running> {
    const { kernel, observer } = this.#options;
    const threads = new SimThreads({
      node: `${node.name} ${node.host.boots}`,
      clock: world.clock,
      prng: kernel.prng(`engine ${node.name} ${node.host.boots}`),
      target: observer.target,
      kill: () => world.process.exit(EXIT_KILLED, "killed by the code it runs"),
    });
    const worker = await startWorker({
      world: { ...world, threads, memory: MEMORY },
      data: DATA,
      environment: ENVIRONMENT,
      listen: { host: node.name, tcp: TCP, udp: UDP },
      managers: this.#addresses(),
      profile: "lan",
      cores: CORES,
    });
    this.#workers.set(node.name, worker);
    return { stop: () => worker.stop(), threads };
  }

  async #launchClient({ name }: SimNode, world: NodeWorld): Promise<Running> {
    const client = await openClient({
      world,
      environment: ENVIRONMENT,
      managers: this.#addresses().map(({ host, tcp }) => ({ host, port: tcp })),
    });
    this.#clients.set(name, client);
    for (const wish of this.#wishes.get(name) ?? [])
      if (wish.answer !== "refused" && !wish.isEnded) this.#ask(client, wish);
    return { stop: () => Promise.resolve(client.close()) };
  }

  #ask(client: ClusterClient, wish: Wish): void {
    const { job } = wish.action;
    const followed = client.submit(
      job.id,
      { plan: job.plan, bundle: job.bundle, retries: job.retries },
      () => undefined,
    );
    followed.accepted.then(
      () => this.#accepted(wish, job),
      (error: unknown) => this.#refused(wish, error),
    );
    followed.result.then(
      (result) => this.#ended(wish, result),
      () => undefined,
    );
  }

  #accepted(wish: Wish, job: Job): void {
    wish.answer = "accepted";
    this.#guard(() => this.#options.observer.accept(job));
  }

  #refused(wish: Wish, error: unknown): void {
    const code = error instanceof Error ? error.cause : null;
    // The client was closed with its host: its next life asks again.
    if (typeof code !== "string") return;
    wish.answer = "refused";
    this.#options.sometimes.note(`refused: ${code}`);
  }

  #ended(wish: Wish, result: JobResult): void {
    wish.isEnded = true;
    this.#guard(() => this.#options.observer.finish(wish.action.job.id, result));
  }

  /** Handlers of a node must not see what a checker throws. */
  #guard(look: () => void): void {
    try {
      look();
    } catch (thrown) {
      if (!(thrown instanceof Violation)) throw thrown;
      this.#violation ??= thrown;
    }
  }
}

function raftConfig(self: string): RaftConfig {
  return { ...lan(self), limits: RAFT_LIMITS };
}
