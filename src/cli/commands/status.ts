// `hyperscale status`: shows a cluster or a job. Its words and options; the run itself is cli/status.ts.

import { defineCommand, type ArgsDef } from "citty";
import { ASKING_OPTIONS } from "../cluster-options.ts";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";

export const text: CommandText = {
  name: "status",
  summary: "Show a cluster as one of its nodes knows it, or one of its jobs",
  details: [
    "Asks the first manager that answers, or the node given: a worker too. Works while nobody leads.",
    "With --job the state of that job; with --watch too it is followed to its end, as its submit does, and Ctrl+C " +
      "only leaves.",
    "With --watch a terminal shows the cluster, the rates of its jobs and what happened lately, until Ctrl+C; with " +
      "--json too it is a line of JSON a second.",
    "Exit code: 0 shown; 75 no node answers; 104 there is no such job; with --watch the one that its submit ends with.",
  ],
  examples: [
    { line: "hyperscale status --managers 127.0.0.1:9000", text: "leader, quorum, members, workers, jobs" },
    { line: "hyperscale status 127.0.0.1:9200 --json", text: "what that node knows, for a program" },
    { line: "hyperscale status --job 01m80qskpexpr3r013xn --watch --managers 127.0.0.1:9000", text: "follows a job" },
  ],
};

export const options = {
  node: {
    type: "positional",
    required: false,
    valueHint: "NODE",
    completion: "none",
    description: "HOST:PORT of any node; default one of --managers",
  },
  ...ASKING_OPTIONS,
  job: { type: "string", valueHint: "ID", section: "Job", description: "Show that job alone", isFlagOnly: true },
  watch: {
    type: "boolean",
    section: "Output",
    description: "Keep it up to date; with --job follow it to its end",
    isFlagOnly: true,
  },
  json: { type: "boolean", section: "Output", description: "Print as JSON" },
  quiet: { type: "boolean", alias: ["q"], section: "Output", description: "No progress" },
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { status } = await import("../status.ts");
    return status(invocationOf(context));
  },
});
