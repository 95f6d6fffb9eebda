// What the scenarios' tests ask of a simulated cluster (test/node/sim-cluster.ts): small ones that are up, whom a host
// is in the ledger, what a manager knows of a job. Virtual time. Not a test itself.

import type { Job, LedgerState } from "../../src/ledger/job.ts";
import type { WorkflowPlan } from "../../src/load/plan.ts";
import type { LiveEvent } from "../../src/node/messages.ts";
import type { NodeStatus } from "../../src/node/status.ts";
import { workflowPlan } from "../node/plans.ts";
import { SimCluster, type Submitted } from "../node/sim-cluster.ts";

export type ClusterOptions = ConstructorParameters<typeof SimCluster>[0];

/** A cluster whose managers have a leader and whose workers are in the pool. */
export function clusterUp(options: ClusterOptions = {}): SimCluster {
  const cluster = new SimCluster(options);
  const workers = options.workers ?? 2;
  cluster.until(() => cluster.leader() !== null && poolOf(cluster).workers.size === workers, 20_000);
  return cluster;
}

/** One workflow of so many VUs for so many seconds. */
export function steady(seconds: number, more: Partial<WorkflowPlan> & { readonly vus?: number } = {}): WorkflowPlan[] {
  const { vus = 8, ...rest } = more;
  return [workflowPlan("default", { executor: { kind: "constant-vus", vus, durationMs: seconds * 1_000 }, ...rest })];
}

/** The ledger of the manager that leads, else of any that runs. */
export function poolOf(cluster: SimCluster): LedgerState {
  const names = [cluster.leader(), ...cluster.managers.keys()];
  const running = names.find((name) => name !== null && cluster.host(name).isRunning);
  const ledger = cluster.managers.get(running ?? "")?.view().ledger;
  if (ledger === undefined) throw new Error("no manager runs");
  return ledger;
}

/** The job as that ledger has it. */
export function jobOf(cluster: SimCluster, id = "job1"): Job | null {
  return poolOf(cluster).jobs.get(id) ?? null;
}

/** The node id of a worker, by the name of its host. */
export function workerId(cluster: SimCluster, host: string): string {
  const id = cluster.workers.get(host)?.view().node;
  if (id === undefined) throw new Error(`no worker runs on ${host}`);
  return id;
}

/** What each running manager knows of the cluster. */
export function statuses(cluster: SimCluster): NodeStatus[] {
  return [...cluster.managers].flatMap(([name, manager]) => (cluster.host(name).isRunning ? [manager.status()] : []));
}

/** Requests of the job that reached the target. */
export function seen(cluster: SimCluster, job = "job1"): number {
  return cluster.target.seenOf.get(job) ?? 0;
}

/** The events of one kind, in order. */
export function eventsOf<Kind extends LiveEvent["kind"]>(
  { events }: Submitted,
  kind: Kind,
): Extract<LiveEvent, { kind: Kind }>[] {
  return events.filter((event): event is Extract<LiveEvent, { kind: Kind }> => event.kind === kind);
}
