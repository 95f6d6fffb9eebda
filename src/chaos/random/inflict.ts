// One planned fault done to the nodes that are there when its time comes, and undone again.

import { messageOf } from "../../base/error.ts";
import type { Clock } from "../../io/world.ts";
import type { Fault } from "../faults.ts";
import { nameOf, type Operator, peersOf } from "../operator.ts";
import { leaderOf, type SeenNode } from "../targets.ts";
import type { PlannedFault } from "./fault-plan.ts";

/** What came of it. target: for people; null: it hit nothing, and `why` says so. */
export type Inflicted =
  { readonly target: string; readonly undo: () => Promise<void> } | { readonly target: null; readonly why: string };

/** A fault that needs something that is there only now and then (an engine thread that runs) waits so long for it. */
const PATIENCE_MS = 4_000;
const RETRY_MS = 200;
/** Beyond its planned end a node heals by itself, should this process be gone. */
const MARGIN_MS = 10_000;

/** Does it. Nothing is thrown: nodes may be gone at any time, and that is no news here. */
export async function inflictPlanned(operator: Operator, clock: Clock, fault: PlannedFault): Promise<Inflicted> {
  const untilMs = clock.nowMs() + PATIENCE_MS;
  for (;;) {
    const outcome = await attempt(operator, fault).catch((error: unknown): Inflicted => ({
      target: null,
      why: messageOf(error),
    }));
    if (outcome.target !== null || clock.nowMs() >= untilMs) return outcome;
    await new Promise<void>((resolve) => void clock.setTimer(RETRY_MS, resolve));
  }
}

async function attempt(operator: Operator, fault: PlannedFault): Promise<Inflicted> {
  const nodes = await operator.look();
  const one = fault.kind === "blackout" ? undefined : victimOf(fault, nodes);
  const victims = fault.kind === "blackout" ? nodes.filter(isRunning) : one === undefined ? [] : [one];
  const [victim] = victims;
  if (victim === undefined) return { target: null, why: `no ${fault.role} runs now` };
  const target = fault.kind === "blackout" ? "all nodes" : nameOf(victim.entry);
  const managers = nodes.filter(({ entry }) => entry.role === "manager" && entry.id !== victim.entry.id);
  const forMs = fault.lastsMs + MARGIN_MS;
  const heal = async (hit: readonly SeenNode[]): Promise<void> => {
    await Promise.all(hit.map((node) => operator.heal(node).catch(() => 0)));
  };
  const suffer = async (what: Fault): Promise<Inflicted> => {
    await operator.inflict(victim, what, forMs);
    return { target, undo: () => heal([victim]) };
  };
  const startAgain = async (): Promise<void> => {
    await Promise.all(victims.map((node) => startIfGone(operator, node)));
  };
  switch (fault.kind) {
    case "kill":
    case "blackout":
      await Promise.all(victims.map((node) => operator.kill(node)));
      return { target, undo: startAgain };
    case "pause":
      await operator.pause([victim], forMs);
      return { target, undo: () => heal([victim]) };
    case "partition":
    case "oneWay": {
      const others = fault.kind === "partition" ? managers : managers.slice(0, 1);
      const isOneWay = fault.kind === "oneWay";
      await operator.inflict(
        victim,
        { kind: "cut", peers: peersOf(others), direction: isOneWay ? "out" : "both" },
        forMs,
      );
      const back = { kind: "cut", peers: peersOf([victim]), direction: isOneWay ? "in" : "both" } as const;
      await Promise.all(others.filter(isRunning).map((node) => operator.inflict(node, back, forMs).catch(() => {})));
      return { target: `${target} from ${others.length}`, undo: () => heal([victim, ...others]) };
    }
    case "isolate":
      return suffer({ kind: "cut", peers: null, direction: "both" });
    case "delay":
      return suffer({ kind: "delay", ms: Math.round(20 + 280 * fault.size) });
    case "loss":
      return suffer({ kind: "loss", ratio: 0.05 + 0.35 * fault.size });
    case "diskSlow":
      return suffer({ kind: "diskSlow", ms: Math.round(200 + 1_800 * fault.size) });
    case "diskFull":
      return suffer({ kind: "diskFull" });
    case "diskBroken": {
      await operator.inflict(victim, { kind: "diskBroken" }, forMs);
      return {
        target,
        undo: async () => {
          await heal([victim]);
          await startIfGone(operator, victim);
        },
      };
    }
    case "crashCore":
      await operator.crashCore(victim);
      return { target, undo: async () => {} };
    case "slowCores":
      return suffer({ kind: "slowCores", ratio: 0.5 + 0.45 * fault.size });
  }
}

/** Starts every node again that is gone. Out: how many there were. */
export async function startAllGone(operator: Operator): Promise<number> {
  const gone = (await operator.look()).filter(({ presence }) => presence.kind === "gone");
  await Promise.all(gone.map((node) => operator.restart(node)));
  return gone.length;
}

async function startIfGone(operator: Operator, node: SeenNode): Promise<void> {
  const now = (await operator.look()).find(({ entry }) => entry.id === node.entry.id);
  if (now?.presence.kind === "gone") await operator.restart(now);
}

/** One node of the role; a manager of any role where nobody is known to lead. */
function victimOf({ role, pick }: PlannedFault, nodes: readonly SeenNode[]): SeenNode | undefined {
  const running = nodes.filter(isRunning);
  const leader = leaderOf(nodes);
  const managers = running.filter(({ entry }) => entry.role === "manager");
  const wanted =
    role === "worker"
      ? running.filter(({ entry }) => entry.role === "worker")
      : managers.filter(({ entry }) => (entry.id === leader) === (role === "leader"));
  const found = wanted.length === 0 && role !== "worker" ? managers : wanted;
  return found[Math.floor(pick * found.length)];
}

function isRunning({ presence }: SeenNode): boolean {
  return presence.kind === "running";
}
