// The file of a cluster's key: one key a line, the first in use, the others accepted still (or already), so that a key
// can be changed node by node. And the key that a user's own processes on one machine share when none is given.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { HyperscaleError } from "../../base/error.ts";
import { CLUSTER_KEY_BYTES } from "./cluster-key.ts";
import { createSecret, createSecretIfMissing, readSecret, replaceSecret, requireOwnDirectory } from "./secret-file.ts";

/** Keys a file may hold: the one in use, those it takes over from, and one to spare. */
export const KEYS_MAX = 4;

const PREFIX = "hyperscale-key-1:";
const HEADER =
  "# Key of a hyperscale cluster. Whoever can read it is the cluster: keep it from workers and submitters\n" +
  "# (hyperscale key issue makes files for them). The first line is in use, the others are accepted too. To change\n" +
  "# it: hyperscale key add, then key promote, then key retire, and each time copy the file to every manager and\n" +
  "# restart one after the other.\n";

/** Makes a file with a new key; mode 600. Throws `invalid` when there is one, `storage` when it cannot be written. */
export async function createKeyFile(path: string): Promise<void> {
  await createSecret(path, newKeyText());
}

/** Whether a file looks like one that holds keys, not credentials. Throws as `readKeyFile`. */
export async function isKeyFile(path: string): Promise<boolean> {
  return !(await readSecret(path)).trimStart().startsWith("{");
}

/** The keys of a file, 32 bytes each, the one in use first. Throws `invalid` and `storage` with reason and hint. */
export async function readKeyFile(path: string): Promise<readonly Uint8Array[]> {
  return parseKeys(await readSecret(path), path);
}

/**
 * The three steps of changing a key, each safe while nodes still have the file of the step before: a new key that is
 * accepted, the newest put in use with the others accepted still, the one in use alone. Out: the keys as they are now.
 * Throws as `readKeyFile`, and `invalid` when there is nothing to do.
 */
export async function changeKeyFile(path: string, step: KeyStep): Promise<readonly Uint8Array[]> {
  const before = await readKeyFile(path);
  const after = changed(before, step);
  if (typeof after === "string") throw new HyperscaleError("invalid", `${path}: ${after}`, { hint: STEPS_HINT });
  await replaceSecret(path, textOf(after));
  return after;
}

/** See `changeKeyFile`. */
export type KeyStep = "add" | "promote" | "retire";

const STEPS_HINT = "a key is changed by key add, then key promote, then key retire, all nodes restarted after each";

function changed(keys: readonly Uint8Array[], step: KeyStep): readonly Uint8Array[] | string {
  const [first, ...others] = keys;
  const newest = others.at(-1);
  switch (step) {
    case "add":
      if (keys.length >= KEYS_MAX) return `it holds ${keys.length} keys already, of ${KEYS_MAX} at most`;
      return [...keys, newKey()];
    case "promote":
      if (newest === undefined) return "it holds one key, and there is none to put in its place";
      return [newest, ...keys.filter((key) => key !== newest)];
    case "retire":
      if (first === undefined || others.length === 0) return "it holds one key, and that is in use";
      return [first];
  }
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

function newKey(): Uint8Array {
  return new Uint8Array(randomBytes(CLUSTER_KEY_BYTES));
}

function textOf(keys: readonly Uint8Array[]): string {
  return `${HEADER}${keys.map((key) => `${PREFIX}${Buffer.from(key).toString("base64url")}\n`).join("")}`;
}

function newKeyText(): string {
  return textOf([newKey()]);
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
