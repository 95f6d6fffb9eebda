// The file of a cluster's key: one key a line, the first in use, the others accepted still (or already), so that a key
// can be changed node by node. And the key that a user's own processes on one machine share when none is given.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { HyperscaleError } from "../../base/error.ts";
import { CLUSTER_KEY_BYTES } from "./cluster-key.ts";
import { createSecret, createSecretIfMissing, readSecret, requireOwnDirectory } from "./secret-file.ts";

/** Keys a file may hold: the one in use, those it takes over from, and one to spare. */
export const KEYS_MAX = 4;

const PREFIX = "hyperscale-key-1:";
const HEADER =
  "# Key of a hyperscale cluster. Whoever can read it is the cluster: keep it from workers and submitters\n" +
  "# (hyperscale key issue makes files for them). To change it: a new line below on every node, then first, then\n" +
  "# alone, with a restart of one node after the other each time.\n";

/** Makes a file with a new key; mode 600. Throws `invalid` when there is one, `storage` when it cannot be written. */
export async function createKeyFile(path: string): Promise<void> {
  await createSecret(path, newKeyText());
}

/** The keys of a file, 32 bytes each, the one in use first. Throws `invalid` and `storage` with reason and hint. */
export async function readKeyFile(path: string): Promise<readonly Uint8Array[]> {
  return parseKeys(await readSecret(path), path);
}

/**
 * The key that this user's processes on this machine share: reused, or made where missing. Throws `invalid` when it is
 * open to others, `storage`.
 */
export async function openLocalKey(environment: Readonly<Record<string, string | undefined>>): Promise<{
  readonly path: string;
  readonly keys: readonly Uint8Array[];
}> {
  const directory = localDirectory(environment);
  await requireOwnDirectory(directory);
  const path = join(directory, "local.key");
  await createSecretIfMissing(path, newKeyText());
  return { path, keys: await readKeyFile(path) };
}

/** Text of a key file. In: its path, for the message. Throws `invalid`. */
export function parseKeys(text: string, path: string): readonly Uint8Array[] {
  const fail = (problem: string): HyperscaleError =>
    new HyperscaleError("invalid", `${path} is no key file: ${problem}`, {
      hint: `hyperscale key create --out FILE makes one`,
    });
  const keys: Uint8Array[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    const word = line.trim();
    if (word === "" || word.startsWith("#")) continue;
    // The line itself is not shown: it may be a key.
    if (!word.startsWith(PREFIX)) throw fail(`line ${at + 1} does not begin with ${PREFIX}`);
    const key = Buffer.from(word.slice(PREFIX.length), "base64url");
    if (key.length !== CLUSTER_KEY_BYTES || key.toString("base64url") !== word.slice(PREFIX.length))
      throw fail(`the key in line ${at + 1} is damaged`);
    if (keys.some((other) => key.equals(other))) throw fail(`line ${at + 1} holds a key that is there already`);
    keys.push(new Uint8Array(key));
  }
  if (keys.length === 0) throw fail("it holds no key");
  if (keys.length > KEYS_MAX) throw fail(`it holds ${keys.length} keys, and at most ${KEYS_MAX} may be in use at once`);
  return keys;
}

function newKeyText(): string {
  return `${HEADER}${PREFIX}${randomBytes(CLUSTER_KEY_BYTES).toString("base64url")}\n`;
}

/** XDG base directories: the runtime folder, which is gone at logout, or the folder of state. */
function localDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const { XDG_RUNTIME_DIR: runtime, XDG_STATE_HOME: state, HOME: home } = environment;
  if (runtime !== undefined && runtime !== "") return join(runtime, "hyperscale");
  if (state !== undefined && state !== "") return join(state, "hyperscale");
  if (home !== undefined && home !== "") return join(home, ".local", "state", "hyperscale");
  throw new HyperscaleError(
    "invalid",
    "there is no place for a key of this user: neither XDG_RUNTIME_DIR nor HOME is set",
    {
      hint: "name a key file with --key-file",
    },
  );
}
