// `key` from its settings to its exit code. What a key is and what follows from it, io/security says.

import { HyperscaleError } from "../base/error.ts";
import { resolvePath } from "../io/files.ts";
import { readCredentialFile, writeCredentialFile } from "../io/security/credential-file.ts";
import {
  credentialsProblem,
  endOf,
  ISSUED_DAYS_DEFAULT,
  ISSUED_DAYS_MAX,
  ISSUED_ROLES,
  issueCredentials,
  type IssuedRole,
  timeText,
} from "../io/security/credentials.ts";
import { deriveCluster } from "../io/security/cluster-key.ts";
import { changeKeyFile, createKeyFile, isKeyFile, type KeyStep, readKeyFile } from "../io/security/key-file.ts";
import { anIdentity, aRole, isIdentityWord } from "../io/security/peer-identity.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import type { Settings } from "./settings.ts";
import { refuse } from "./values.ts";

const KEY_FILE = "cluster.key";
const DAY_MS = 86_400_000;

/** What came of each step of changing a key, and what is next. */
const NEXT: Readonly<Record<KeyStep, string>> = {
  add:
    "it is accepted wherever this file is. Copy it to every manager, restart one after the other, issue credentials " +
    "anew; then hyperscale key promote",
  promote:
    "copy the file to every manager, restart one after the other, issue credentials anew: those from before are " +
    "signed by the old key; then hyperscale key retire",
  retire: "copy the file to every manager and restart one after the other: then the old key opens nothing any more",
};

const USES: Readonly<Record<IssuedRole, string>> = {
  worker: "copy it to the workers: hyperscale worker --credentials FILE --managers ...",
  client:
    "copy it to who submits: hyperscale submit FILE --credentials FILE --managers ... " +
    "(all who use this file are one client to the managers' --submit-rate)",
  operator: "copy it to who runs the cluster: hyperscale peer replace OLD NEW --credentials FILE --managers ...",
};

/** Makes, shows or changes keys and credentials. Throws `usage`, `invalid` and `storage`. */
export async function key(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  const action = settings.positional("action") ?? "";
  const file = settings.positional("file");
  if (action !== "show" && file !== null)
    throw new HyperscaleError("usage", `key ${action} takes no argument ${JSON.stringify(file)}`, {
      hint: "files are named by --key-file and --out",
    });
  const lines = await run(invocation, action, file);
  await terminal.print(`${lines.join("\n")}\n`);
  return EXIT_OK;
}

async function run(invocation: Invocation, action: string, file: string | null): Promise<readonly string[]> {
  switch (action) {
    case "create":
      return create(invocation);
    case "issue":
      return issue(invocation);
    case "show":
      return show(invocation, pathOf(invocation, file ?? invocation.settings.one("key-file")?.text ?? KEY_FILE));
    case "add":
    case "promote":
    case "retire":
      return change(invocation, action);
    default:
      throw new HyperscaleError("usage", `key ${JSON.stringify(action)} is no action`, {
        hint: "actions: create, issue, show, add, promote, retire",
      });
  }
}

async function create(invocation: Invocation): Promise<readonly string[]> {
  const path = pathOf(invocation, invocation.settings.one("out")?.text ?? KEY_FILE);
  await createKeyFile(path);
  return [
    `${path}: key of cluster ${clusterOf(await readKeyFile(path))}`,
    "copy it to every manager and start them with --key-file; whoever has it is the cluster",
    "for workers and submitters: hyperscale key issue",
  ];
}

async function issue(invocation: Invocation): Promise<readonly string[]> {
  const { settings } = invocation;
  const role = roleOf(settings);
  const node = nodeOf(settings, role);
  const out = settings.one("out");
  if (out === null) throw new HyperscaleError("invalid", "--out: the file to write the credentials to is missing");
  const lifeMs = daysOf(settings) * DAY_MS;
  const keys = await readKeyFile(keyPathOf(invocation));
  const { clock } = await invocation.openWorld();
  const credentials = issueCredentials({ keys, role, node, epochMs: clock.epochMs(), lifeMs });
  const path = pathOf(invocation, out.text);
  await writeCredentialFile(path, credentials);
  return [`${path}: ${anIdentity(credentials.identity)}, until ${timeText(endOf(credentials))}`, USES[role]];
}

async function change(invocation: Invocation, step: KeyStep): Promise<readonly string[]> {
  const path = keyPathOf(invocation);
  const keys = await changeKeyFile(path, step);
  return [...keyLines(path, keys), NEXT[step]];
}

async function show(invocation: Invocation, path: string): Promise<readonly string[]> {
  if (await isKeyFile(path)) return keyLines(path, await readKeyFile(path));
  const credentials = await readCredentialFile(path);
  const { clock } = await invocation.openWorld();
  const problem = credentialsProblem(credentials, clock.epochMs());
  return [
    `${path}: ${anIdentity(credentials.identity)}, until ${timeText(endOf(credentials))}`,
    problem === null ? "it is good now" : `it is of no use now: ${problem}`,
  ];
}

function keyLines(path: string, keys: readonly Uint8Array[]): readonly string[] {
  return keys.map((one, at) => `${path}: key of cluster ${clusterOf([one])}, ${at === 0 ? "in use" : "accepted"}`);
}

function clusterOf([first]: readonly Uint8Array[]): string {
  return first === undefined ? "none" : deriveCluster(first).id;
}

function roleOf(settings: Settings): IssuedRole {
  const setting = settings.one("role");
  if (setting === null)
    throw new HyperscaleError("invalid", "--role: whose credentials is missing", {
      hint: "--role worker, --role client for who submits, or --role operator for who may change the managers too",
    });
  const role = ISSUED_ROLES.find((one) => one === setting.text);
  if (role !== undefined) return role;
  return refuse(
    setting,
    "gets no credentials",
    "worker, client or operator; a manager has the key itself (--key-file)",
  );
}

function nodeOf(settings: Settings, role: IssuedRole): string | null {
  const setting = settings.one("node");
  if (setting === null) return null;
  if (role !== "worker") return refuse(setting, "names a worker", `${aRole(role)} has another id each time`);
  return isIdentityWord(setting.text)
    ? setting.text
    : refuse(setting, "is no id of a node", "letters, digits and . _ - are allowed, 64 at most");
}

function daysOf(settings: Settings): number {
  const setting = settings.one("days");
  if (setting === null) return ISSUED_DAYS_DEFAULT;
  const days = Number(setting.text);
  if (setting.text.trim() !== "" && days > 0 && days <= ISSUED_DAYS_MAX) return days;
  return refuse(setting, "is no number of days", `more than 0 and up to ${ISSUED_DAYS_MAX}`);
}

function keyPathOf(invocation: Invocation): string {
  return pathOf(invocation, invocation.settings.one("key-file")?.text ?? KEY_FILE);
}

function pathOf({ terminal }: Invocation, path: string): string {
  return resolvePath(terminal.directory, path);
}
