// Options of every command that talks to a cluster. Their values are read in cluster.ts.

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
