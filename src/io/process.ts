// The real process: how it ends itself.

import { writeSync } from "node:fs";
import type { Process } from "./world.ts";

const STDERR = 2;

/** This process. */
export function createProcess(): Process {
  return {
    exit: (code, message) => {
      try {
        if (message !== "") writeSync(STDERR, `${message}\n`);
      } catch {
        // Nobody reads stderr any more: the exit code still tells.
      }
      process.exit(code);
    },
  };
}
