// Options of every command that talks to a cluster, and of those that only ask or order something. Their values are
// read in cluster.ts.

import type { OptionTable } from "./command.ts";
import { CREDENTIAL_OPTIONS } from "./credential-options.ts";
import { DNS_OPTION } from "./place-options.ts";

export const CLUSTER_OPTIONS = {
  managers: {
    type: "string",
    valueHint: "HOST:PORT,...",
    isRepeatable: true,
    isList: true,
    section: "Cluster",
    description: "Managers of a cluster, one or more: HOST:PORT, HOST:FROM-TO, dns:NAME:PORT or srv:NAME",
  },
  ...DNS_OPTION,
  environment: {
    type: "string",
    valueHint: "NAME",
    section: "Cluster",
    description: "Environment of the cluster's nodes; default default",
  },
  ...CREDENTIAL_OPTIONS,
} as const satisfies OptionTable;

/** Of the commands that talk to a cluster and run nothing of their own. */
export const ASKING_OPTIONS = {
  ...CLUSTER_OPTIONS,
  config: {
    type: "string",
    alias: ["c"],
    valueHint: "FILE",
    section: "Cluster",
    completion: "file",
    description: "JSON file of options, by name",
  },
  verbose: { type: "boolean", alias: ["v"], section: "Output", description: "Log more" },
} as const satisfies OptionTable;

/** The job that a command is about. Its value: `jobOf`. */
export const JOB_ARGUMENT = {
  job: { type: "positional", required: true, valueHint: "ID", completion: "none", description: "id of the job" },
} as const satisfies OptionTable;
