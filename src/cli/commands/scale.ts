// `hyperscale scale`: gives a workflow that runs another number of virtual users. Its words and options; the run itself
// is cli/steer.ts.

import { defineCommand, type ArgsDef } from "citty";
import { ASKING_OPTIONS, JOB_ARGUMENT } from "../cluster-options.ts";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";

export const text: CommandText = {
  name: "scale",
  summary: "Give a workflow that runs another number of virtual users",
  details: [
    "Workflows of the executors constant-vus and externally-controlled can be scaled, the latter up to their maxVUs. " +
      "They keep the cores they have. Virtual users that are too many end after their iterations, or gracefulStop.",
    "Exit code: 0 scaled; 75 no manager answers; 104 there is no such job or workflow, it has ended, it cannot be " +
      "scaled, or not to that number.",
  ],
  examples: [
    {
      line: "hyperscale scale 01m80qskpexpr3r013xn --vus 50 --managers 127.0.0.1:9000",
      text: "50 in the job's only workflow",
    },
    {
      line: "hyperscale scale 01m80qskpexpr3r013xn --workflow browse --vus 5 --managers 127.0.0.1:9000",
      text: "5 in that one",
    },
  ],
};

export const options = {
  ...JOB_ARGUMENT,
  vus: { type: "string", valueHint: "N", section: "Load", description: "Virtual users of the whole workflow" },
  workflow: {
    type: "string",
    valueHint: "NAME",
    section: "Load",
    description: "The workflow, where more than one can be scaled",
  },
  ...ASKING_OPTIONS,
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { scale } = await import("../steer.ts");
    return scale(invocationOf(context));
  },
});
