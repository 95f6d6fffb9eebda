// The real disk: node:fs on the thread pool, flock by FFI. No operation blocks the thread but `lock` (one system call).

import { constants } from "node:fs";
import { mkdir, open, readdir, rename, unlink, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { DiskError, diskError } from "./disk-error.ts";
import { lockFile, unlockFile } from "./flock.ts";
import type { Disk, DiskFile } from "./world.ts";

const FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
} as const;
/** A log holds what jobs hold: nobody else reads it. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** This machine's file systems. */
export function createDisk(): Disk {
  return {
    open: (path, mode) => attempt("open", path, async () => opened(path, await open(path, FLAGS[mode], FILE_MODE))),
    list: (directory) => attempt("list", directory, async () => (await readdir(directory)).sort()),
    makeDirectory: (path) =>
      attempt("make", path, async () => {
        const first = await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
        // Every folder that got a new name in it, from the lowest to the one that was there before.
        for (let made = path; first !== undefined && made.length >= first.length; made = dirname(made))
          await syncDirectory(dirname(made));
      }),
    rename: (source, target) => attempt("rename", source, () => rename(source, target)),
    remove: (path) => attempt("remove", path, () => unlink(path)),
    syncDirectory: (path) => attempt("sync", path, () => syncDirectory(path)),
    lock: (path) =>
      attempt("lock", path, async () => {
        const descriptor = lockFile(path, FILE_MODE);
        if (descriptor === null) return null;
        let isHeld = true;
        return {
          async release() {
            if (isHeld) unlockFile(descriptor);
            isHeld = false;
          },
        };
      }),
  };
}

function opened(path: string, file: FileHandle): DiskFile {
  let isOpen = true;
  const onFile = <Result>(operation: string, run: () => Promise<Result>): Promise<Result> => {
    if (!isOpen) return Promise.reject(new DiskError("closed", operation, path));
    return attempt(operation, path, run);
  };
  return {
    read: (position, length) =>
      onFile("read", async () => {
        const bytes = new Uint8Array(length);
        let filled = 0;
        while (filled < length) {
          const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return bytes.subarray(0, filled);
      }),
    write: (position, bytes) =>
      onFile("write", async () => (await file.write(bytes, 0, bytes.length, position)).bytesWritten),
    syncData: () => onFile("sync", () => file.datasync()),
    sizeBytes: () => onFile("look at", async () => (await file.stat()).size),
    close: async () => {
      if (!isOpen) return;
      isOpen = false;
      await attempt("close", path, () => file.close());
    },
  };
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function attempt<Result>(operation: string, path: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    throw diskError(operation, path, error);
  }
}
