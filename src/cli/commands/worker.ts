// `hyperscale worker`: runs a worker of a cluster. Its words and options; the run itself is cli/worker.ts.

import { defineCommand, type ArgsDef } from "citty";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";
import { LISTEN_OPTIONS, NODE_OPTIONS } from "../node-options.ts";

export const text: CommandText = {
  name: "worker",
  summary: "Run a worker: its cores run the tests that are submitted to its managers",
  details: [
    "A worker runs the code of every test that is submitted, with the rights of its user.",
    "It sends nothing without a manager: when none has renewed its lease for 10 s, it stops what it runs and hands " +
      "it back when one is there again.",
    "SIGTERM and Ctrl+C hand its work back to the managers and end it; a second one ends it at once.",
    "Exit code: 0 stopped by a signal, 74 its data folder cannot be used, 75 --exit-without-managers came true, " +
      "104 an option is invalid or a port is taken.",
  ],
  examples: [
    {
      line: "hyperscale worker --tcp 9200 --managers 127.0.0.1:9000,127.0.0.1:9002,127.0.0.1:9004 --cores 2",
      text: "two cores for three managers",
    },
  ],
};

export const options = {
  managers: {
    type: "string",
    valueHint: "HOST:PORT,...",
    isRepeatable: true,
    isList: true,
    section: "Network",
    description:
      "Managers of the cluster: HOST:PORT (HOST:TCP/UDP where the UDP port is not the next one), or where to look " +
      "for them: HOST:FROM-TO, dns:NAME:PORT or srv:NAME",
  },
  ...LISTEN_OPTIONS,
  "port-range": {
    type: "string",
    valueHint: "FROM-TO",
    section: "Network",
    description: "Listen at the first pair of ports that is free in this range: 9200-9299",
  },
  cores: { type: "string", valueHint: "N", section: "Generator", description: "CPU cores to run on; default all" },
  label: {
    type: "string",
    valueHint: "NAME=VALUE",
    isRepeatable: true,
    pair: "=",
    section: "Generator",
    description: "Label that workflows may require or prefer: region=us-east-1",
  },
  "memory-max": {
    type: "string",
    valueHint: "SIZE",
    section: "Generator",
    description: "Memory at which a test is failed: 2GiB; default 80 % of what the machine or its cgroup allows",
  },
  "exit-without-managers": {
    type: "string",
    valueHint: "TIME",
    section: "Generator",
    description: "End when no manager was there for so long: 30s; default never",
  },
  ...NODE_OPTIONS,
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { worker } = await import("../worker.ts");
    return worker(invocationOf(context));
  },
});
