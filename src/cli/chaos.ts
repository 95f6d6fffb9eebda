// `chaos` from its settings to its exit code: which action on which nodes. What happens then is chaos/'s; `random` is
// in chaos-random.ts.

import { HyperscaleError } from "../base/error.ts";
import { nearest } from "../base/suggest.ts";
import { formatDuration } from "../base/units.ts";
import { DELAY_MS_MAX, describeFault, type Fault, FAULT_MS_DEFAULT, FAULT_MS_MAX } from "../chaos/faults.ts";
import { nameOf, Operator, peersOf } from "../chaos/operator.ts";
import { inState, leaderOf, resolveTarget, type SeenNode } from "../chaos/targets.ts";
import { chaosLines } from "../tui/chaos-lines.ts";
import { registryInUse } from "./chaos-registry.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { usesColor } from "./progress.ts";
import { durationOf, refuse } from "./values.ts";

/** Part of the time that cores stand still unless said otherwise. */
const SLOW_RATIO = 0.8;

type Action = (chaos: Chaos) => Promise<number>;

const ACTIONS: Readonly<Record<string, Action>> = {
  list,
  kill: (chaos) => onEach(chaos, target(chaos, 0), (node) => chaos.operator.kill(node), "is killed"),
  pause,
  resume,
  restart,
  partition,
  isolate: (chaos) => inflict(chaos, { kind: "cut", peers: null, direction: "both" }, target(chaos, 0)),
  delay: (chaos) => inflict(chaos, { kind: "delay", ms: delayOf(chaos, 0) }, target(chaos, 1, "all")),
  loss: (chaos) => inflict(chaos, { kind: "loss", ratio: ratioOf(chaos, 0) }, target(chaos, 1, "all")),
  disk,
  "crash-core": (chaos) =>
    onEach(chaos, target(chaos, 0), (node) => chaos.operator.crashCore(node), "lost an engine thread"),
  slow,
  heal,
};

/** One invocation: what was typed, and the nodes as they were found. */
type Chaos = {
  readonly invocation: Invocation;
  readonly operator: Operator;
  readonly nodes: readonly SeenNode[];
  /** After the action. */
  readonly words: readonly string[];
};

/** Does what was asked to the nodes that were meant. Throws `usage`, `invalid`, `cluster` and `storage`. */
export async function chaos(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  const name = settings.positional("action") ?? "";
  if (name === "random") {
    const { chaosRandom } = await import("./chaos-random.ts");
    return chaosRandom(invocation);
  }
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    const names = [...Object.keys(ACTIONS), "random"];
    const near = nearest(name, names);
    throw new HyperscaleError("usage", `chaos has no action ${JSON.stringify(name)}`, {
      hint: near === null ? `actions: ${names.join(", ")}` : `did you mean ${near}?`,
    });
  }
  const { clock } = await invocation.openWorld();
  const operator = new Operator({ registry: await registryInUse(invocation), clock, environment: terminal.env });
  const words = ["first", "second", "third"].flatMap((slot) => settings.positional(slot) ?? []);
  const surplus = words[wordsMax(name, words)];
  if (surplus !== undefined)
    throw new HyperscaleError("usage", `unexpected argument ${JSON.stringify(surplus)}: chaos ${name} takes no more`);
  return action({ invocation, operator, words, nodes: await operator.look() });
}

/** How many words may follow the action: what is left over might be a target that was meant too. */
function wordsMax(action: string, [first]: readonly string[]): number {
  if (action === "list") return 0;
  if (action === "disk") return first === "slow" ? 3 : 2;
  return ["partition", "delay", "loss", "slow"].includes(action) ? 2 : 1;
}

