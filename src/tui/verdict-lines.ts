// The verdict of a random run of faults, for people.

import { createPaint, type Style } from "./cells.ts";
import { type Column, table } from "./table.ts";

export type VerdictPicture = {
  readonly profile: string;
  readonly seed: number;
  readonly verdict: "held" | "violated" | "invalid";
  readonly invalid: string;
  readonly submitted: number;
  readonly acknowledged: number;
  readonly unacknowledged: readonly { readonly because: string; readonly jobs: number }[];
  readonly completed: number;
  readonly cancelled: number;
  readonly failed: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly overBound: number;
  readonly requestsServed: number;
  readonly findings: readonly { readonly kind: string; readonly job: string | null; readonly message: string }[];
  readonly recovery: readonly {
    readonly kind: string;
    readonly faults: number;
    readonly acknowledgedMsP50: number | null;
    readonly acknowledgedMsP99: number | null;
    readonly completedMsP50: number | null;
    readonly completedMsP99: number | null;
  }[];
};

/** Findings that are shown; the rest is only counted. */
const FINDINGS_MAX = 20;
const COLUMNS = 200;
const STYLES: Readonly<Record<VerdictPicture["verdict"], Style>> = { held: "good", violated: "bad", invalid: "warn" };

const RECOVERY: readonly Column<VerdictPicture["recovery"][number]>[] = [
  { head: "FAULT", of: ({ kind }) => kind },
  { head: "TIMES", of: ({ faults }) => String(faults), isNumber: true },
  { head: "ACKNOWLEDGED p50", of: (one) => secondsText(one.acknowledgedMsP50), isNumber: true },
  { head: "p99", of: (one) => secondsText(one.acknowledgedMsP99), isNumber: true },
  { head: "COMPLETED p50", of: (one) => secondsText(one.completedMsP50), isNumber: true },
  { head: "p99", of: (one) => secondsText(one.completedMsP99), isNumber: true },
];

/** Counts, recovery by kind of fault, findings, verdict. */
export function verdictLines(picture: VerdictPicture, color: boolean): readonly string[] {
  const paint = createPaint(color);
  const { verdict, findings } = picture;
  const shown = findings.slice(0, FINDINGS_MAX).map(({ kind, job, message }) => `  ${kind} ${job ?? ""}: ${message}`);
  const why = verdict === "invalid" ? `: ${picture.invalid}` : "";
  const more = findings.length - shown.length;
  return [
    `jobs        ${picture.submitted} submitted, ${picture.acknowledged} acknowledged`,
    ...picture.unacknowledged.map(({ because, jobs }) => `            ${jobs} not: ${because}`),
    `ended       ${picture.completed} completed, ${picture.cancelled} cancelled, ${picture.failed} failed`,
    `requests    ${picture.requestsServed} received by the target`,
    `lost        ${picture.lost}`,
    `duplicated  ${picture.duplicated}`,
    `over bound  ${picture.overBound}`,
    "",
    ...table(RECOVERY, picture.recovery, { columns: COLUMNS, color }),
    "",
    ...shown,
    ...(more > 0 ? [`  and ${more} more`] : []),
    paint(`${verdict}${why} (profile ${picture.profile}, seed ${picture.seed})`, STYLES[verdict]),
  ];
}

function secondsText(ms: number | null): string {
  return ms === null ? "never" : `${(ms / 1_000).toFixed(2)} s`;
}
