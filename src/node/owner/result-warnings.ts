// What a final result warns about: iterations that never began, thresholds that looked for what nothing carries,
// requests reported too late. Pure; warnings given while the test ran are the engine's and the owner's.

import type { ThresholdPlan } from "../../load/plan.ts";
import type { WorkflowResult } from "../../load/result.ts";
import type { Series } from "../../load/series.ts";
import { unknownTags } from "../../load/thresholds.ts";

/** What the engine tags dropped_iterations with (engine/iteration-counts.ts), and how it is said. */
const DROP_REASONS: ReadonlyMap<string, string> = new Map([
  ["no_vu", "no VU was free when they were due. Raise maxVUs, or the target is too slow for this rate"],
  ["max_duration", "maxDuration was over before their turn. Raise it, or the VUs"],
  ["lost", "their time had passed when another worker took over"],
  ["stopped", "they still waited for a VU when the test ended"],
]);

/** One line each, for people. `late`: requests reported after their share was sealed. */
export function resultWarnings(
  thresholds: readonly ThresholdPlan[],
  workflows: readonly WorkflowResult[],
  late: number,
): readonly string[] {
  const warnings = workflows.flatMap(droppedWarnings);
  const series = workflows.flatMap((workflow) => workflow.series);
  for (const plan of thresholds) {
    const [tag] = unknownTags(plan, series);
    if (tag === undefined) continue;
    const instead = tag === "url" ? ": addresses are in the tag name" : "";
    warnings.push(`the threshold on ${plan.metricKey} judged nothing: nothing measured has a tag "${tag}"${instead}`);
  }
  if (late > 0)
    warnings.push(
      `${late} requests were reported after their share was sealed; they are shown as late and not counted`,
    );
  return warnings;
}

function droppedWarnings({ name, accounting, series }: WorkflowResult): string[] {
  const { dropped, scheduled } = accounting;
  const byReason = new Map<string, number>();
  for (const { id, cells } of series) {
    const reason = id.tags["reason"];
    if (id.metric !== "dropped_iterations" || reason === undefined || cells.type !== "counter") continue;
    byReason.set(reason, (byReason.get(reason) ?? 0) + cells.sum);
  }
  if (byReason.size === 0 && dropped > 0) byReason.set("no_vu", dropped);
  return [...byReason].map(([reason, count]) => {
    const why = DROP_REASONS.get(reason) ?? reason;
    return `workflow "${name}" dropped ${count} of ${scheduled} iterations: ${why}`;
  });
}
