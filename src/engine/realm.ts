// The realm of the user's code in an engine thread: console goes to the client, and what would take the whole node down
// throws. Not a sandbox: a test has the rights of the user who runs the worker.

import { formatWithOptions } from "node:util";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Lines of console output a core passes on at once, and per second after that. */
const LOG_BURST = 200;
const LOG_PER_SECOND = 20;
const LINE_CHARACTERS_MAX = 4_000;

/** Makes console.* call `log`, rate-limited; says how many lines were left out. */
export function redirectConsole(log: (level: LogLevel, text: string) => void): void {
  let tokens = LOG_BURST;
  let lastMs = performance.now();
  let suppressed = 0;
  const write =
    (level: LogLevel) =>
    (...values: readonly unknown[]): void => {
      const nowMs = performance.now();
      tokens = Math.min(LOG_BURST, tokens + ((nowMs - lastMs) / 1_000) * LOG_PER_SECOND);
      lastMs = nowMs;
      if (tokens < 1) {
        suppressed++;
        return;
      }
      tokens--;
      if (suppressed > 0) log("warn", `(${suppressed} lines of console output were left out)`);
      suppressed = 0;
      log(level, formatWithOptions({ colors: false }, ...values).slice(0, LINE_CHARACTERS_MAX));
    };
  console.log = write("info");
  console.info = write("info");
  console.debug = write("debug");
  console.warn = write("warn");
  console.error = write("error");
  console.trace = write("debug");
}

/** Makes what would end or move the whole process throw inside this thread. */
export function forbidProcessControl(): void {
  const forbid = (name: string) => (): never => {
    throw new Error(
      `process.${name}() is not for a test: it would take the whole node down. Use vu.abort() to stop the test`,
    );
  };
  Object.assign(process, {
    exit: forbid("exit"),
    reallyExit: forbid("reallyExit"),
    abort: forbid("abort"),
    kill: forbid("kill"),
    chdir: forbid("chdir"),
  });
}
