// Files as the command line needs them: whole texts, checks before a run, errors as sentences. Not the write-ahead
// log's disk, and not the streams of outputs.

import { randomUUID } from "node:crypto";
import { fstatSync, writeFile as writeTo, type Stats } from "node:fs";
import { access, mkdir, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { promisify } from "node:util";
import { HyperscaleError } from "../base/error.ts";

/** Text of a file, without the byte order mark that some editors write. Throws `storage` with the reason. */
export async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).replace(/^\uFEFF/, "");
  } catch (error) {
    throw fileError("read", path, error);
  }
}

/** Bytes of a file. Throws `storage` with the reason. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
}

/**
 * Writes the whole file, making its folder where missing: under its name is what was there before or all of the text,
 * whenever the process ends. What is no regular file (a pipe, a device, /dev/fd/N) is written straight into. Throws
 * `storage` with the reason (disk full, not allowed ...).
 */
export async function writeText(path: string, text: string): Promise<void> {
  const descriptor = sharedFile(path);
  try {
    if (descriptor !== null) return await writeToDescriptor(descriptor, text);
    await mkdir(dirname(path), { recursive: true });
    const before = await statOrNull(path);
    const isReplaced = (before === null || before.isFile()) && descriptorOf(path) === null;
    // A link stays, and what it leads to is replaced.
    const target = before === null ? path : await realpath(path);
    if (!isReplaced || !(await replaceFile(target, text, before?.mode ?? null))) await writeInto(path, text);
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/** Out: false where no file can be made beside the target or put in its place, which may be writable all the same. */
async function replaceFile(target: string, text: string, mode: number | null): Promise<boolean> {
  const beside = join(dirname(target), `.hyperscale-${randomUUID()}.tmp`);
  try {
    const file = await open(beside, "wx");
    try {
      if (mode !== null) await file.chmod(mode & 0o7777);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, target);
    return true;
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    // The folder is another user's, or the file is a mount of its own, as in a container.
    if (["EACCES", "EPERM", "EROFS", "EBUSY"].includes(codeOf(error))) return false;
    throw error;
  }
}

async function writeInto(path: string, text: string): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

const writeToDescriptor: (descriptor: number, text: string | Uint8Array) => Promise<void> = promisify(writeTo);

/** The open file of this process that a path is another name of: /dev/fd/3 is 3. Null for any other path. */
function descriptorOf(path: string): number | null {
  const number = /^\/(?:dev\/fd|proc\/self\/fd)\/(\d{1,9})$/.exec(path)?.[1];
  if (number !== undefined) return Number(number);
  return path === "/dev/stdout" ? 1 : path === "/dev/stderr" ? 2 : null;
}

/**
 * A descriptor that leads to a regular file, where what others write through it (a shell, this process's summary) has
 * to come before and after, not in the same place: opened by its path the file would be written again from its start.
 * Null for any other path, and for pipes and terminals, which are opened by their path.
 */
function sharedFile(path: string): number | null {
  const descriptor = descriptorOf(path);
  if (descriptor === null) return null;
  try {
    return fstatSync(descriptor).isFile() ? descriptor : null;
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/** True for anything that exists under the path. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return false;
    throw fileError("look at", path, error);
  }
}

/** True for a folder; false for a file or nothing. */
export async function isFolder(path: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  return (await stat(path)).isDirectory();
}

/**
 * Throws `storage` unless the path can be opened for writing now. Leaves what is there untouched, and nothing new
 * behind.
 */
export async function requireWritable(path: string): Promise<void> {
  if (sharedFile(path) !== null) return;
  const wasThere = await exists(path);
  // A pipe is not tried: it would end for its reader when it is closed again.
  if (wasThere && (await stat(path)).isFIFO()) return;
  try {
    const file = await open(path, "a");
    await file.close();
    if (!wasThere) await rm(path);
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/**
 * A file opened for writing from its start, /dev/fd/N from where it stands. Writes are awaited one after another;
 * errors are sentences.
 */
export type Sink = { write(chunk: string | Uint8Array): Promise<void>; close(): Promise<void> };

/** Opens a file for writing, emptying it. Throws `storage`, as do its writes. Close it in the end; twice is fine. */
export async function openSink(path: string): Promise<Sink> {
  const descriptor = sharedFile(path);
  if (descriptor !== null) return descriptorSink(path, descriptor);
  const file = await open(path, "w").catch((error: unknown) => {
    throw fileError("write", path, error);
  });
  let isClosed = false;
  return {
    async write(chunk) {
      try {
        await file.writeFile(chunk);
      } catch (error) {
        throw fileError("write", path, error);
      }
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      await file.close();
    },
  };
}

function descriptorSink(path: string, descriptor: number): Sink {
  return {
    write: (chunk) =>
      writeToDescriptor(descriptor, chunk).catch((error: unknown) => {
        throw fileError("write", path, error);
      }),
    // Whoever opened it closes it.
    close: async () => {},
  };
}

/** Absolute path of what a person typed in `directory`. */
export function resolvePath(directory: string, path: string): string {
  return isAbsolute(path) ? path : resolve(directory, path);
}

/** The path of `name` within `folder`. */
export function within(folder: string, ...names: readonly string[]): string {
  return join(folder, ...names);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "it is a folder",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  EMFILE: "too many open files",
  EIO: "input/output error of the disk",
  EBADF: "no such file is open",
};

/** A failed file operation as an operating error: "cannot write /x/y: no space left on the disk". */
export function fileError(verb: string, path: string, error: unknown): HyperscaleError {
  const code = codeOf(error);
  const reason = REASONS[code] ?? (error instanceof Error ? error.message : String(error));
  return new HyperscaleError("storage", `cannot ${verb} ${path}: ${reason}`, { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}
