// From what a person gave to credentials that work, the same way for every command: a key file, an issued file,
// certificates, or nothing, which is a key that this user's processes on this machine share, on loopback only.

import { HyperscaleError } from "../../base/error.ts";
import { bindProblem, type CredentialsGiven } from "./bind-problem.ts";
import { readCertificateFiles, readCredentialFile } from "./credential-file.ts";
import { credentialsProblem, selfIssue, type Credentials } from "./credentials.ts";
import { openLocalKey, readKeyFile } from "./key-file.ts";
import { anIdentity, aRole, claimProblem, type IdentityRole, isVisitor } from "./peer-identity.ts";

/**
 * Credentials for a role. In: `host` to listen at, null for who only connects; `node`: its name, null where it has none
 * yet; epoch ms; the variables of the environment. Throws `invalid` (not allowed, wrong role or node, expired, open to
 * others, ...) and `storage`, each with the values of both sides.
 */
export async function openCredentials(options: {
  readonly given: CredentialsGiven;
  readonly role: IdentityRole;
  readonly host: string | null;
  readonly node: string | null;
  readonly epochMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Promise<Credentials> {
  const { given, role, host, node, epochMs } = options;
  const refusal = host === null ? null : bindProblem(host, given);
  if (refusal !== null) throw new HyperscaleError("invalid", refusal);
  switch (given.kind) {
    case "none": {
      const { keys } = await openLocalKey(options.environment);
      return selfIssue({ keys, role, node, epochMs });
    }
    case "keyFile":
      return selfIssue({ keys: await readKeyFile(given.path), role, node, epochMs });
    case "issued":
      return checked(await readCredentialFile(given.path), given.path, options);
    case "certificates":
      return checked(await readCertificateFiles(given.paths), given.paths.certificate, options);
  }
}

function checked(
  credentials: Credentials,
  path: string,
  wanted: { readonly role: IdentityRole; readonly node: string | null; readonly epochMs: number },
): Credentials {
  const { identity } = credentials;
  const fail = (message: string, hint: string): HyperscaleError => new HyperscaleError("invalid", message, { hint });
  const node = wanted.node ?? (isVisitor(identity.role) ? null : identity.node) ?? "";
  if (claimProblem(identity, { role: wanted.role, node }) !== null)
    throw fail(
      wanted.role === "operator"
        ? `${path} is for ${anIdentity(identity)}, and only an operator may do this`
        : `${path} is for ${anIdentity(identity)}, and this is ${aRole(wanted.role)}${node === "" ? "" : ` ${node}`}`,
      wanted.role === "manager" || wanted.role === "gate"
        ? `a ${wanted.role} needs the cluster's key (--key-file), or a certificate of its own`
        : `hyperscale key issue --role ${wanted.role} makes credentials for it`,
    );
  if (!isVisitor(wanted.role) && credentials.gossipKeys.length === 0)
    throw fail(`${path} comes without a gossip key, and a ${wanted.role} needs one`, "give it with --gossip-key-file");
  const problem = credentialsProblem(credentials, wanted.epochMs);
  if (problem !== null) throw fail(`${path}: ${problem}`, "issue it anew, or set the clock right");
  return credentials;
}
