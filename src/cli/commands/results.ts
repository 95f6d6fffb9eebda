// `hyperscale results`: prints what a job that has ended measured. Its words and options; the run itself is
// cli/jobs.ts.

import { defineCommand, type ArgsDef } from "citty";
import { ASKING_OPTIONS, JOB_ARGUMENT } from "../cluster-options.ts";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";

export const text: CommandText = {
  name: "results",
  summary: "Print the summary of a job that has ended",
  details: [
    "What its submit printed, as long as the cluster keeps it.",
    "Exit code: the one that its submit ends with; 75 no manager answers, or the job has not ended; 104 there is no " +
      "such job.",
  ],
  examples: [
    {
      line: "hyperscale results 01m80qskpexpr3r013xn --managers 127.0.0.1:9000 --summary-export out.json",
      text: "the summary, and into a file",
    },
  ],
};

export const options = {
  ...JOB_ARGUMENT,
  ...ASKING_OPTIONS,
  "summary-export": {
    type: "string",
    valueHint: "FILE",
    section: "Output",
    completion: "file",
    description: "Write the summary as JSON",
  },
  json: { type: "boolean", section: "Output", description: "Print the summary as JSON" },
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { results } = await import("../jobs.ts");
    return results(invocationOf(context));
  },
});
