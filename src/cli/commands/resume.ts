// `hyperscale resume`: lets a paused job of a cluster go on. Its words and options; the run itself is cli/steer.ts.

import { defineCommand, type ArgsDef } from "citty";
import { ASKING_OPTIONS, JOB_ARGUMENT } from "../cluster-options.ts";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";

export const text: CommandText = {
  name: "resume",
  summary: "Let a paused job of a cluster go on",
  details: [
    "Its schedules go on where they stood.",
    "Exit code: 0 it runs, or did before; 75 no manager answers; 104 there is no such job, or it has ended.",
  ],
  examples: [{ line: "hyperscale resume 01m80qskpexpr3r013xn --managers 127.0.0.1:9000", text: "lets that job go on" }],
};

export const options = {
  ...JOB_ARGUMENT,
  ...ASKING_OPTIONS,
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { resume } = await import("../steer.ts");
    return resume(invocationOf(context));
  },
});