async function list({ invocation, nodes }: Chaos): Promise<number> {
  const { settings, terminal } = invocation;
  if (settings.is("json")) {
    await terminal.print(`${JSON.stringify({ version: 1, nodes: nodes.map(nodeJson) }, null, 2)}\n`);
    return EXIT_OK;
  }
  const options = { columns: terminal.output.size().columns, color: usesColor(terminal, settings, "output") };
  const lines =
    nodes.length === 0
      ? ["no node on this machine runs with --chaos"]
      : chaosLines(nodes.map(nodeJson), { ...options, leader: leaderOf(nodes) });
  await terminal.print(`${lines.join("\n")}\n`);
  return EXIT_OK;
}

/** A node as `list --json` has it. */
function nodeJson({ entry, presence, told }: SeenNode) {
  const { id, role, pid, addresses, data } = entry;
  const [address] = addresses;
  return {
    id,
    role,
    pid,
    address: address ?? { host: "", tcp: 0, udp: 0 },
    data,
    state: presence.kind,
    why: presence.kind === "stranger" ? presence.why : null,
    doesAnswer: told !== null,
    faults: (told?.faults ?? []).map(({ fault, leftMs }) => ({
      ...fault,
      text: describeFault(fault),
      leftMs: Math.round(leftMs),
    })),
  };
}

async function pause(chaos: Chaos): Promise<number> {
  const forMs = ttlOf(chaos);
  const nodes = target(chaos, 0);
  await chaos.operator.pause(nodes, forMs);
  for (const node of nodes) say(chaos, node, `stands still for ${formatDuration(forMs)}`);
  return EXIT_OK;
}

/** Those that stand still: who goes on anyway is not resumed. */
async function resume(chaos: Chaos): Promise<number> {
  const [word = ""] = chaos.words;
  const meant = target(chaos, 0, null, "paused");
  const paused = meant.filter(({ presence }) => presence.kind === "paused");
  if (paused.length === 0)
    throw new HyperscaleError("invalid", `no node that ${JSON.stringify(word)} means is paused`, {
      hint: "see hyperscale chaos list",
    });
  return onEach(chaos, paused, (node) => chaos.operator.resume(node), "goes on");
}

async function restart(chaos: Chaos): Promise<number> {
  const nodes = chaos.words[0] === "all" ? resolveTarget("all", chaos.nodes, true) : target(chaos, 0, null, "gone");
  return onEach(chaos, nodes, async (node) => void (await chaos.operator.restart(node)), "runs again");
}

async function partition(chaos: Chaos): Promise<number> {
  const { operator, invocation } = chaos;
  const [left, right] = [target(chaos, 0), target(chaos, 1)];
  const both = left.find(({ entry }) => right.some((other) => other.entry.id === entry.id));
  if (both !== undefined)
    throw new HyperscaleError("invalid", `${nameOf(both.entry)} is on both sides of the partition`);
  const forMs = ttlOf(chaos);
  const isOneWay = invocation.settings.is("one-way");
  const cut = (from: readonly SeenNode[], direction: "in" | "out" | "both"): Fault => ({
    kind: "cut",
    peers: peersOf(from),
    direction,
  });
  await Promise.all([
    ...left.map((node) => operator.inflict(node, cut(right, isOneWay ? "out" : "both"), forMs)),
    ...right.map((node) => operator.inflict(node, cut(left, isOneWay ? "in" : "both"), forMs)),
  ]);
  const names = right.map(({ entry }) => nameOf(entry)).join(", ");
  for (const node of left)
    say(chaos, node, `${isOneWay ? "is not heard by" : "is cut off from"} ${names} for ${formatDuration(forMs)}`);
  return EXIT_OK;
}

async function inflict(chaos: Chaos, fault: Fault, nodes: readonly SeenNode[]): Promise<number> {
  const forMs = ttlOf(chaos);
  const text = `${describeFault(fault)} for ${formatDuration(forMs)}`;
  return onEach(chaos, nodes, (node) => chaos.operator.inflict(node, fault, forMs), text);
}

