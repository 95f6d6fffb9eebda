// The realm of the user's code in an engine thread: console goes to the client, and what would take the whole node down
// throws. Not a sandbox: a test has the rights of the user who runs the worker.

import { formatWithOptions } from "node:util";
import { isEngineFrame } from "./thrown.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Lines of console output a core passes on at once, and per second after that. */
const LOG_BURST = 200;
const LOG_PER_SECOND = 20;
const LINE_CHARACTERS_MAX = 4_000;

type Write = (...values: readonly unknown[]) => void;

/**
 * console.* and what is written to process.stdout calls `log`: rate-limited; how many lines were left out is said with
 * the next that is not. Out: says it now.
 */
export function redirectConsole(log: (level: LogLevel, text: string) => void): () => void {
  let tokens = LOG_BURST;
  let lastMs = performance.now();
  let suppressed = 0;
  const tellSuppressed = (): void => {
    if (suppressed > 0) log("warn", `(${suppressed} lines of console output were left out)`);
    suppressed = 0;
  };
  const write =
    (level: LogLevel): Write =>
    (...values) => {
      const nowMs = performance.now();
      tokens = Math.min(LOG_BURST, tokens + ((nowMs - lastMs) / 1_000) * LOG_PER_SECOND);
      lastMs = nowMs;
      if (tokens < 1) {
        suppressed++;
        return;
      }
      tokens--;
      tellSuppressed();
      log(level, withoutEngineFrames(formatWithOptions({ colors: false }, ...values)).slice(0, LINE_CHARACTERS_MAX));
    };
  const [debug, info, warn, error] = [write("debug"), write("info"), write("warn"), write("error")];
  Object.assign(console, { log: info, info, debug, warn, error, trace: debug }, derivedConsole(info, error));
  // Standard output is the summary's: a program may read it.
  for (const [stream, level] of [
    [process.stdout, info],
    [process.stderr, error],
  ] as const) {
    stream.write = (chunk: unknown): boolean => {
      const text =
        typeof chunk === "string" ? chunk : chunk instanceof Uint8Array ? new TextDecoder().decode(chunk) : "";
      level(text.replace(/\n$/, ""));
      return true;
    };
  }
  return tellSuppressed;
}

/** Of a printed Error's stack the frames that are the test's. */
function withoutEngineFrames(text: string): string {
  return text
    .split("\n")
    .filter((line) => !isEngineFrame(line))
    .join("\n");
}

/** The rest of console, made of its log and error. */
function derivedConsole(info: Write, error: Write): Readonly<Record<string, Write>> {
  const counts = new Map<string, number>();
  const began = new Map<string, number>();
  const nameOf = (label: unknown): string => (label === undefined ? "default" : String(label));
  const since: Write = (label, ...values) => {
    const beganMs = began.get(nameOf(label));
    if (beganMs !== undefined) info(`${nameOf(label)}: ${(performance.now() - beganMs).toFixed(3)} ms`, ...values);
  };
  const heading: Write = (...label) => {
    if (label.length > 0) info(...label);
  };
  return {
    dir: (value) => info(value),
    dirxml: info,
    table: (rows) => info(typeof rows === "object" && rows !== null ? `\n${Bun.inspect.table(rows).trimEnd()}` : rows),
    write: (...parts) => info(parts.map(String).join("").replace(/\n$/, "")),
    assert: (isTrue, ...values) => {
      if (!Boolean(isTrue)) error("assertion failed", ...values);
    },
    group: heading,
    groupCollapsed: heading,
    groupEnd: () => {},
    count: (label) => {
      const count = (counts.get(nameOf(label)) ?? 0) + 1;
      counts.set(nameOf(label), count);
      info(`${nameOf(label)}: ${count}`);
    },
    countReset: (label) => void counts.delete(nameOf(label)),
    time: (label) => void began.set(nameOf(label), performance.now()),
    timeLog: since,
    timeEnd: (label) => {
      since(label);
      began.delete(nameOf(label));
    },
  };
}

/** Calls back at each fetch() of the user's code, which goes on as it is. */
export function watchFetch(called: () => void): void {
  globalThis.fetch = new Proxy(globalThis.fetch, {
    apply(fetch, self, args) {
      called();
      return Reflect.apply(fetch, self, args);
    },
  });
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
