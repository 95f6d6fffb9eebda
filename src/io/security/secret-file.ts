// Files that hold keys: readable by their owner alone, or they are not read. Not other files of the product.

import { constants, type Stats } from "node:fs";
import { link, lstat, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HyperscaleError } from "../../base/error.ts";
import { fileError } from "../files.ts";

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const OF_OTHERS = 0o077;
const FILE_BYTES_MAX = 65_536;
/** How the name ends under which a file is written, before it has its own. */
const UNFINISHED = ".tmp";

/**
 * Text of a secret file. Throws `invalid` when others could have read or placed it (its mode, its owner, a link), or
 * when it is no small file; `storage` when it cannot be read.
 */
export async function readSecret(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      if (systemCodeOf(error) === "ELOOP")
        throw refusal(
          `${path} is a symbolic link, and whoever may change the link chooses the key`,
          "name the file itself",
        );
      throw fileError("read", path, error);
    },
  );
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw refusal(`${path} is no ordinary file`, "name a file that holds the key");
    const owner = ownUserId();
    if (owner !== null && stat.uid !== owner)
      throw refusal(
        `${path} belongs to user ${stat.uid}, and this process runs as user ${owner}`,
        `chown ${owner} ${path}, or run as its owner`,
      );
    if ((stat.mode & OF_OTHERS) !== 0)
      throw refusal(
        `${path} is open to others than its owner (mode ${modeText(stat.mode)}, and it must be 600)`,
        `chmod 600 ${path}; if others may have read it, make a new key`,
      );
    if (stat.nlink > 1 && (await namesLeft(path, stat)) > 1)
      throw refusal(`${path} has ${stat.nlink} names (hard links), and must have one`, `cp it to a file of its own`);
    if (stat.size > FILE_BYTES_MAX)
      throw refusal(`${path} has ${stat.size} bytes, more than any key file`, "name a file that holds the key");
    return await file.readFile("utf8");
  } catch (error) {
    throw error instanceof HyperscaleError ? error : fileError("read", path, error);
  } finally {
    await file.close();
  }
}

/**
 * Names that the file has but for the one under which it was written: who makes it takes that away a moment later, or
 * died before. It is taken away here.
 */
async function namesLeft(path: string, { ino, dev }: Stats): Promise<number> {
  const names = (await readdir(dirname(path))).filter(
    (name) => name.startsWith(`${basename(path)}.`) && name.endsWith(UNFINISHED),
  );
  for (const name of names) {
    const unfinished = join(dirname(path), name);
    const same = await lstat(unfinished).catch(ifMissing);
    if (same?.ino === ino && same.dev === dev) await unlink(unfinished).catch(ifMissing);
  }
  return (await lstat(path)).nlink;
}

function ifMissing(error: unknown): null {
  if (systemCodeOf(error) === "ENOENT") return null;
  throw error;
}

/**
 * Makes a secret file, durable when it returns; its folder too, where missing. It is whole under its name or not there.
 * Throws `invalid` when there is one already: a key is never overwritten; `storage` when it cannot be written.
 */
export async function createSecret(path: string, text: string): Promise<void> {
  if (!(await createSecretIfMissing(path, text)))
    throw refusal(`${path} exists already, and a key is never overwritten`, "choose another name, or move it away");
}

/**
 * Puts another text in the place of a secret that was read before; whole or not at all, durable when it returns. Throws
 * `storage` when it cannot be written.
 */
export async function replaceSecret(path: string, text: string): Promise<void> {
  try {
    await rename(await writeUnfinished(path, text), path);
    await syncDirectory(dirname(path));
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/** As `createSecret`; false, and nothing done, when it is there already, whoever made it at the same time. */
export async function createSecretIfMissing(path: string, text: string): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
    const unfinished = await writeUnfinished(path, text);
    // A link, unlike a rename, never replaces what is there.
    const isMade = await link(unfinished, path).then(
      () => true,
      (error: unknown) => {
        if (systemCodeOf(error) === "EEXIST") return false;
        throw error;
      },
    );
    await unlink(unfinished).catch(ifMissing);
    if (isMade) await syncDirectory(dirname(path));
    return isMade;
  } catch (error) {
    throw error instanceof HyperscaleError ? error : fileError("write", path, error);
  }
}

/** A file beside it with that text, durable but for its name. Out: its path. */
async function writeUnfinished(path: string, text: string): Promise<string> {
  const unfinished = `${path}.${crypto.randomUUID()}${UNFINISHED}`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(unfinished, flags, FILE_MODE);
  try {
    await file.chmod(FILE_MODE);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return unfinished;
}

/** Throws `invalid` when others than this user may put files into the folder; fine when there is none. */
export async function requireOwnDirectory(path: string): Promise<void> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (systemCodeOf(error) === "ENOENT") return null;
    throw fileError("look at", path, error);
  });
  if (stat === null) return;
  const owner = ownUserId();
  if (!stat.isDirectory()) throw refusal(`${path} is no folder`, "remove it");
  if (owner !== null && stat.uid !== owner)
    throw refusal(
      `the folder ${path} belongs to user ${stat.uid}, and this process runs as user ${owner}`,
      "remove it",
    );
  if ((stat.mode & 0o022) !== 0)
    throw refusal(`others than its owner may write into ${path} (mode ${modeText(stat.mode)})`, `chmod 700 ${path}`);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** null on systems without user ids. */
function ownUserId(): number | null {
  return process.geteuid?.() ?? null;
}

function modeText(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, "0");
}

function refusal(message: string, hint: string): HyperscaleError {
  return new HyperscaleError("invalid", message, { hint });
}

function systemCodeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
