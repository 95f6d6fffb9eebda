// Failures of the disk port, the same from a real disk and a simulated one.

/**
 * full: no space or quota left, may pass. io: the device failed. closed: the file was closed before. other:
 * anything else of the system.
 */
export type DiskErrorCode = "full" | "io" | "missing" | "exists" | "denied" | "closed" | "other";

/** `operation path: reason`. */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly code: DiskErrorCode;
  readonly path: string;

  constructor(
    code: DiskErrorCode,
    operation: string,
    path: string,
    options: { readonly reason?: string; readonly cause?: unknown } = {},
  ) {
    super(`cannot ${operation} ${path}: ${options.reason ?? REASONS[code]}`, { cause: options.cause });
    this.code = code;
    this.path = path;
  }
}

const REASONS: Readonly<Record<DiskErrorCode, string>> = {
  full: "no space left on the disk",
  io: "input/output error of the disk",
  missing: "no such file or folder",
  exists: "it exists already",
  denied: "permission denied",
  closed: "it was closed before",
  other: "the system refused",
};

const CODES: Readonly<Record<string, DiskErrorCode>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EFBIG: "full",
  EIO: "io",
  ENOENT: "missing",
  ENOTDIR: "missing",
  EEXIST: "exists",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
  EBADF: "closed",
};

/** Words where those of the code would mislead. */
const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is no folder",
};

/** What the system threw, as a DiskError. */
export function diskError(operation: string, path: string, thrown: unknown): DiskError {
  if (thrown instanceof DiskError) return thrown;
  const systemCode = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const code = CODES[systemCode];
  const reason = SYSTEM_REASONS[systemCode];
  if (code !== undefined)
    return new DiskError(code, operation, path, { cause: thrown, ...(reason === undefined ? {} : { reason }) });
  return new DiskError("other", operation, path, {
    reason: thrown instanceof Error ? thrown.message : String(thrown),
    cause: thrown,
  });
}

/** Code of anything thrown by the port; null for what is no DiskError. */
export function diskErrorCode(thrown: unknown): DiskErrorCode | null {
  return thrown instanceof DiskError ? thrown.code : null;
}
