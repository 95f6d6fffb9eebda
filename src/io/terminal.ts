// The process's own terminal, arguments, environment and signals: the real Terminal. Nothing here decides what is
// printed (cli/ does) or how it looks (tui/ does).

import { availableParallelism } from "node:os";
import { HyperscaleError, messageOf } from "../base/error.ts";

/** One of the two output streams. Sizes are in character cells; 80 x 24 where nobody knows. */
export type Screen = {
  readonly isTerminal: boolean;
  size(): { readonly columns: number; readonly rows: number };
  /** Appends text. Errors of a closed reader are ignored. */
  write(text: string): void;
  /** True while earlier text still waits to be taken: a frame of a live view may be left out. */
  isBusy(): boolean;
  /** True once the reader is known to be gone (`| head`): nothing arrives any more. */
  isGone(): boolean;
};

export type Interrupt = "SIGINT" | "SIGTERM" | "SIGHUP";

/** What a command needs of the process it runs in. Tests hand in a fake. */
export type Terminal = {
  /** Without the program's own name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Working directory, absolute. */
  readonly directory: string;
  /** CPU cores this process may use. */
  readonly cores: number;
  /** stdout: data. */
  readonly output: Screen;
  /** stderr: log and progress. */
  readonly progress: Screen;
  /** Writes all of `text` to stdout. A reader that went away is fine; anything else throws `storage`. */
  print(text: string): Promise<void>;
  /** All of stdin as text. Throws `load` when it cannot be read. */
  readInput(): Promise<string>;
  /** Calls back for each signal until the returned function is called; meanwhile signals do not end the process. */
  onInterrupt(listener: (signal: Interrupt) => void): () => void;
  /**
   * Calls back with what is typed, key by key and unseen, until the returned function is called; Ctrl+C comes as
   * "\x03". Nothing comes where stdin is no terminal.
   */
  onInput(listener: (text: string) => void): () => void;
  /** Calls back when the size of the terminal changed, until the returned function is called. */
  onResize(listener: () => void): () => void;
  /** Calls back when the process ends, however it ends (SIGKILL apart). Out: takes it back. */
  onExit(listener: () => void): () => void;
  /**
   * Calls back with what nobody caught, from now on. Without it the process would go on, half way through what it did:
   * the runtime ends none whose main module still waits.
   */
  onCrash(listener: (error: unknown) => void): void;
  /** Ends the process now. */
  exit(code: number): never;
};

/** The terminal of this process. In: its arguments without runtime and script. */
export function processTerminal(args: readonly string[]): Terminal {
  // A reader that goes away (`| head`) must not crash the program: print() reports what matters.
  process.stdout.on("error", ignoreClosedReader);
  process.stderr.on("error", ignoreClosedReader);
  return {
    args,
    env: process.env,
    directory: process.cwd(),
    cores: availableParallelism(),
    output: screenOf(process.stdout),
    progress: screenOf(process.stderr),
    print: printAll,
    readInput,
    onInterrupt(listener) {
      const interrupts: readonly Interrupt[] = ["SIGINT", "SIGTERM", "SIGHUP"];
      for (const interrupt of interrupts) process.on(interrupt, listener);
      return () => {
        for (const interrupt of interrupts) process.off(interrupt, listener);
      };
    },
    onInput(listener) {
      const { stdin } = process;
      if (stdin.isTTY !== true) return () => {};
      const heard = (bytes: Uint8Array): void => listener(new TextDecoder().decode(bytes));
      stdin.setRawMode(true);
      stdin.on("data", heard);
      stdin.resume();
      return () => {
        stdin.off("data", heard);
        stdin.setRawMode(false);
        stdin.pause();
      };
    },
    onResize(listener) {
      process.on("SIGWINCH", listener);
      return () => process.off("SIGWINCH", listener);
    },
    onExit(listener) {
      process.on("exit", listener);
      return () => process.off("exit", listener);
    },
    onCrash(listener) {
      process.on("uncaughtException", listener);
      process.on("unhandledRejection", listener);
    },
    exit: (code) => process.exit(code),
  };
}

function screenOf(stream: NodeJS.WriteStream): Screen {
  return {
    isTerminal: stream.isTTY === true,
    size: () => ({ columns: stream.columns ?? 80, rows: stream.rows ?? 24 }),
    write: (text) => void stream.write(text),
    isBusy: () => stream.writableNeedDrain,
    isGone: () => !stream.writable,
  };
}

async function readInput(): Promise<string> {
  try {
    return await Bun.stdin.text();
  } catch (error) {
    throw new HyperscaleError("load", `cannot read standard input: ${messageOf(error)}`, { cause: error });
  }
}

function printAll(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error === undefined || error === null || isClosedReader(error)) return resolve();
      reject(new HyperscaleError("storage", `cannot write to standard output: ${messageOf(error)}`, { cause: error }));
    });
  });
}

function ignoreClosedReader(error: Error): void {
  if (!isClosedReader(error) && !isNoSpace(error)) throw error;
}

function isClosedReader(error: Error): boolean {
  return "code" in error && (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED");
}

function isNoSpace(error: Error): boolean {
  return "code" in error && error.code === "ENOSPC";
}
