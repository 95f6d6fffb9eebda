// What a node or client was given to prove itself with: one way of several. Light to load; opened by credentials.ts.

import { resolvePath } from "../io/files.ts";
import type { CredentialsGiven } from "../io/security/bind-problem.ts";
import type { Invocation } from "./command.ts";
import type { Setting } from "./settings.ts";
import { refuse } from "./values.ts";

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

function isGiven(setting: Setting | null): setting is Setting {
  return setting !== null;
}
