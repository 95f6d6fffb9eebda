// Files as the command line needs them: whole texts, checks before a run, errors as sentences. Not the write-ahead
// log's disk, and not the streams of outputs.

import { access, mkdir, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
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
 * Writes the whole file, making its folder where missing. Throws `storage` with the reason (disk full, not allowed
 * ...).
 */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
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

/** A file opened for writing from its start. Writes are awaited one after another; errors are sentences. */
export type Sink = { write(chunk: string | Uint8Array): Promise<void>; close(): Promise<void> };

/** Opens a file for writing, emptying it. Throws `storage`, as do its writes. Close it in the end; twice is fine. */
export async function openSink(path: string): Promise<Sink> {
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
