// Operating errors: expected failures that travel upward to a person. Not for bugs (assert.ts).

/** Every way a command can end badly on purpose; cli/exit.ts maps each to an exit code. */
export type ErrorCode =
  | "usage" // argv cannot be parsed
  | "invalid" // a value is invalid, wherever it came from
  | "load" // the workflow file cannot be read, bundled or evaluated, or setup throws
  | "setup-timeout"
  | "teardown-timeout"
  | "thresholds"
  | "cancelled"
  | "interrupted"
  | "aborted"
  | "failed" // work lost, retry budget spent, poison
  | "storage"
  | "cluster";

/** An expected failure: `message` says what was wrong and where, `hint` what to do about it. */
export class HyperscaleError extends Error {
  override readonly name = "HyperscaleError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Text of anything thrown, for people. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
