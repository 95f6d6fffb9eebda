// A disk may take a write in parts; a caller wants it whole.

import { DiskError } from "./disk-error.ts";
import type { DiskFile } from "./world.ts";

/** Writes all bytes at the position. Throws DiskError; then any part of them may have been taken. */
export async function writeAll(file: DiskFile, position: number, bytes: Uint8Array): Promise<void> {
  let taken = 0;
  while (taken < bytes.length) {
    const more = await file.write(position + taken, taken === 0 ? bytes : bytes.subarray(taken));
    if (more <= 0)
      throw new DiskError("io", "write", "a file", { reason: "the system took nothing and named no error" });
    taken += more;
  }
}

const ZEROS = new Uint8Array(1_048_576);

/**
 * Writes zeros from `start` (included) to `end` (excluded), telling after each part how far it is. Throws
 * DiskError.
 */
export async function writeZeros(
  file: DiskFile,
  span: { readonly start: number; readonly end: number },
  reached: (position: number) => void = () => {},
): Promise<void> {
  for (let at = span.start; at < span.end;) {
    at += await file.write(at, ZEROS.subarray(0, Math.min(ZEROS.length, span.end - at)));
    reached(at);
  }
}
