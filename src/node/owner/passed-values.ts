// Values that pass from setup and from workflows to those after them, through the ledger: sealed before they are
// proposed, opened when they go to a worker. Which of them count, the ledger says.

import type { End } from "../../ledger/entries.ts";
import type { AttemptId } from "../../load/share.ts";
import type { WorkerReport } from "../messages.ts";
import type { StoredValues } from "../stored-values.ts";

type Texts = Pick<StoredValues, "sealText" | "openText">;
type Passed = { readonly context: Readonly<Record<string, string>>; readonly setupJson: string | null };

/** Values as a worker gets them, JSON by key. Out: null when one does not open. */
export function openValues(values: Texts, job: string, stored: Passed): Passed | null {
  const context: Record<string, string> = {};
  for (const [key, sealed] of Object.entries(stored.context)) {
    const json = values.openText(sealed, placeOf(job, key));
    if (json === null) return null;
    context[key] = json;
  }
  if (stored.setupJson === null) return { context, setupJson: null };
  const setupJson = values.openText(stored.setupJson, setupPlaceOf(job));
  return setupJson === null ? null : { context, setupJson };
}

/** What a `provide` entry says of a value. */
export function providedValue(
  values: Texts,
  { job }: AttemptId,
  { key, json }: Extract<WorkerReport, { kind: "provide" }>,
): { readonly json: string; readonly bytes: number } {
  return { json: values.sealText(json, placeOf(job, key)), bytes: new TextEncoder().encode(json).length };
}

/** How an attempt ended whose function came to its end. */
export function closedEnd(
  values: Texts,
  { job }: AttemptId,
  { valueJson, thrown }: Extract<WorkerReport, { kind: "ended" }>,
): End {
  return {
    kind: "closed",
    valueJson: valueJson === null ? null : values.sealText(valueJson, setupPlaceOf(job)),
    thrown,
  };
}

function placeOf(job: string, key: string): string {
  return `job ${job} value ${key}`;
}

function setupPlaceOf(job: string): string {
  return `job ${job} setup`;
}
