// `hyperscale chaos`: hurts nodes of this machine that agreed to it. Its words and options; what it does is
// cli/chaos.ts and cli/chaos-random.ts.

import { defineCommand, type ArgsDef } from "citty";
import { CLUSTER_OPTIONS } from "../cluster-options.ts";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";
import { RUNTIME_OPTIONS } from "../node-options.ts";

export const text: CommandText = {
  name: "chaos",
  summary: "Break nodes of this machine that were started with --chaos, and see what survives",
  details: [
    "Only nodes of this user that were started with --chaos are ever touched, and only while their process is the " +
      "one that registered.",
    "list: these nodes, and what they suffer. kill, restart TARGET: SIGKILL, and the same start again (the same " +
      "arguments, folder and log file). pause, resume TARGET: SIGSTOP and SIGCONT.",
    "partition A B [--one-way]: nothing passes between them (one way: B does not hear A). isolate TARGET: nothing " +
      "passes to or from it. delay TIME [TARGET]: what it sends arrives later. loss PERCENT [TARGET]: datagrams are " +
      "lost, streams wait for what would be sent again.",
    "disk slow TIME | eio | full [TARGET]: syncs take longer, everything fails, nothing can be written. crash-core " +
      "TARGET: one engine thread of a worker ends. slow TARGET [PERCENT]: engine threads of a worker stand still for " +
      "that part of the time (default 80 %). heal [TARGET]: ends all of it.",
    "TARGET: leader, follower, owner, worker, manager (one of them), followers, workers, managers, all, an address " +
      "(127.0.0.1:9000), or the beginning of an id. Where it may be left out it is all. To resume, a role means who " +
      "is paused; to restart, who is gone before who runs.",
    "A fault ends after --for (default 30s, at most 10m) by the node's own clock, also when nobody heals it.",
    "random: submits small jobs without end, hurts the cluster by a seeded plan, heals it, and checks every job that " +
      "was acknowledged. Profiles: mixed (default), network, process, disk.",
    "Exit code: 0 done, or everything held; 1 something was lost, doubled or out of bounds; " +
      "3 the run proves nothing; " +
      "75 a node does not answer; 104 there is no such node.",
  ],
  examples: [
    { line: "hyperscale chaos kill leader", text: "another manager leads a moment later" },
    { line: "hyperscale chaos partition leader followers --for 10s", text: "a leader that nobody hears" },
    { line: "hyperscale chaos disk slow 2s managers", text: "every sync takes 2 s longer" },
    { line: "hyperscale chaos random --for 60s --seed 7", text: "hurts everything, then counts what was lost" },
  ],
};

export const options = {
  action: {
    type: "positional",
    required: true,
    valueHint: "ACTION",
    completion: [
      "list",
      "kill",
      "pause",
      "resume",
      "restart",
      "partition",
      "isolate",
      "delay",
      "loss",
      "disk",
      "crash-core",
      "slow",
      "heal",
      "random",
    ],
    description: "What to do",
  },
  first: {
    type: "positional",
    required: false,
    valueHint: "WHAT",
    completion: "none",
    description: "As the action says",
  },
  second: {
    type: "positional",
    required: false,
    valueHint: "...",
    completion: "none",
    description: "As the action says",
  },
  third: {
    type: "positional",
    required: false,
    valueHint: "...",
    completion: "none",
    description: "As the action says",
  },
  for: {
    type: "string",
    valueHint: "TIME",
    section: "Faults",
    isFlagOnly: true,
    description: "How long a fault lasts, or how long random goes on (default 60s)",
  },
  "one-way": {
    type: "boolean",
    section: "Faults",
    isFlagOnly: true,
    description: "partition: B does not hear A; A hears B",
  },
  profile: {
    type: "string",
    valueHint: "NAME",
    section: "Random",
    isFlagOnly: true,
    completion: ["mixed", "network", "process", "disk"],
    description: "random: kinds of faults; default mixed",
  },
  seed: {
    type: "string",
    valueHint: "N",
    section: "Random",
    isFlagOnly: true,
    description: "random: the same faults again",
  },
  "submit-rate": {
    type: "string",
    valueHint: "RATE",
    section: "Random",
    isFlagOnly: true,
    description: "random: jobs submitted, like 2/s (default)",
  },
  ...CLUSTER_OPTIONS,
  ...RUNTIME_OPTIONS,
  json: { type: "boolean", section: "Output", description: "list, random: print as JSON" },
  quiet: { type: "boolean", alias: ["q"], section: "Output", description: "No progress" },
  verbose: { type: "boolean", alias: ["v"], section: "Output", description: "Log more" },
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { chaos } = await import("../chaos.ts");
    return chaos(invocationOf(context));
  },
});
