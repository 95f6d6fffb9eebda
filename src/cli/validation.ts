// `validate` from its settings to its exit code: loads and plans the test as `submit` would, and prints the plan as
// text or JSON. Sends nothing.

import { createLog } from "../io/log.ts";
import { curve, describeShares, describeWorkflow, longestMs } from "../load/describe.ts";
import type { JobPlan, WorkflowPlan } from "../load/plan.ts";
import { chartCells, chartLines } from "../tui/chart.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { coresOf, loadJob } from "./job.ts";
import { usesColor } from "./progress.ts";

/** Points of the curve in the JSON form. */
const CURVE_POINTS = 100;
const COLUMNS_MAX = 100;
const CHART_ROWS = 5;

/** Prints the plan. Throws what `submit` would throw before it starts. */
export async function validate(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  const cores = coresOf(invocation);
  const log = createLog({
    level: "info",
    color: usesColor(terminal, settings, "progress"),
    line: (text) => terminal.progress.write(`${text}\n`),
  });
  const { plan, warnings } = await loadJob(invocation, log);
  for (const warning of warnings) log.warn(warning);
  if (settings.is("json")) {
    const shares = Object.fromEntries(
      plan.workflows.map((workflow) => [workflow.name, describeShares(workflow, cores)]),
    );
    const document = {
      version: 1,
      plan,
      order: waves(plan),
      cores,
      shares,
      maxDurationMs: longestMs(plan),
      curve: curve(plan, CURVE_POINTS),
    };
    await terminal.print(`${JSON.stringify(document, null, 2)}\n`);
    return EXIT_OK;
  }
  await terminal.print(planText(plan, cores, Math.min(COLUMNS_MAX, terminal.output.size().columns)));
  return EXIT_OK;
}

/** The plan for people: what runs in which order, on how many cores, and the load over time. */
export function planText(plan: JobPlan, cores: number, columns: number): string {
  const lines = [`job ${plan.name}: valid`, ""];
  if (plan.setup !== null) lines.push("before all: setup");
  for (const [index, names] of waves(plan).entries()) {
    lines.push(index === 0 ? "first:" : "then:");
    for (const name of names)
      lines.push(
        ...workflowLines(
          plan.workflows.find((workflow) => workflow.name === name),
          cores,
        ),
      );
  }
  if (plan.teardown !== null) lines.push("after all: teardown");
  if (plan.thresholds.length > 0) lines.push("", "thresholds:");
  for (const { metricKey, expression, abortOnFail } of plan.thresholds) {
    lines.push(`  ${metricKey}: ${expression}${abortOnFail ? " (aborts the test)" : ""}`);
  }
  if (plan.feeds.length > 0) lines.push("", "data:");
  for (const { source, rows, pick } of plan.feeds) lines.push(`  ${source}: ${rows} rows, ${pick}`);
  return `${[...lines, ...chartsOf(plan, columns)].join("\n")}\n`;
}

/** Names of workflows in the order they may start: each wave needs only earlier ones. */
export function waves(plan: JobPlan): readonly (readonly string[])[] {
  const done = new Set<string>();
  const order: string[][] = [];
  while (done.size < plan.workflows.length) {
    const wave = plan.workflows
      .filter(({ name, after }) => !done.has(name) && after.every((before) => done.has(before)))
      .map(({ name }) => name);
    // A plan has no cycle: planning refuses one.
    if (wave.length === 0) break;
    for (const name of wave) done.add(name);
    order.push(wave);
  }
  return order;
}

function workflowLines(workflow: WorkflowPlan | undefined, cores: number): readonly string[] {
  if (workflow === undefined) return [];
  return [
    `  ${workflow.name}: ${describeWorkflow(workflow)}`,
    `    ${workflow.executor.kind}, ${describeShares(workflow, cores)}`,
  ];
}

/** A chart of VUs, and of the arrival rate where there is one. Empty without any schedule. */
function chartsOf(plan: JobPlan, columns: number): readonly string[] {
  const points = curve(plan, chartCells(columns));
  const totalMs =
    points.length === 0 ? 0 : ((points[points.length - 1]?.atMs ?? 0) * points.length) / (points.length - 0.5);
  if (totalMs === 0) return [];
  const chart = (title: string, values: readonly number[]): readonly string[] => [
    "",
    ...chartLines(values, { title, columns, rows: CHART_ROWS, totalMs }),
  ];
  const bound = plan.workflows.some(({ executor }) => "iterations" in executor) ? " (iterations may end sooner)" : "";
  return [
    ...chart(
      `virtual users${bound}:`,
      points.map((point) => point.vus),
    ),
    ...(points.some((point) => point.rate > 0)
      ? chart(
          "iterations started per second:",
          points.map((point) => point.rate),
        )
      : []),
  ];
}
