// `key` from its settings to its exit code. What a key is and what follows from it, io/security says.

import { HyperscaleError } from "../base/error.ts";
import { resolvePath } from "../io/files.ts";
import { readCredentialFile, writeCredentialFile } from "../io/security/credential-file.ts";
import {
  type Credentials,
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
import { anIdentity, aRole, isIdentityWord, type PeerIdentity } from "../io/security/peer-identity.ts";
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
  const { lines, facts } = await run(invocation, action, file);
  await terminal.print(
    settings.is("json") ? `${JSON.stringify({ version: 1, ...facts }, null, 2)}\n` : `${lines.join("\n")}\n`,
  );
  return EXIT_OK;
}

/** What is told of a file, for people and for programs (--json). Never a key. */
type Told = { readonly lines: readonly string[]; readonly facts: KeyFacts | CredentialFacts };
type KeyFacts = {
  readonly file: string;
  /** Of each key the id of its cluster; the first one is in use. */
  readonly keys: readonly { readonly cluster: string; readonly state: "in use" | "accepted" }[];
};
/** `node`: null for any; `until`: RFC 3339; `problem`: why they are of no use now, or null. */
type CredentialFacts = PeerIdentity & {
  readonly file: string;
  readonly until: string;
  readonly problem: string | null;
};

async function run(invocation: Invocation, action: string, file: string | null): Promise<Told> {
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

async function create(invocation: Invocation): Promise<Told> {
  const path = pathOf(invocation, invocation.settings.one("out")?.text ?? KEY_FILE);
  await createKeyFile(path);
  const keys = await readKeyFile(path);
  return {
    facts: keyFacts(path, keys),
    lines: [
      `${path}: key of cluster ${clusterOf(keys)}`,
      "copy it to every manager and start them with --key-file; whoever has it is the cluster",
      "for workers and submitters: hyperscale key issue",
    ],
  };
}

async function issue(invocation: Invocation): Promise<Told> {
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
  const facts = credentialFacts(path, credentials, clock.epochMs());
  return { facts, lines: [credentialLine(facts), USES[role]] };
}

async function change(invocation: Invocation, step: KeyStep): Promise<Told> {
  const path = keyPathOf(invocation);
  const facts = keyFacts(path, await changeKeyFile(path, step));
  return { facts, lines: [...keyLines(facts), NEXT[step]] };
}

async function show(invocation: Invocation, path: string): Promise<Told> {
  if (await isKeyFile(path)) {
    const facts = keyFacts(path, await readKeyFile(path));
    return { facts, lines: keyLines(facts) };
  }
  const { clock } = await invocation.openWorld();
  const facts = credentialFacts(path, await readCredentialFile(path), clock.epochMs());
  const { problem } = facts;
  return {
    facts,
    lines: [credentialLine(facts), problem === null ? "it is good now" : `it is of no use now: ${problem}`],
  };
}

function keyFacts(file: string, keys: readonly Uint8Array[]): KeyFacts {
  return {
    file,
    keys: keys.map((one, at) => ({ cluster: clusterOf([one]), state: at === 0 ? "in use" : "accepted" })),
  };
}

function keyLines({ file, keys }: KeyFacts): readonly string[] {
  return keys.map(({ cluster, state }) => `${file}: key of cluster ${cluster}, ${state}`);
}

function credentialFacts(file: string, credentials: Credentials, epochMs: number): CredentialFacts {
  const until = timeText(endOf(credentials));
  return { file, ...credentials.identity, until, problem: credentialsProblem(credentials, epochMs) };
}

function credentialLine({ file, until, ...identity }: CredentialFacts): string {
  return `${file}: ${anIdentity(identity)}, until ${until}`;
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
