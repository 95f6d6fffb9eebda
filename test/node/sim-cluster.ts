// A small cluster of real nodes on simulated machines, for the tests of the job side: managers, workers, clients, and a
// target that counts what it receives. Everything runs in virtual time. Not a test itself.

import type { Bundle } from "../../src/engine/messages.ts";
import { HyperscaleError } from "../../src/base/error.ts";
import type { JobPlan } from "../../src/load/plan.ts";
import type { JobResult } from "../../src/load/result.ts";
import { select } from "../../src/load/merge.ts";
import { openClient } from "../../src/node/client.ts";
import type { ClusterClient, FollowedJob } from "../../src/node/cluster-client.ts";
import { SUBMIT_RATE } from "../../src/node/admission.ts";
import { type Manager, startManager } from "../../src/node/manager.ts";
import type { LiveEvent } from "../../src/node/messages.ts";
import type { NodeAddress } from "../../src/node/station.ts";
import { CLEAR_VALUES } from "../../src/node/stored-values.ts";
import { startWorker, type WorkerNode } from "../../src/node/worker-node.ts";
import { SimThreads } from "../../src/sim/engine.ts";
import { SimHost } from "../../src/sim/host.ts";
import { Kernel } from "../../src/sim/kernel.ts";
import { Network } from "../../src/sim/network.ts";
import { type Script, scriptBundle } from "../../src/sim/script.ts";
import { SimTarget } from "../../src/sim/target.ts";
import { jobPlan } from "./plans.ts";

const TCP = 9_000;
const UDP = 9_001;
/** Small segments: preallocating large ones is what a start costs on a simulated disk. */
const WAL = { segmentBytes: 4 * 1_048_576, framePayloadBytesMax: 3 * 1_052_672, recordBytesMax: 1_052_672 };

const SHARED = { data: "/data", profile: "lan", walLimits: WAL, values: CLEAR_VALUES } as const;

export type Submitted = {
  readonly job: FollowedJob;
  readonly events: LiveEvent[];
  accepted: boolean;
  result: JobResult | null;
  error: unknown;
};

export class SimCluster {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly target: SimTarget;
  readonly hosts = new Map<string, SimHost>();
  readonly managers = new Map<string, Manager>();
  readonly workers = new Map<string, WorkerNode>();
  readonly failures: string[] = [];
  readonly #managerNames: readonly string[];
  readonly #cores: number;
  readonly #submitRate: number;

