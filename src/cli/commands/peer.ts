// `hyperscale peer`: shows and changes who the managers of a cluster are. Its words and options; the run itself is
// cli/peer.ts.

import { defineCommand, type ArgsDef } from "citty";
import { ASKING_OPTIONS } from "../cluster-options.ts";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";

export const text: CommandText = {
  name: "peer",
  summary: "Show and change who the managers of a cluster are",
  details: [
    "list: the managers, what they are to the cluster, and managers that are up and do not belong to it yet.",
    "add NODE: a manager with an empty data folder joins: it gets what the others hold, then it votes.",
    "remove NODE: a manager has no part any more; stop it afterwards.",
    "replace OLD NEW: a manager whose data folder is gone. Started again with an empty folder it is another node, " +
      "also at the same address, and waits for this.",
    "add, remove and replace need the cluster's key (--key-file) or credentials of an operator (hyperscale key issue " +
      "--role operator); without credentials, on this machine, your own nodes take them.",
    "NODE is the id of a manager, the first characters of it, or its HOST:PORT. One change is made at a time; one " +
      "that would leave the cluster without a majority is refused. A change that was broken off is gone on with when " +
      "it is asked for again.",
    "Exit code: 0 done; 75 refused, no leader, or no manager answers; 104 there is no such node.",
  ],
  examples: [
    { line: "hyperscale peer list --managers 127.0.0.1:9000", text: "who they are" },
    { line: "hyperscale peer replace 1f00aa21 127.0.0.1:9004 --managers 127.0.0.1:9000", text: "after a lost disk" },
    { line: "hyperscale peer add 127.0.0.1:9006 --managers 127.0.0.1:9000", text: "a fourth manager" },
  ],
};

export const options = {
  action: {
    type: "positional",
    required: true,
    valueHint: "ACTION",
    completion: ["list", "add", "remove", "replace"],
    description: "list, add, remove or replace",
  },
  node: {
    type: "positional",
    required: false,
    valueHint: "NODE",
    completion: "none",
    description: "Manager that is added, removed or replaced: id or HOST:PORT",
  },
  successor: {
    type: "positional",
    required: false,
    valueHint: "NEW",
    completion: "none",
    description: "replace: the manager that takes its place",
  },
  ...ASKING_OPTIONS,
  json: { type: "boolean", section: "Output", description: "list: print as JSON" },
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { peer } = await import("../peer.ts");
    return peer(invocationOf(context));
  },
});
