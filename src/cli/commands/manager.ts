// `hyperscale manager`: runs a manager of a cluster. Its words and options; the run itself is cli/manager.ts.

import { defineCommand, type ArgsDef } from "citty";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";
import { LISTEN_OPTIONS, NODE_OPTIONS } from "../node-options.ts";

export const text: CommandText = {
  name: "manager",
  summary: "Run a manager: it keeps jobs, gives their work to workers, and adds up what they measure",
  details: [
    "Three managers survive the loss of one, five the loss of two. All are given the same --peers, themselves " +
      "included; once all of them are up they form the cluster, and from then on a majority is enough.",
    "A peer is HOST:PORT, its TCP port; its UDP port is the next one, or stated as HOST:TCP/UDP.",
    "Where --peers is dns:NAME:PORT (all addresses of a name), srv:NAME (an SRV record) or HOST:FROM-TO (a range of " +
      "ports), managers are looked for there, and form the cluster once --expect of them are found.",
    "A manager with an empty folder that meets a cluster has no part in it before hyperscale peer add or peer replace.",
    "The data folder holds every job that was acknowledged: a manager that is started again with it goes on. " +
      "Without credentials a node listens on loopback only.",
    "SIGTERM and Ctrl+C hand over what the manager leads and owns and end it; a second one ends it at once.",
    "Exit code: 0 stopped by a signal, 74 its data folder cannot be used, 104 an option is invalid or a port is taken.",
  ],
  examples: [
    {
      line: "hyperscale manager --tcp 9000 --peers 127.0.0.1:9000,127.0.0.1:9002,127.0.0.1:9004",
      text: "the first of three on one machine",
    },
    { line: "hyperscale manager", text: "a cluster of one manager" },
  ],
};

export const options = {
  peers: {
    type: "string",
    valueHint: "HOST:PORT,...",
    isRepeatable: true,
    isList: true,
    section: "Network",
    description: "All managers of the cluster, this one too; default this one alone. Or where to look for them",
  },
  expect: {
    type: "string",
    valueHint: "N",
    section: "Network",
    description: "How many managers form the cluster, where --peers says only where to look for them",
  },
  ...LISTEN_OPTIONS,
  "submit-rate": {
    type: "string",
    valueHint: "RATE",
    section: "Network",
    description:
      "Submits taken from one client, like 50/s (the default; twice as many at once), or off. One client are all who " +
      "use the same issued credentials; with the key itself, those of one host; on this machine, each process",
  },
  ...NODE_OPTIONS,
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { manager } = await import("../manager.ts");
    return manager(invocationOf(context));
  },
});
