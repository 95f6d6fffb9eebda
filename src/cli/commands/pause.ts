// `hyperscale pause`: holds a job of a cluster. Its words and options; the run itself is cli/steer.ts.

import { defineCommand, type ArgsDef } from "citty";
import { ASKING_OPTIONS, JOB_ARGUMENT } from "../cluster-options.ts";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";

export const text: CommandText = {
  name: "pause",
  summary: "Hold a job of a cluster",
  details: [
    "No iteration begins any more; those that run go on to their ends. The clock of every schedule stands still: " +
      "arrivals of that time never happen, durations and limits do not run, and rates are over the time without it.",
    "Exit code: 0 paused, or it was before; 75 no manager answers; 104 there is no such job, or it has ended.",
  ],
  examples: [{ line: "hyperscale pause 01m80qskpexpr3r013xn --managers 127.0.0.1:9000", text: "holds that job" }],
};

export const options = {
  ...JOB_ARGUMENT,
  ...ASKING_OPTIONS,
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { pause } = await import("../steer.ts");
    return pause(invocationOf(context));
  },
});
