// Catching an expected failure in a test, with its code checked by type.

import { HyperscaleError } from "../../src/base/error.ts";

/** The HyperscaleError that `run` throws; anything else, or nothing, fails the test. */
export function failureOf(run: () => unknown): HyperscaleError {
  try {
    run();
  } catch (error) {
    if (error instanceof HyperscaleError) return error;
    throw error;
  }
  throw new Error("it did not throw");
}
