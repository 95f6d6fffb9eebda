// Options that say what a node or client proves itself with. Their values are read in credentials.ts.

import type { OptionTable } from "./command.ts";

/** Of every command that is a node of a cluster or talks to one. */
export const CREDENTIAL_OPTIONS = {
  "key-file": {
    type: "string",
    valueHint: "FILE",
    section: "Security",
    completion: "file",
    description: "Key of the cluster (hyperscale key create): for managers, and for whoever runs the cluster",
  },
  credentials: {
    type: "string",
    valueHint: "FILE",
    section: "Security",
    completion: "file",
    description: "Credentials of a worker or client (hyperscale key issue)",
  },
  "tls-cert": {
    type: "string",
    valueHint: "FILE",
    section: "Security",
    completion: "file",
    description: "A certificate of your own in place of a key, PEM: its name URI:hyperscale://CLUSTER/ROLE/NODE counts",
  },
  "tls-key": {
    type: "string",
    valueHint: "FILE",
    section: "Security",
    completion: "file",
    description: "Its private key, PEM",
  },
  "tls-ca": {
    type: "string",
    valueHint: "FILE",
    section: "Security",
    completion: "file",
    description: "The authority whose certificates are believed, PEM",
  },
  "gossip-key-file": {
    type: "string",
    valueHint: "FILE",
    section: "Security",
    completion: "file",
    description: "With --tls-cert: key of membership's datagrams, in the form of hyperscale key create",
  },
} as const satisfies OptionTable;
