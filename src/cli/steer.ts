// `pause`, `resume` and `scale`, from their settings to their exit codes.

import { HyperscaleError } from "../base/error.ts";
import { VUS_MAX } from "../load/plan.ts";
import type { SteerOrder } from "../node/client-messages.ts";
import { askCluster } from "./asking.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { jobOf } from "./jobs.ts";
import { countOf, refuse } from "./values.ts";

/** The job's schedules stand still until it is resumed. */
export function pause(invocation: Invocation): Promise<number> {
  const outcome = "is paused: what runs goes on to its end, nothing begins until resume";
  return steer(invocation, { kind: "pause" }, (job) => `${job} ${outcome}`);
}

/** The job goes on where it stood. */
export function resume(invocation: Invocation): Promise<number> {
  return steer(invocation, { kind: "resume" }, (job) => `${job} goes on`);
}

/** A workflow of the job has another number of VUs from now on. */
export function scale(invocation: Invocation): Promise<number> {
  const { settings } = invocation;
  const [vus, workflow] = [settings.one("vus"), settings.one("workflow")];
  if (vus === null)
    throw new HyperscaleError("invalid", "--vus: how many virtual users the workflow shall have is missing", {
      hint: "like --vus 50",
    });
  const count = countOf(vus, 1);
  if (count > VUS_MAX) refuse(vus, `is more than ${VUS_MAX.toLocaleString("en")} virtual users`);
  if (workflow !== null && workflow.text === "") refuse(workflow, "is no name of a workflow");
  const order = { kind: "scale", workflow: workflow?.text ?? null, vus: count } as const;
  const vusText = count === 1 ? "1 virtual user" : `${count} virtual users`;
  return steer(invocation, order, (job) =>
    workflow === null
      ? `the one workflow of ${job} that can be scaled has ${vusText} from now on`
      : `workflow "${workflow.text}" of ${job} has ${vusText} from now on`,
  );
}

async function steer(invocation: Invocation, order: SteerOrder, outcome: (job: string) => string): Promise<number> {
  const id = jobOf(invocation);
  await askCluster(invocation, ({ client, answer }) => answer(client.steer(id, order)));
  invocation.terminal.progress.write(`${outcome(`job ${id}`)}\n`);
  return EXIT_OK;
}
