// `hyperscale jobs`: lists the jobs of a cluster. Its words and options; the run itself is cli/jobs.ts.

import { defineCommand, type ArgsDef } from "citty";
import { ASKING_OPTIONS } from "../cluster-options.ts";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";

export const text: CommandText = {
  name: "jobs",
  summary: "List the jobs of a cluster",
  details: [
    "The newest last; ended jobs are listed as long as the cluster keeps them.",
    "Exit code: 0 listed, 75 no manager answers.",
  ],
  examples: [
    { line: "hyperscale jobs --managers 127.0.0.1:9000", text: "a table" },
    { line: "hyperscale jobs --managers 127.0.0.1:9000 --json", text: "for a program" },
  ],
};

export const options = {
  ...ASKING_OPTIONS,
  json: { type: "boolean", section: "Output", description: "Print the jobs as JSON" },
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { jobs } = await import("../jobs.ts");
    return jobs(invocationOf(context));
  },
});
