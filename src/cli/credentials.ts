// What a node or client proves itself with, from its options to credentials that work. What each file holds and whether
// it is good, io/security says.

import { resolvePath } from "../io/files.ts";
import type { Credentials } from "../io/security/credentials.ts";
import { type CredentialsGiven, openCredentials } from "../io/security/open-credentials.ts";
import type { PeerRole } from "../io/security/peer-identity.ts";
import type { Invocation, OptionTable } from "./command.ts";
import type { Setting } from "./settings.ts";
import { refuse } from "./values.ts";

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

/** What the settings give: one of the three, or nothing. Throws `invalid` when they give more than one, or a part. */
export function credentialsGiven({ settings, terminal }: Invocation): CredentialsGiven {
  const path = (setting: Setting): string => resolvePath(terminal.directory, setting.text);
  const [keyFile, issued] = [settings.one("key-file"), settings.one("credentials")];
  const [certificate, privateKey, authority] = [
    settings.one("tls-cert"),
    settings.one("tls-key"),
    settings.one("tls-ca"),
  ];
  const gossipKey = settings.one("gossip-key-file");
  const [first, second] = [keyFile, issued, certificate ?? privateKey ?? authority ?? gossipKey].filter(isGiven);
  if (first === undefined) return { kind: "none" };
  if (second !== undefined)
    return refuse(
      second,
      `goes not together with ${first.source}`,
      "a node proves itself in one way: leave one of them out",
    );
  if (keyFile !== null) return { kind: "keyFile", path: path(keyFile) };
  if (issued !== null) return { kind: "issued", path: path(issued) };
  if (certificate === null || privateKey === null || authority === null)
    return refuse(first, "is a part of what is needed", "--tls-cert, --tls-key and --tls-ca go together");
  return {
    kind: "certificates",
    paths: {
      certificate: path(certificate),
      privateKey: path(privateKey),
      authority: path(authority),
      gossipKey: gossipKey === null ? null : path(gossipKey),
    },
  };
}

/** Credentials for a role. `host`: listened at, null for who only connects. Throws `invalid` and `storage`. */
export async function openGiven(
  { terminal }: Pick<Invocation, "terminal">,
  options: {
    readonly given: CredentialsGiven;
    readonly role: PeerRole;
    readonly host: string | null;
    readonly epochMs: number;
  },
): Promise<Credentials> {
  return openCredentials({ ...options, node: null, environment: terminal.env });
}

function isGiven(setting: Setting | null): setting is Setting {
  return setting !== null;
}
