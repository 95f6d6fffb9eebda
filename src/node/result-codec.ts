// A job's result as a blob, and back for the client that fetches it.

import * as z from "../base/schema.ts";
import type { JobResult } from "../load/result.ts";
import { decoderOf, encode } from "../wire/codec.ts";
import { packSeries, packedSeriesSchema, unpackAll } from "./series-codec.ts";

/** Only the series need reading; the rest was made by a manager of this protocol's major version for this client. */
const readPacked = decoderOf(
  z.looseObject({
    id: z.string(),
    state: z.enum(["completed", "failed", "cancelled", "aborted"]),
    reason: z.string(),
    durationMs: z.number(),
    plan: z.looseObject({ name: z.string(), workflows: z.array(z.unknown()) }),
    workflows: z.array(z.looseObject({ name: z.string(), series: z.array(packedSeriesSchema) })),
    thresholds: z.array(z.unknown()),
    cores: z.array(z.unknown()),
    warnings: z.array(z.string()),
    errors: z.array(z.unknown()),
    disturbed: z.array(z.unknown()),
    pauses: z.array(z.object({ from: z.number(), to: z.number() })).default([]),
  }),
);

export function packResult(result: JobResult): Uint8Array {
  const workflows = result.workflows.map((workflow) => ({ ...workflow, series: workflow.series.map(packSeries) }));
  return encode({ ...result, workflows });
}

/** Throws when the bytes are no result. */
export function unpackResult(bytes: Uint8Array): JobResult {
  const decoded = readPacked(bytes);
  if (!decoded.ok) throw new Error(`the result cannot be read: ${decoded.message}`);
  const packed = decoded.value;
  const workflows = packed.workflows.map((workflow) => ({ ...workflow, series: unpackAll(workflow.series) }));
  const result: unknown = { ...packed, workflows };
  if (!isResult(result)) throw new Error("the result is none");
  return result;
}

/** Its schema was parsed just before; this names the type it then has. */
function isResult(value: unknown): value is JobResult {
  return typeof value === "object" && value !== null && "plan" in value && "workflows" in value;
}
