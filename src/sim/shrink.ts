// Makes a failing run smaller: leaves out faults, then actions, as long as the same property still fails. What is left
// is what a person has to think about.

import { run, type RunOutcome, type RunPlan } from "./run.ts";

/** Runs a shrinking may take. */
const RUNS_MAX = 120;

/** In: a plan that fails. Out: the outcome of the smallest found that fails alike. */
export function shrink(failed: RunOutcome, runOne: (plan: RunPlan) => RunOutcome = run): RunOutcome {
  let best = failed;
  let runs = 0;
  const failsAlike = (plan: RunPlan): boolean => {
    if (runs >= RUNS_MAX) return false;
    runs++;
    const outcome = runOne(plan);
    if (outcome.violation?.property !== failed.violation?.property) return false;
    best = outcome;
    return true;
  };
  leaveOut(
    best.faults.map(({ number }) => number),
    (without) => failsAlike({ ...best.plan, withoutFaults: new Set([...best.plan.withoutFaults, ...without]) }),
  );
  leaveOut(
    best.actions.map(({ number }) => number),
    (without) => failsAlike({ ...best.plan, withoutActions: new Set([...best.plan.withoutActions, ...without]) }),
  );
  return best;
}

/** Tries halves, quarters and so on down to single ones (delta debugging); `isFine` keeps what it said yes to. */
function leaveOut(numbers: readonly number[], isFine: (without: readonly number[]) => boolean): void {
  let left = numbers;
  for (
    let size = Math.ceil(left.length / 2);
    size >= 1 && left.length > 0;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < left.length;) {
      const chunk = left.slice(from, from + size);
      if (isFine(chunk)) left = left.filter((number) => !chunk.includes(number));
      else from += size;
    }
  }
}

/** The command that repeats a run. */
export function commandOf(plan: RunPlan): string {
  const without = (name: string, numbers: ReadonlySet<number>): string =>
    numbers.size === 0 ? "" : ` --without-${name} ${[...numbers].join(",")}`;
  return (
    `bun run sim --seed ${plan.seed} --nodes ${plan.managers} --profile ${plan.profile}` +
    without("faults", plan.withoutFaults) +
    without("actions", plan.withoutActions)
  );
}

/** What a run does, for people. */
export function scheduleLines({ faults, actions }: RunOutcome): readonly string[] {
  const at = (ms: number): string => `${Math.round(ms).toString().padStart(6)} ms`;
  const lines: readonly (readonly [number, string])[] = [
    ...faults.map(({ number, kind, atMs, lastsMs, node, other, group, size }): readonly [number, string] => [
      atMs,
      `fault ${number} ${kind} ${node} (other ${other}, size ${size.toFixed(2)}) for ${Math.round(lastsMs)} ms` +
        (group.length > 0 ? ` apart: ${group.join(" ")}` : ""),
    ]),
    ...actions.map((action): readonly [number, string] => [
      action.atMs,
      `action ${action.number} ${action.kind} by c${action.client}: ` +
        (action.kind === "cancel" || action.kind === "steer" ? action.id : `${action.job.id} ${action.job.kind}`),
    ]),
  ];
  return lines.toSorted(([left], [right]) => left - right).map(([ms, text]) => `${at(ms)}  ${text}`);
}
