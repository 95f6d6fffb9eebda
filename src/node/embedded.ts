// A cluster of one in this process: a job's owner, the cores of a worker and a client, joined by in-memory streams over
// a ledger of one. The same parts as on a cluster; only the joints differ.

import type { Bundle } from "../engine/messages.ts";
import { sha256 } from "../io/digest.ts";
import type { JobSpec } from "../ledger/entries.ts";
import type { JobPlan } from "../load/plan.ts";
import { jobSpecOf } from "./job-spec.ts";
import { createEmbeddedLedger } from "./ledger-port.ts";
import type { ClientEvent, CoreRequest, WorkerReport } from "./messages.ts";
import { Owner } from "./owner/owner.ts";
import { createStreamPair } from "./stream.ts";
import { createMemoryVault } from "./owner/vault.ts";
import { createWorker, type EngineWorld } from "./worker/worker.ts";

/** How often the engine reports and the job shows itself, and how far ahead a start is set: all cores hear in time. */
const REPORT_MS = 100;
const VIEW_MS = 100;
const START_LEAD_MS = 5;
/** Name of the one node, in results, and its life. */
const NODE = "local";
const BOOT = "1";

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

/** Submits the job to an owner and a worker of its own and runs it. */
export function runEmbedded(options: EmbeddedOptions): Embedded {
  const { world, id, plan, bundle, cores, memoryMaxBytes, retries = 0 } = options;
  const [toWorker, toOwner] = createStreamPair<CoreRequest, WorkerReport>();
  const ledger = createEmbeddedLedger(world.clock);
  let isClosed = false;
  const tell = (event: ClientEvent): void => {
    if (!isClosed) options.onEvent(event);
  };
  const owner = new Owner({
    node: NODE,
    boot: BOOT,
    clock: world.clock,
    ledger,
    vault: createMemoryVault(() => ({ plan, bundle, retries })),
    order: (_worker, _job, request) => toWorker.send(request),
    tell: (_job, event) => tell(event),
    caughtUpAtMs: () => world.clock.nowMs(),
    finished: (_job, result) => tell({ kind: "finished", result }),
    note: () => {},
    reportMs: options.reportMs ?? REPORT_MS,
    viewMs: VIEW_MS,
    startLeadMs: START_LEAD_MS,
    doesCheckpoint: false,
  });
  toWorker.onMessage((report) => owner.hear(report));
  const worker = createWorker({ world, manager: toOwner, cores, memoryMaxBytes });
  ledger.propose({ kind: "join", worker: NODE, boot: BOOT, cores, labels: {} });
  ledger.propose(
    {
      kind: "submit",
      job: id,
      digest: digestOf(plan, bundle),
      submission: "",
      spec: anywhere(jobSpecOf(plan, retries)),
    },
    (outcome) => {
      const refusal = outcome.kind === "refused" ? outcome : outcome.effects?.find(({ kind }) => kind === "refused");
      if (refusal?.kind === "refused")
        return tell({ kind: "refused", id, code: refusal.code, message: refusal.message });
      tell({ kind: "accepted", id });
      ledger.propose({ kind: "assign", job: id, owner: NODE, boot: BOOT });
    },
  );
  return {
    cancel: (by) => ledger.propose({ kind: "cancel", job: id, by }),
    close: () => {
      isClosed = true;
      toWorker.close();
      owner.close();
      worker.close();
    },
  };
}

/** Labels choose among the workers of a cluster, and here is one. */
function anywhere(spec: JobSpec): JobSpec {
  return { ...spec, workflows: spec.workflows.map((workflow) => ({ ...workflow, requires: {}, prefers: {} })) };
}

/** The job's identity: what is run, with which plan, on which files. */
function digestOf(plan: JobPlan, bundle: Bundle): string {
  const files = Object.entries(bundle.files).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256([JSON.stringify(plan), bundle.code, ...files.flat()]);
}
