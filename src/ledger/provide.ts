// Values that a workflow gives to those after it: the one of the highest (VU, iteration) holds, within limits of size.

import { CONTEXT_BYTES_MAX, type EntryOf, PROVIDE_BYTES_MAX, PROVIDE_KEYS_MAX } from "./entries.ts";
import type { Job, Workflow } from "./job.ts";
import { refuse, type Turn } from "./turn.ts";

/** Takes in one value. The caller has checked that the entry is of a live attempt. */
export function provide(turn: Turn, job: Job, workflow: Workflow, entry: EntryOf<"provide">): void {
  const { key, json, vu, iteration } = entry;
  const held = workflow.provided.get(key);
  const bytes = entry.bytes ?? byteLength(json);
  const what = `provide("${key}") in "${entry.workflow}"`;
  if (bytes > PROVIDE_BYTES_MAX)
    return refuse(turn, job.id, "limit", `${what} is ${bytes} bytes of JSON; a value may have ${PROVIDE_BYTES_MAX}`);
  if (held === undefined && workflow.provided.size >= PROVIDE_KEYS_MAX)
    return refuse(turn, job.id, "limit", `${what} is one key too many; a workflow may provide ${PROVIDE_KEYS_MAX}`);
  const isNewest = held === undefined || vu > held.vu || (vu === held.vu && iteration >= held.iteration);
  if (!isNewest) {
    workflow.provided.set(key, { ...held, providers: held.providers + 1 });
    return;
  }
  const total = contextBytes(job) - (held?.bytes ?? 0) + bytes;
  if (total > CONTEXT_BYTES_MAX) {
    const message = `${what} brings the job's values to ${total} bytes; it may keep ${CONTEXT_BYTES_MAX}`;
    return refuse(turn, job.id, "limit", message);
  }
  workflow.provided.set(key, { json, bytes, vu, iteration, providers: (held?.providers ?? 0) + 1 });
}

function contextBytes(job: Job): number {
  let bytes = 0;
  for (const { provided } of job.workflows.values()) for (const value of provided.values()) bytes += value.bytes;
  return bytes;
}

/** UTF-8 length. */
function byteLength(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}
