// `hyperscale submit`: runs a test. Its words and options; the run itself is cli/submission.ts.

import { defineCommand, type ArgsDef } from "citty";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";
import { submitExitMeanings } from "../exit.ts";
import { CLUSTER_OPTIONS } from "../cluster-options.ts";
import { LOAD_OPTIONS } from "../load-options.ts";

export const text: CommandText = {
  name: "submit",
  summary: "Run a test and print its summary",
  details: [
    "Runs the test in this process, on all cores, or with --managers on the workers of a cluster. The summary goes " +
      "to standard output, progress and log to standard error.",
    "A URL is requested in a loop: 200 requests over 50 virtual users where nothing else is said, 50 virtual users " +
      "with --duration, 10 s with --rate.",
    "Ctrl+C ends the test gracefully and prints the summary; a second one leaves at once.",
    "On a cluster a test goes on when its client dies or its terminal goes away: the same submit with the same --id " +
      "follows it again, as does status --job ID --watch, and results ID has the summary.",
    `Exit code: ${submitExitMeanings()
      .map(({ exit, meaning }) => `${exit} ${meaning}`)
      .join("; ")}.`,
  ],
  examples: [
    { line: "hyperscale submit test.ts", text: "the test as its options say" },
    {
      line: "hyperscale submit test.ts -u 100 -d 30s -e TARGET=http://127.0.0.1:8080",
      text: "100 virtual users for 30 s",
    },
    { line: "hyperscale submit http://127.0.0.1:8080/ --rate 500/s -d 10s", text: "500 requests a second for 10 s" },
    {
      line: "hyperscale submit test.ts --managers 127.0.0.1:9000,127.0.0.1:9002,127.0.0.1:9004",
      text: "on the workers of a cluster",
    },
    {
      line: "hyperscale submit test.ts --summary-export out.json --html out.html -o csv=seconds.csv",
      text: "with results in files",
    },
  ],
};

export const options = {
  ...LOAD_OPTIONS,
  "memory-max": {
    type: "string",
    valueHint: "SIZE",
    section: "Generator",
    description: "Memory at which the test is failed: 2GiB; default 80 % of what the machine or its cgroup allows",
  },
  ...CLUSTER_OPTIONS,
  detach: { type: "boolean", section: "Cluster", description: "Print the job's id once it is accepted, and leave" },
  id: { type: "string", valueHint: "KEY", section: "Generator", description: "Id of the job; default a new one" },
  out: {
    type: "string",
    alias: ["o"],
    valueHint: "KIND=FILE",
    isRepeatable: true,
    section: "Output",
    completion: "file",
    description: "Write every second's metrics as json=FILE or csv=FILE; a FILE ending in .gz is compressed",
  },
  "summary-export": {
    type: "string",
    valueHint: "FILE",
    section: "Output",
    completion: "file",
    description: "Write the summary as JSON",
  },
  html: {
    type: "string",
    valueHint: "FILE",
    section: "Output",
    completion: "file",
    description: "Write a report with charts as one HTML page",
  },
  json: { type: "boolean", section: "Output", description: "Print the summary as JSON" },
  "summary-trend-stats": {
    type: "string",
    valueHint: "LIST",
    isRepeatable: true,
    isList: true,
    section: "Output",
    description: "Columns of the printed times: avg,min,med,max,p(95),p(99.9),count",
  },
  quiet: { type: "boolean", alias: ["q"], section: "Output", description: "No progress" },
  verbose: { type: "boolean", alias: ["v"], section: "Output", description: "Log more" },
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { submit } = await import("../submission.ts");
    return submit(invocationOf(context));
  },
});
