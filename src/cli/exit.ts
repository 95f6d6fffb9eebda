// Exit codes of the command line: the only place that knows them. k6's numbers where k6 has the case.

import type { ErrorCode } from "../base/error.ts";

export const EXIT_OK = 0;
export const EXIT_INTERNAL = 70;

const EXIT: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  storage: 74,
  cluster: 75,
  thresholds: 99,
  "setup-timeout": 100,
  "teardown-timeout": 101,
  cancelled: 103,
  invalid: 104,
  interrupted: 105,
  load: 107,
  aborted: 108,
  failed: 110,
};

/** Process exit code of an operating error. */
export function exitCodeOf(code: ErrorCode): number {
  return EXIT[code];
}