  constructor(
    options: { seed?: number; managers?: number; workers?: number; cores?: number; submitRate?: number } = {},
  ) {
    const { seed = 1, managers = 3, workers = 2, cores = 2 } = options;
    this.kernel = new Kernel(seed);
    this.network = new Network(this.kernel);
    this.#cores = cores;
    this.#submitRate = options.submitRate ?? SUBMIT_RATE;
    this.#managerNames = Array.from({ length: managers }, (_, at) => `m${at}`);
    this.target = new SimTarget(() => this.kernel.nowMs, { prepared: () => {}, joined: () => {}, arrived: () => {} });
    for (const name of this.#managerNames) this.#startManager(name);
    for (let at = 0; at < workers; at++) this.startWorker(`w${at}`);
  }

  get addresses(): readonly NodeAddress[] {
    return this.#managerNames.map((host) => ({ host, tcp: TCP, udp: UDP }));
  }

  host(name: string): SimHost {
    const known = this.hosts.get(name);
    if (known !== undefined) return known;
    const host = new SimHost(this.network, name, {
      logLevel: "info",
      onExit: ({ code, message }) => void this.failures.push(`${name} ends with ${code}: ${message}`),
    });
    this.hosts.set(name, host);
    return host;
  }

  /** A manager that is a cluster of its own. */
  startAlone(name: string): NodeAddress {
    const address = { host: name, tcp: TCP, udp: UDP };
    this.#startManager(name, [address]);
    return address;
  }

  #startManager(name: string, peers = this.addresses): void {
    const listen = { host: name, tcp: TCP, udp: UDP };
    this.host(name).start((world) => {
      startManager({ ...SHARED, world, listen, peers, submitRate: this.#submitRate }).then(
        (manager) => void this.managers.set(name, manager),
        (error: unknown) => void this.failures.push(`${name}: ${String(error)}`),
      );
    });
  }

  startWorker(name: string, managers = this.addresses): void {
    const listen = { host: name, tcp: TCP, udp: UDP };
    this.host(name).start((world) => {
      const threads = new SimThreads({
        node: name,
        clock: world.clock,
        prng: this.kernel.prng(`threads ${name}`),
        target: this.target,
      });
      const memory = { residentBytes: () => 100e6, collect: () => {}, limitBytes: () => 1e12 };
      startWorker({
        world: { ...world, threads, memory },
        data: "/data",
        listen,
        managers,
        profile: "lan",
        cores: this.#cores,
      }).then(
        (worker) => void this.workers.set(name, worker),
        (error: unknown) => void this.failures.push(`${name}: ${String(error)}`),
      );
    });
  }

  client(name: string): Promise<ClusterClient> {
    return new Promise((resolve, reject) => {
      this.host(name).start((world) => {
        const managers = this.addresses.map(({ host, tcp }) => ({ host, port: tcp }));
        openClient({ world, managers, environment: "default" }).then(resolve, reject);
      });
    });
  }

  /** A client that submits the job, as soon as it can. */
  submit(
    client: string,
    id: string,
    plan: Partial<JobPlan>,
    scripts: Readonly<Record<string, Partial<Script>>> = {},
    retries = 0,
  ): Submitted {
    const bundle: Bundle = scriptBundle(scripts, id);
    const events: LiveEvent[] = [];
    const ready = Promise.withResolvers<FollowedJob>();
    const submitted: Submitted = {
      job: {
        accepted: ready.promise.then(({ accepted }) => accepted),
        result: ready.promise.then(({ result }) => result),
        cancel: () => void ready.promise.then((job) => job.cancel()),
      },
      events,
      accepted: false,
      result: null,
      error: null,
    };
    const fail = (error: unknown): void => {
      submitted.error = error;
    };
    submitted.job.accepted.then(() => (submitted.accepted = true), fail);
    submitted.job.result.then((result) => (submitted.result = result), fail);
    this.client(client).then((opened) => {
      ready.resolve(opened.submit(id, { plan: jobPlan(plan), bundle, retries }, (event) => void events.push(event)));
    }, ready.reject);
    return submitted;
  }

  /** Runs until it holds. Throws when it does not within `ms`. */
  until(condition: () => boolean, ms = 120_000): void {
    const untilMs = this.kernel.nowMs + ms;
    while (!condition()) {
      if (this.failures.length > 0) throw new Error(this.failures.join("\n"));
      if (!this.kernel.step(untilMs)) throw new Error(`it did not hold within ${ms} ms\n${this.log().join("\n")}`);
    }
  }

  run(ms: number): void {
    this.kernel.run(this.kernel.nowMs + ms);
  }

  log(): readonly string[] {
    return [...this.hosts].flatMap(([name, { logLines }]) => logLines.map((line) => `${name} ${line}`)).slice(-40);
  }

  /** Name of the manager that leads, or owns the job. */
  leader(): string | null {
    for (const [name, manager] of this.managers)
      if (this.host(name).isRunning && manager.view().raft.role === "leader") return name;
    return null;
  }

  ownerOf(job: string): string | null {
    for (const [name, manager] of this.managers)
      if (this.host(name).isRunning && manager.view().owned.some((owned) => owned.job === job)) return name;
    return null;
  }

  kill(name: string): void {
    this.host(name).kill();
  }

  restart(name: string): void {
    this.host(name).restart();
  }

  /** Runs to the job's result. */
  finish(submitted: Submitted, ms = 180_000): JobResult {
    this.until(() => submitted.result !== null || submitted.error !== null, ms);
    if (submitted.result === null) throw submitted.error ?? new HyperscaleError("failed", "no result");
    return submitted.result;
  }
}

/** Requests counted in a job's result, and those of them that were never sent. */
export function counted(result: JobResult): { readonly requests: number; readonly unsent: number } {
  let requests = 0;
  let unsent = 0;
  for (const { series, accounting } of result.workflows) {
    const cells = select(series, "http_reqs", {});
    requests += cells?.type === "counter" ? cells.count : 0;
    unsent += accounting.unsent;
  }
  return { requests, unsent };
}
