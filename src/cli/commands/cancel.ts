// `hyperscale cancel`: ends a job of a cluster. Its words and options; the run itself is cli/jobs.ts.

import { defineCommand, type ArgsDef } from "citty";
import { ASKING_OPTIONS, JOB_ARGUMENT } from "../cluster-options.ts";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";

export const text: CommandText = {
  name: "cancel",
  summary: "End a job of a cluster gracefully",
  details: [
    "Its submit prints the summary of what ran and exits with 103.",
    "Exit code: 0 cancelled, or it had ended before; 75 no manager answers; 104 there is no such job.",
  ],
  examples: [{ line: "hyperscale cancel 01m80qskpexpr3r013xn --managers 127.0.0.1:9000", text: "ends that job" }],
};

export const options = {
  ...JOB_ARGUMENT,
  ...ASKING_OPTIONS,
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { cancel } = await import("../jobs.ts");
    return cancel(invocationOf(context));
  },
});
