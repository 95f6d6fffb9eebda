// What a random run proves: every job that was acknowledged against how it ended, what its result says, and what the
// target itself received. Pure.

import { quantileOf } from "./quantile.ts";

/**
 * One submit of a job: when it was said, and when it was acknowledged (null: never), in ms since the run began; and
 * what was said to it when it was refused.
 */
export type SubmitRecord = {
  readonly atMs: number;
  readonly acknowledgedAtMs: number | null;
  readonly refusal?: string | null;
};

/** An end of a job that somebody saw: a result that was delivered. requests: sent by its own account. */
export type EndRecord = {
  readonly atMs: number;
  readonly state: "completed" | "failed" | "cancelled" | "aborted";
  readonly reason: string;
  readonly requests: number;
  readonly unreportedMax: number;
};

/** planned: requests of one whole run. served: received by the target until the end. */
export type JobRecord = {
  readonly id: string;
  readonly submits: readonly SubmitRecord[];
  readonly isCancelled: boolean;
  readonly planned: number;
  readonly served: number;
  /** Every result that was delivered, whoever asked for it. */
  readonly ends: readonly EndRecord[];
  /** Outcome and name of the result as each manager lists it in the end; null: a manager does not list it. */
  readonly listed: readonly ({ readonly outcome: string | null; readonly result: string | null } | null)[];
};

/** A fault of the run; firedAtMs null: it hit nothing. */
export type FaultRecord = {
  readonly kind: string;
  readonly target: string;
  readonly firedAtMs: number | null;
  readonly endedAtMs: number | null;
  /** The cluster cannot answer while it lasts: recovery counts from its end. */
  readonly isTotal: boolean;
};

export type RunRecord = {
  /** Kinds that had to come. */
  readonly kinds: readonly string[];
  /** How long nothing was hurt, from the first submit on. */
  readonly peaceMs: number;
  readonly jobs: readonly JobRecord[];
  readonly faults: readonly FaultRecord[];
  /** All nodes were together again in the end. */
  readonly isWhole: boolean;
};

/**
 * lost: acknowledged and gone, or without its end. duplicated: done more than once. overBound: counts that cannot be.
 */
export type Finding = {
  readonly kind: "lost" | "duplicated" | "overBound" | "failed" | "notWhole";
  readonly job: string | null;
  readonly message: string;
};

/** ms from the fault (or its end, where nothing can be answered during it) to the first submit after it. */
export type Recovery = {
  readonly kind: string;
  readonly faults: number;
  /** Acknowledged, and its result delivered; null: no fault of the kind was followed by one. */
  readonly acknowledgedMsP50: number | null;
  readonly acknowledgedMsP99: number | null;
  readonly completedMsP50: number | null;
  readonly completedMsP99: number | null;
};

export type Verdict = {
  readonly verdict: "held" | "violated" | "invalid";
  /** Why it proves nothing; "" when it does. */
  readonly invalid: string;
  readonly submitted: number;
  readonly acknowledged: number;
  /** Why the others were not: what was said to their last submit. */
  readonly unacknowledged: readonly { readonly because: string; readonly jobs: number }[];
  readonly completed: number;
  readonly cancelled: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly overBound: number;
  readonly failed: number;
  readonly requestsServed: number;
  readonly findings: readonly Finding[];
  readonly recovery: readonly Recovery[];
};

/** A run without one acknowledged job a second in peace tests nothing. */
const ACKNOWLEDGED_PER_SECOND_MIN = 1;

/** Whether a cluster that nobody hurt for so long works well enough to be worth hurting. */
export function isPeaceShown(acknowledged: number, peaceMs: number): boolean {
  return acknowledged / (peaceMs / 1_000) >= ACKNOWLEDGED_PER_SECOND_MIN;
}

/** Judges a run. In: everything that was seen. */
export function judgeRun(run: RunRecord): Verdict {
  const findings = [
    ...run.jobs.flatMap(judgeJob),
    ...(run.isWhole
      ? []
      : [{ kind: "notWhole", job: null, message: "the nodes did not come together again in time" } as const]),
  ];
  const count = (kind: Finding["kind"]): number =>
    new Set(findings.flatMap((finding) => (finding.kind === kind ? [finding.job] : []))).size;
  const invalid = invalidity(run);
  const ended = (state: EndRecord["state"]): number => run.jobs.filter(({ ends }) => ends[0]?.state === state).length;
  return {
    verdict: findings.length > 0 ? "violated" : invalid === "" ? "held" : "invalid",
    invalid,
    submitted: run.jobs.length,
    acknowledged: run.jobs.filter(isAcknowledged).length,
    unacknowledged: refusals(run.jobs),
    completed: ended("completed"),
    cancelled: ended("cancelled"),
    lost: count("lost"),
    duplicated: count("duplicated"),
    overBound: count("overBound"),
    failed: count("failed"),
    requestsServed: run.jobs.reduce((sum, { served }) => sum + served, 0),
    findings,
    recovery: run.kinds.map((kind) => recoveryOf(kind, run)),
  };
}

