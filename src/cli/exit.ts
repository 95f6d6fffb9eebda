// Exit codes of the command line: the only place that knows them. k6's numbers where k6 has the case.

import type { ErrorCode } from "../base/error.ts";

export const EXIT_OK = 0;
export const EXIT_INTERNAL = 70;
/** `chaos random` found a promise broken, or proves nothing. */
export const EXIT_VIOLATED = 1;
export const EXIT_UNPROVEN = 3;

type Exit = { readonly exit: number; readonly meaning: string };

const EXITS: Readonly<Record<ErrorCode, Exit>> = {
  usage: { exit: 2, meaning: "the arguments cannot be understood" },
  storage: { exit: 74, meaning: "an output or the log cannot be written: no space, no permission" },
  cluster: { exit: 75, meaning: "the cluster cannot be reached or refuses" },
  thresholds: { exit: 99, meaning: "a threshold failed" },
  "setup-timeout": { exit: 100, meaning: "setup did not end in time" },
  "teardown-timeout": { exit: 101, meaning: "teardown did not end in time" },
  cancelled: { exit: 103, meaning: "cancelled by someone else" },
  invalid: { exit: 104, meaning: "a value is invalid, wherever it came from" },
  interrupted: { exit: 105, meaning: "interrupted by the user" },
  load: { exit: 107, meaning: "the workflow file cannot be loaded, or setup or teardown threw" },
  aborted: { exit: 108, meaning: "aborted by the test" },
  failed: { exit: 110, meaning: "the job failed: work was lost or could not be done" },
};

/** Process exit code of an operating error. */
export function exitCodeOf(code: ErrorCode): number {
  return EXITS[code].exit;
}

/** Those that a submit can end with. */
export function submitExitMeanings(): readonly Exit[] {
  return exitMeanings().filter(({ exit }) => exit !== EXIT_VIOLATED && exit !== EXIT_UNPROVEN);
}

/** Every exit code with its meaning, by number: for manuals. */
export function exitMeanings(): readonly Exit[] {
  const fixed = [
    { exit: EXIT_OK, meaning: "completed, and no threshold failed" },
    { exit: EXIT_INTERNAL, meaning: "internal error: a bug" },
    { exit: EXIT_VIOLATED, meaning: "chaos random: something was lost, doubled or out of bounds" },
    { exit: EXIT_UNPROVEN, meaning: "chaos random: the run proves nothing" },
  ];
  return [...fixed, ...Object.values(EXITS)].sort((left, right) => left.exit - right.exit);
}
