// Words a worker carries, by key ({ region: "us-east-1" }), and those a workflow asks for.

import * as z from "./schema.ts";

/** Most labels of a worker, or asked for by a workflow; the longest name and value, in letters. */
export const LABELS_MAX = 64;
export const LABEL_NAME_MAX = 64;
export const LABEL_VALUE_MAX = 256;

export const labelsSchema = z
  .record(z.string().min(1).max(LABEL_NAME_MAX), z.string().max(LABEL_VALUE_MAX))
  .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `more than ${LABELS_MAX} labels`)
  .readonly();
export type Labels = z.infer<typeof labelsSchema>;

/** "region=us-east-1, type=build"; `between` the labels. */
export function labelsText(labels: Labels, between = ", "): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(between);
}