function refusals(jobs: readonly JobRecord[]): Verdict["unacknowledged"] {
  const counts = new Map<string, number>();
  for (const job of jobs) {
    if (isAcknowledged(job)) continue;
    const said = job.submits.at(-1)?.refusal ?? "no answer came before the end";
    const because = said.replaceAll(job.id, "ID");
    counts.set(because, (counts.get(because) ?? 0) + 1);
  }
  return [...counts].map(([because, count]) => ({ because, jobs: count }));
}

function judgeJob(job: JobRecord): readonly Finding[] {
  if (!isAcknowledged(job)) return [];
  const { id, ends, listed, served, planned, isCancelled } = job;
  const findings: Finding[] = [];
  const find = (kind: Finding["kind"], message: string): void => void findings.push({ kind, job: id, message });
  const [end] = ends;
  if (end === undefined)
    find("lost", listed.includes(null) ? "it was acknowledged, and a manager does not know it" : "it has no result");
  else if (listed.some((line) => line === null)) find("lost", "it ended, and a manager does not know it any more");
  else if (listed.some((line) => line?.outcome !== end.state))
    find("lost", `it ended as ${end.state}, and is listed as ${[...new Set(listed.map(outcomeOf))].join(", ")}`);
  if (new Set(ends.map(({ state, requests }) => `${state} ${requests}`)).size > 1)
    find(
      "duplicated",
      `it ended more than once: ${ends.map(({ state, requests }) => `${state}, ${requests} requests`).join("; ")}`,
    );
  if (new Set(listed.map((line) => line?.result ?? null)).size > 1)
    find("duplicated", "managers list different results of it");
  if (end === undefined) return findings;
  const unreported = served - end.requests;
  if (unreported < 0) find("overBound", `its result counts ${end.requests} requests, and ${served} were received`);
  if (unreported > end.unreportedMax)
    find(
      "overBound",
      `${served} requests were received, its result counts ${end.requests} and allows ${end.unreportedMax} more`,
    );
  if (served > planned + end.unreportedMax)
    find(
      "duplicated",
      `${served} requests were received, and it has ${planned}, of which ${end.unreportedMax} may repeat`,
    );
  if (end.state === "completed" && end.requests < planned)
    find("lost", `it completed with ${end.requests} of its ${planned} requests`);
  if (end.state === "failed" || end.state === "aborted" || (end.state === "cancelled" && !isCancelled))
    find("failed", `it ended as ${end.state}${end.reason === "" ? "" : `: ${end.reason}`}`);
  return findings;
}

function outcomeOf(line: JobRecord["listed"][number]): string {
  return line?.outcome ?? "not ended";
}

function isAcknowledged({ submits }: JobRecord): boolean {
  return submits.some(({ acknowledgedAtMs }) => acknowledgedAtMs !== null);
}

function invalidity({ kinds, peaceMs, jobs, faults }: RunRecord): string {
  const inPeace = jobs.filter(({ submits }) =>
    submits.some(({ acknowledgedAtMs }) => acknowledgedAtMs !== null && acknowledgedAtMs <= peaceMs),
  ).length;
  if (!isPeaceShown(inPeace, peaceMs)) {
    const seconds = peaceMs / 1_000;
    const perSecond = (inPeace / seconds).toFixed(2);
    const peace = `${seconds.toFixed(1)} s without a fault`;
    return `only ${perSecond} jobs a second were acknowledged in ${peace}, and it takes 1`;
  }
  const never = kinds.filter((kind) => !faults.some((fault) => fault.kind === kind && fault.firedAtMs !== null));
  return never.length === 0 ? "" : `these faults never hit anything: ${never.join(", ")}`;
}

function recoveryOf(kind: string, { faults, jobs }: RunRecord): Recovery {
  const origins = faults.flatMap(({ kind: other, firedAtMs, endedAtMs, isTotal }) =>
    other === kind && firedAtMs !== null ? [isTotal ? (endedAtMs ?? firedAtMs) : firedAtMs] : [],
  );
  const acknowledged = origins.flatMap((originMs) =>
    firstAfter(
      originMs,
      jobs.flatMap(({ submits }) =>
        submits.map(({ atMs, acknowledgedAtMs }) => ({ atMs, doneAtMs: acknowledgedAtMs })),
      ),
    ),
  );
  const completed = origins.flatMap((originMs) =>
    firstAfter(
      originMs,
      jobs.map(({ submits, ends }) => ({ atMs: submits[0]?.atMs ?? 0, doneAtMs: ends[0]?.atMs ?? null })),
    ),
  );
  return {
    kind,
    faults: origins.length,
    acknowledgedMsP50: quantileOf(acknowledged, 0.5),
    acknowledgedMsP99: quantileOf(acknowledged, 0.99),
    completedMsP50: quantileOf(completed, 0.5),
    completedMsP99: quantileOf(completed, 0.99),
  };
}

type Attempted = { readonly atMs: number; readonly doneAtMs: number | null };

/** ms until the first of those begun after the origin was done; none: nothing was. */
function firstAfter(originMs: number, attempts: readonly Attempted[]): readonly number[] {
  const times = attempts.flatMap(({ atMs, doneAtMs }) => (atMs >= originMs && doneAtMs !== null ? [doneAtMs] : []));
  return times.length === 0 ? [] : [Math.min(...times) - originMs];
}
