// `hyperscale key`: makes and changes the key of a cluster, and credentials from it. Its words and options; the run
// itself is cli/key.ts.

import { defineCommand, type ArgsDef } from "citty";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";

export const text: CommandText = {
  name: "key",
  summary: "Make the key of a cluster, and credentials for its workers and submitters",
  details: [
    "create: a new key in a file that its owner alone can read. Whoever has it is the cluster: copy it to the " +
      "managers, and to nobody else.",
    "issue --role worker, --role client, --role operator: a file for workers, for those who submit, or for those who " +
      "may change who the managers are besides (hyperscale peer). It lets its holder be that and nothing else, until " +
      "it ends (90 days unless --days says otherwise; begin anew with issue). To the managers' --submit-rate all who " +
      "use one file are one client.",
    "show FILE: whose key or credentials a file holds, and until when; never the key itself.",
    "add, promote, retire: the three steps of changing a key while the cluster runs. add writes a new key into the " +
      "file, which is accepted from then on; promote puts it in use; retire takes the old one out. After each step " +
      "copy the file to every manager and restart one after the other, and after add and after promote issue the " +
      "credentials of workers and submitters anew: then nobody is refused on the way. Before retire, let jobs end " +
      "that ran when promote came: their values are under the old key.",
    "Tests run with the rights of their worker: they can read its files. Give workers credentials, never the key.",
    "Exit code: 0 done; 74 a file cannot be read or written; 104 an option or a file is not what it should be.",
  ],
  examples: [
    { line: "hyperscale key create --out cluster.key", text: "once for a cluster" },
    { line: "hyperscale key issue --role worker --key-file cluster.key --out worker.credentials", text: "for workers" },
    { line: "hyperscale key issue --role client --days 30 --out laptop.credentials", text: "for who submits" },
    { line: "hyperscale key show laptop.credentials --json", text: "whose they are and when they end, for a program" },
  ],
};

export const options = {
  action: {
    type: "positional",
    required: true,
    valueHint: "ACTION",
    completion: ["create", "issue", "show", "add", "promote", "retire"],
    description: "create, issue, show, add, promote or retire",
  },
  file: {
    type: "positional",
    required: false,
    valueHint: "FILE",
    completion: "file",
    description: "show: a key file, or credentials",
  },
  "key-file": {
    type: "string",
    valueHint: "FILE",
    section: "Key",
    completion: "file",
    description: "Key of the cluster; default cluster.key",
  },
  out: {
    type: "string",
    valueHint: "FILE",
    section: "Key",
    completion: "file",
    isFlagOnly: true,
    description: "File to make; create: default cluster.key. What is there is never overwritten",
  },
  role: {
    type: "string",
    valueHint: "ROLE",
    section: "Credentials",
    completion: ["worker", "client", "operator"],
    isFlagOnly: true,
    description: "issue: worker; client for who submits; operator for who may change the managers too",
  },
  node: {
    type: "string",
    valueHint: "ID",
    section: "Credentials",
    isFlagOnly: true,
    description: "issue: for the one worker of this id; default any worker",
  },
  days: {
    type: "string",
    valueHint: "N",
    section: "Credentials",
    isFlagOnly: true,
    description: "issue: days until they end; default 90",
  },
  json: { type: "boolean", section: "Output", description: "Print as JSON" },
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { key } = await import("../key.ts");
    return key(invocationOf(context));
  },
});
