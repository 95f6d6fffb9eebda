// The executable's entry: arguments in, exit code out. Everything else is cli/'s.

import { version } from "../package.json" with { type: "json" };
import { processTerminal } from "./io/terminal.ts";

const args = process.argv.slice(2);

// Answered before anything is loaded: scripts ask for it often.
if (args[0] === "--version" || args[0] === "-V") {
  process.stdout.write(`hyperscale ${version}\n`);
} else {
  // What runs engines in this process.
  if (args[0] === "submit" || args[0] === "worker") (await import("./io/collector.ts")).restartWithSmallHeap();
  const { runProgram } = await import("./cli/program.ts");
  const exitCode = await runProgram(processTerminal(args), version, async () =>
    (await import("./io/real-world.ts")).createWorld(),
  );
  process.exit(exitCode);
}