function disk(chaos: Chaos): Promise<number> {
  const [kind = ""] = chaos.words;
  switch (kind) {
    case "slow":
      return inflict(chaos, { kind: "diskSlow", ms: delayOf(chaos, 1) }, target(chaos, 2, "all"));
    case "eio":
      return inflict(chaos, { kind: "diskBroken" }, target(chaos, 1, "all"));
    case "full":
      return inflict(chaos, { kind: "diskFull" }, target(chaos, 1, "all"));
    default:
      throw new HyperscaleError(
        "usage",
        kind === "" ? "chaos disk: slow, eio or full is missing" : `chaos disk has no ${JSON.stringify(kind)}`,
        {
          hint: "write it as: disk slow 2s [TARGET], disk eio [TARGET] or disk full [TARGET]",
        },
      );
  }
}

/** `slow TARGET [PERCENT]`. */
function slow(chaos: Chaos): Promise<number> {
  const ratio = chaos.words[1] === undefined ? SLOW_RATIO : ratioOf(chaos, 1);
  if (ratio > 0.99) refuse({ text: chaos.words[1] ?? "", source: "PERCENT" }, "is more than 99 %: see pause");
  return inflict(chaos, { kind: "slowCores", ratio }, target(chaos, 0));
}

async function heal(chaos: Chaos): Promise<number> {
  const nodes = target(chaos, 0, "all");
  const counts = await Promise.all(nodes.map((node) => chaos.operator.heal(node)));
  for (const [at, node] of nodes.entries()) say(chaos, node, `is healed of ${counts[at] ?? 0}`);
  return EXIT_OK;
}

/** The same on every node at once; every failure is said, and the first one thrown. */
async function onEach(
  chaos: Chaos,
  nodes: readonly SeenNode[],
  act: (node: SeenNode) => Promise<void>,
  done: string,
): Promise<number> {
  const outcomes = await Promise.allSettled(nodes.map(act));
  const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  for (const [at, node] of nodes.entries()) if (outcomes[at]?.status === "fulfilled") say(chaos, node, done);
  const [first, ...others] = failures;
  for (const other of others) chaos.invocation.terminal.progress.write(`error: ${String(other)}\n`);
  if (first !== undefined) throw first;
  return EXIT_OK;
}

/** `first`: a role means those in that state before those that run. */
function target(
  chaos: Chaos,
  slot: number,
  otherwise: string | null = null,
  first: "paused" | "gone" | null = null,
): readonly SeenNode[] {
  const word = chaos.words[slot] ?? otherwise;
  if (word !== null) {
    const found = first === null ? [] : inState(word, chaos.nodes, first);
    return found.length > 0 ? found : resolveTarget(word, chaos.nodes);
  }
  throw new HyperscaleError("usage", "chaos: a TARGET is missing", {
    hint: "a role (leader, follower, owner, worker, manager, all), an address or an id: see hyperscale chaos list",
  });
}

function ttlOf({ invocation: { settings } }: Chaos): number {
  const setting = settings.one("for");
  if (setting === null) return FAULT_MS_DEFAULT;
  const forMs = durationOf(setting);
  if (forMs > FAULT_MS_MAX) refuse(setting, `is more than ${formatDuration(FAULT_MS_MAX)}`);
  return forMs;
}

function delayOf({ words }: Chaos, slot: number): number {
  const setting = { text: words[slot] ?? "", source: "TIME" };
  const delayMs = durationOf(setting);
  if (delayMs > DELAY_MS_MAX) refuse(setting, `is more than ${formatDuration(DELAY_MS_MAX)}`);
  return delayMs;
}

/** "20%", "20 %", "0.2". */
function ratioOf({ words }: Chaos, slot: number): number {
  const text = words[slot] ?? "";
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim());
  const ratio = match === null ? Number.NaN : Number(match[1]) / (match[2] === "%" ? 100 : 1);
  if (ratio > 0 && ratio <= 1) return ratio;
  return refuse({ text, source: "PERCENT" }, "is no part of a whole", "write it like 20% or 0.2");
}

function say({ invocation: { settings, terminal } }: Chaos, { entry }: SeenNode, what: string): void {
  if (!settings.is("quiet")) terminal.progress.write(`${nameOf(entry)} ${what}\n`);
}
