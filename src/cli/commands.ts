// The list of commands. Each is a file of commands/, loaded when it is asked for.

import type { CommandModule } from "./command.ts";

/** In the order help lists them. */
export const COMMANDS = [
  "submit",
  "manager",
  "worker",
  "status",
  "jobs",
  "results",
  "pause",
  "resume",
  "scale",
  "cancel",
  "peer",
  "key",
  "chaos",
  "validate",
  "init",
  "completions",
] as const;
export type CommandName = (typeof COMMANDS)[number];

const LOADERS: Readonly<Record<CommandName, () => Promise<CommandModule>>> = {
  submit: () => import("./commands/submit.ts"),
  manager: () => import("./commands/manager.ts"),
  worker: () => import("./commands/worker.ts"),
  status: () => import("./commands/status.ts"),
  jobs: () => import("./commands/jobs.ts"),
  results: () => import("./commands/results.ts"),
  pause: () => import("./commands/pause.ts"),
  resume: () => import("./commands/resume.ts"),
  scale: () => import("./commands/scale.ts"),
  cancel: () => import("./commands/cancel.ts"),
  peer: () => import("./commands/peer.ts"),
  key: () => import("./commands/key.ts"),
  chaos: () => import("./commands/chaos.ts"),
  validate: () => import("./commands/validate.ts"),
  init: () => import("./commands/init.ts"),
  completions: () => import("./commands/completions.ts"),
};

/** Loads a command's file; what its run needs is loaded by its run. */
export function loadCommand(name: CommandName): Promise<CommandModule> {
  return LOADERS[name]();
}
