// Assertions for programmer errors: a failed one is a bug in this program, never bad input.

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws AssertionError when `condition` is false. */
export function assert(condition: boolean, text: string): asserts condition {
  if (!condition) throw new AssertionError(text);
}

/** Ends a switch over a closed union: a new member fails to compile here. */
export function never(value: never): never {
  throw new AssertionError(`unexpected value ${JSON.stringify(value)}`);
}
