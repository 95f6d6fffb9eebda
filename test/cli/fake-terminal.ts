// A Terminal that keeps what is written to it and lets a test send signals.

import type { Interrupt, Screen, Terminal } from "../../src/io/terminal.ts";

export type FakeTerminal = Terminal & {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly interrupt: (signal: Interrupt) => void;
  readonly type: (text: string) => void;
  /** Nobody caught this. */
  readonly crash: (error: unknown) => void;
  readonly listeners: () => number;
  /** Exit codes given to exit(). */
  readonly exits: readonly number[];
};

export class ExitCalled extends Error {}

export function fakeTerminal(
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly directory?: string;
    readonly isTerminal?: boolean;
    readonly columns?: number;
    readonly rows?: number;
    readonly input?: string;
    /** Texts of stdout after which its reader is gone. */
    readonly reads?: number;
  } = {},
): FakeTerminal {
  let stdout = "";
  let stderr = "";
  const listeners = new Set<(signal: Interrupt) => void>();
  const typists = new Set<(text: string) => void>();
  const exits: number[] = [];
  const crashes: ((error: unknown) => void)[] = [];
  let left = options.reads ?? Infinity;
  const screen = (write: (text: string) => void): Screen => ({
    isTerminal: options.isTerminal ?? false,
    size: () => ({ columns: options.columns ?? 80, rows: options.rows ?? 24 }),
    write,
    isBusy: () => false,
    isGone: () => left <= 0,
  });
  return {
    args,
    env: options.env ?? {},
    directory: options.directory ?? "/",
    cores: 2,
    output: screen((text) => {
      left--;
      stdout += text;
    }),
    progress: screen((text) => {
      stderr += text;
    }),
    print: async (text) => {
      stdout += text;
    },
    readInput: async () => options.input ?? "",
    onInterrupt(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onInput(listener) {
      typists.add(listener);
      return () => typists.delete(listener);
    },
    onResize: () => () => {},
    onExit: () => () => {},
    onCrash: (listener) => void crashes.push(listener),
    exit(code) {
      exits.push(code);
      throw new ExitCalled(`exit ${code}`);
    },
    stdout: () => stdout,
    stderr: () => stderr,
    interrupt: (signal) => {
      for (const listener of [...listeners]) listener(signal);
    },
    type: (text) => {
      for (const listener of [...typists]) listener(text);
    },
    crash: (error) => {
      for (const listener of crashes) listener(error);
    },
    listeners: () => listeners.size,
    exits,
  };
}

/** For commands that must not need the outside world. */
export async function noWorld(): Promise<never> {
  throw new Error("this command opened the outside world");
}
