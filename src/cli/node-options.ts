// Options that managers and workers have in common. Their values are read in node-settings.ts.

import type { OptionTable } from "./command.ts";
import { CREDENTIAL_OPTIONS } from "./credential-options.ts";
import { DNS_OPTION } from "./place-options.ts";

export const LISTEN_OPTIONS = {
  tcp: { type: "string", valueHint: "PORT", section: "Network", description: "TCP port; 0 takes a free one" },
  udp: { type: "string", valueHint: "PORT", section: "Network", description: "UDP port; default the one after --tcp" },
  host: {
    type: "string",
    valueHint: "HOST",
    section: "Network",
    description: "Address to listen at; default 127.0.0.1",
  },
  advertise: {
    type: "string",
    valueHint: "HOST",
    section: "Network",
    description: "Address that others reach this node at; default --host",
  },
  ...DNS_OPTION,
  dc: { type: "string", valueHint: "NAME", section: "Node", description: "Name of its datacenter, shown in status" },
} as const satisfies OptionTable;

/** Also an option of `chaos`. */
export const RUNTIME_OPTIONS = {
  "runtime-dir": {
    type: "string",
    valueHint: "DIR",
    section: "Chaos",
    completion: "folder",
    description: "Where nodes with --chaos register; default $XDG_RUNTIME_DIR/hyperscale, or /tmp/hyperscale-UID",
  },
} as const satisfies OptionTable;

export const NODE_OPTIONS = {
  ...CREDENTIAL_OPTIONS,
  data: {
    type: "string",
    valueHint: "DIR",
    section: "Node",
    completion: "folder",
    description: "Folder of this node alone; default hyperscale-data/ROLE-PORT",
  },
  environment: {
    type: "string",
    valueHint: "NAME",
    section: "Node",
    description: "Nodes and clients of different environments refuse each other; default default",
  },
  profile: {
    type: "string",
    valueHint: "NAME",
    section: "Node",
    completion: ["local", "lan", "wan"],
    description: "Timers for one machine (local), one datacenter (lan) or several (wan); default lan",
  },
  config: {
    type: "string",
    alias: ["c"],
    valueHint: "FILE",
    section: "Node",
    completion: "file",
    description: 'JSON file of options, by name: { "tcp": 9000, "peers": ["10.0.0.5:9000"] }',
  },
  ...RUNTIME_OPTIONS,
  chaos: {
    type: "boolean",
    section: "Chaos",
    description: "Take fault orders of this user (hyperscale chaos): for tests of the cluster, never in earnest",
  },
  quiet: { type: "boolean", alias: ["q"], section: "Output", description: "Print warnings and errors alone" },
  verbose: { type: "boolean", alias: ["v"], section: "Output", description: "Log more" },
} as const satisfies OptionTable;
