// A cluster of one in this process: manager, worker and client joined by in-memory streams over an in-memory log. The
// same parts as on a cluster; only the joints differ.

import type { Bundle } from "../engine/messages.ts";
import type { JobPlan } from "../load/plan.ts";
import { createMemoryLog } from "./log.ts";
import { createManager } from "./manager.ts";
import type { ClientEvent, ClientRequest, WorkerReport, WorkerRequest } from "./messages.ts";
import { createStreamPair } from "./stream.ts";
import { createWorker, type EngineWorld } from "./worker.ts";

/** How often the engine reports, and how far ahead a start is set so that all cores hear of it in time. */
const REPORT_MS = 100;
const START_LEAD_MS = 5;
/** Name of the one node, in results. */
const NODE = "local";

export type EmbeddedOptions = {
  readonly world: EngineWorld;
  readonly id: string;
  readonly plan: JobPlan;
  readonly bundle: Bundle;
  readonly cores: number;
  /** Bytes this process may hold; null: 80 % of the machine's or cgroup's memory. */
  readonly memoryMaxBytes: number | null;
  readonly reportMs?: number;
  /** Failed attempts that may be redone. Left out: none, the first failure ends the job. */
  readonly retries?: number;
  /** In order; `finished` (or `refused`) is the last. */
  readonly onEvent: (event: ClientEvent) => void;
};

export type Embedded = {
  /** Ends the job gracefully; its `finished` event still comes. */
  cancel(by: "user" | "other"): void;
  /** Ends every thread and timer at once. Idempotent; no event comes after it. */
  close(): void;
};

/** Submits the job to a manager and a worker of its own and runs it. */
export function runEmbedded(options: EmbeddedOptions): Embedded {
  const { world, id, plan, bundle } = options;
  const [toWorker, toManager] = createStreamPair<WorkerRequest, WorkerReport>();
  const [toClient, client] = createStreamPair<ClientEvent, ClientRequest>();
  const manager = createManager({
    node: NODE,
    clock: world.clock,
    log: createMemoryLog(),
    reportMs: options.reportMs ?? REPORT_MS,
    startLeadMs: START_LEAD_MS,
    retries: options.retries ?? 0,
  });
  manager.attachWorker(toWorker);
  manager.attachClient(toClient);
  const worker = createWorker({
    world,
    manager: toManager,
    node: NODE,
    cores: options.cores,
    memoryMaxBytes: options.memoryMaxBytes,
  });
  client.onMessage(options.onEvent);
  client.send({ kind: "submit", id, plan, bundle });
  return {
    cancel: (by) => client.send({ kind: "cancel", id, by }),
    close: () => {
      client.close();
      toWorker.close();
      manager.close();
      worker.close();
    },
  };
}
