// Goal: what the system says of a disk is told by what a person can do about it. Method: errors as the system makes them.

import { expect, test } from "bun:test";
import { DiskError, diskError } from "../../src/io/disk-error.ts";

const thrown = (code: string): Error => Object.assign(new Error(`${code}: from the system`), { code });

for (const [code, ours, message] of [
  ["EROFS", "denied", "cannot write /data/a: the file system is read-only"],
  ["EACCES", "denied", "cannot write /data/a: permission denied"],
  ["ENOTDIR", "missing", "cannot write /data/a: a part of the path is no folder"],
  ["ENOSPC", "full", "cannot write /data/a: no space left on the disk"],
  ["ENXIO", "other", "cannot write /data/a: ENXIO: from the system"],
] as const)
  test(`${code} is ${ours}: ${message}`, () => {
    const error = diskError("write", "/data/a", thrown(code));
    expect(error).toBeInstanceOf(DiskError);
    expect([error.code, error.message]).toEqual([ours, message]);
  });
