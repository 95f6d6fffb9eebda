// A disk that can be slow, broken or full.

import { DiskError } from "../io/disk-error.ts";
import type { Clock, Disk, DiskFile } from "../io/world.ts";
import type { FaultTable } from "./fault-table.ts";

/** The same disk under the faults of the table. */
export function faultyDisk(disk: Disk, clock: Clock, faults: FaultTable): Disk {
  const reads = (operation: string, path: string): void => {
    if (faults.diskFailure === "io") throw new DiskError("io", operation, path);
  };
  const takesSpace = (operation: string, path: string): void => {
    const failure = faults.diskFailure;
    if (failure !== null) throw new DiskError(failure, operation, path);
  };
  const synced = async (path: string, sync: () => Promise<void>): Promise<void> => {
    reads("sync", path);
    const delayMs = faults.syncDelayMs;
    if (delayMs > 0) await new Promise<void>((resolve) => void clock.setTimer(delayMs, resolve));
    // What broke meanwhile is told: nothing is known of what should be durable now.
    reads("sync", path);
    await sync();
  };
  const opened = (file: DiskFile, path: string): DiskFile => ({
    read: async (position, length) => {
      reads("read", path);
      return file.read(position, length);
    },
    write: async (position, bytes) => {
      takesSpace("write", path);
      return file.write(position, bytes);
    },
    syncData: () => synced(path, () => file.syncData()),
    sizeBytes: async () => {
      reads("look at", path);
      return file.sizeBytes();
    },
    close: () => file.close(),
  });
  return {
    open: async (path, mode) => {
      if (mode === "create") takesSpace("open", path);
      else reads("open", path);
      return opened(await disk.open(path, mode), path);
    },
    list: async (directory) => {
      reads("list", directory);
      return disk.list(directory);
    },
    makeDirectory: async (path) => {
      takesSpace("make", path);
      return disk.makeDirectory(path);
    },
    rename: async (source, target) => {
      reads("rename", source);
      return disk.rename(source, target);
    },
    remove: async (path) => {
      reads("remove", path);
      return disk.remove(path);
    },
    syncDirectory: (path) => synced(path, () => disk.syncDirectory(path)),
    lock: (path) => disk.lock(path),
  };
}
