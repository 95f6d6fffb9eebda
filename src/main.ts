// The executable's entry: arguments in, exit code out. Everything else is cli/'s.

import { version } from "../package.json" with { type: "json" };
import { processTerminal } from "./io/terminal.ts";

const args = process.argv.slice(2);

const terminal = processTerminal(args);

// Answered before anything is loaded: scripts ask for it often. What cannot be written is left to the program, which
// says why.
const isAnswered =
  (args[0] === "--version" || args[0] === "-V") &&
  (await terminal.print(`hyperscale ${version}\n`).then(
    () => true,
    () => false,
  ));

if (!isAnswered) {
  // What runs engines in this process.
  if (args[0] === "submit" || args[0] === "worker") (await import("./io/collector.ts")).restartWithSmallHeap();
  const { runProgram } = await import("./cli/program.ts");
  const exitCode = await runProgram(terminal, version, async () => (await import("./io/real-world.ts")).createWorld());
  process.exit(exitCode);
}
