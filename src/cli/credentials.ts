// Credentials that work, of what was given. What each file holds and whether it is good, io/security says.

import type { Credentials } from "../io/security/credentials.ts";
import { type CredentialsGiven } from "../io/security/bind-problem.ts";
import { openCredentials } from "../io/security/open-credentials.ts";
import type { IdentityRole } from "../io/security/peer-identity.ts";
import type { Invocation } from "./command.ts";

/** Credentials for a role. `host`: listened at, null for who only connects. Throws `invalid` and `storage`. */
export async function openGiven(
  { terminal }: Pick<Invocation, "terminal">,
  options: {
    readonly given: CredentialsGiven;
    readonly role: IdentityRole;
    readonly host: string | null;
    readonly epochMs: number;
  },
): Promise<Credentials> {
  return openCredentials({ ...options, node: null, environment: terminal.env });
}
