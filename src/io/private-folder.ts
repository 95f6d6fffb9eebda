// A folder of small files that only their owner may see, by name: what processes of one user on one machine tell each
// other of themselves. Not for what must survive a crash of the machine.

import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HyperscaleError } from "../base/error.ts";
import { fileError } from "./files.ts";

const OF_OTHERS = 0o077;

export type PrivateFolder = {
  readonly path: string;
  /** Names in it, sorted. */
  names(): readonly string[];
  /** Text of a file; null when there is none. */
  read(name: string): string | null;
  /** Whole under its name, or not there. Mode 600. */
  write(name: string, text: string): void;
  remove(name: string): void;
  /** Absolute path of a file in it. */
  pathOf(name: string): string;
};

/** This user's id, where the system has such; for names of folders that are shared by users. */
export function userId(): string {
  return String(process.geteuid?.() ?? "user");
}

/**
 * Opens the folder, making it (mode 700) where missing. Throws `invalid` when it is another user's, a link, or open to
 * others; `storage`, from its methods too.
 */
export function openPrivateFolder(path: string): PrivateFolder {
  attempt("make", path, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
  requirePrivate(path);
  const pathOf = (name: string): string => join(path, name);
  return {
    path,
    pathOf,
    names: () => attempt("list", path, () => readdirSync(path).sort()),
    read: (name) => {
      try {
        return readFileSync(pathOf(name), "utf8");
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
        throw fileError("read", pathOf(name), error);
      }
    },
    write: (name, text) =>
      attempt("write", pathOf(name), () => {
        const unfinished = `${pathOf(name)}.tmp`;
        writeFileSync(unfinished, text, { mode: 0o600 });
        chmodSync(unfinished, 0o600);
        renameSync(unfinished, pathOf(name));
      }),
    remove: (name) => attempt("remove", pathOf(name), () => rmSync(pathOf(name), { force: true })),
  };
}

function requirePrivate(path: string): void {
  const stat = attempt("look at", path, () => lstatSync(path));
  const owner = process.geteuid?.();
  const fail = (problem: string, hint: string): never => {
    throw new HyperscaleError("invalid", `the folder ${path} ${problem}`, { hint });
  };
  if (!stat.isDirectory()) fail("is no folder", "remove it, or choose another with HYPERSCALE_RUNTIME_DIR");
  if (owner !== undefined && stat.uid !== owner)
    fail(
      `belongs to user ${stat.uid}, and this process runs as user ${owner}`,
      "choose another with HYPERSCALE_RUNTIME_DIR",
    );
  if ((stat.mode & OF_OTHERS) !== 0)
    fail(`is open to others than its owner (mode ${(stat.mode & 0o777).toString(8)})`, `chmod 700 ${path}`);
}

function attempt<Result>(verb: string, path: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw fileError(verb, path, error);
  }
}
