// A manager that stops hears out the workers that stop with it and gives its jobs to others before it goes: what it
// knows of them is kept, and each is assigned to a manager that is there, so that it never goes without an owner. What
// cannot be given away in time is taken over as from one that died.

import type { Clock } from "../../io/world.ts";
import type { LedgerPort } from "../ledger-port.ts";
import type { Owned, Owner } from "./owner.ts";
import type { WorkerHall } from "./worker-hall.ts";

/** Between two looks at what is left. */
const LOOK_MS = 50;
/** What a job's owner knows is kept within so long, or not at all. */
const KEEP_MS = 500;
/** Who stops all nodes of a machine or a cluster at once reaches them one after the other. */
const AT_ONCE_MS = 300;

export type HandOverPorts = {
  readonly clock: Clock;
  readonly ledger: LedgerPort;
  readonly owner: Owner;
  /** Managers that are there and do not stop, this one not among them. */
  readonly successors: () => readonly { readonly node: string; readonly boot: string }[];
};

/**
 * What workers that stop at the same time hand back is committed first: with the managers gone nobody would take it.
 * Resolves when nothing of such a worker is open any more, or the time is over; at once where no work runs.
 */
export async function hearOutWorkers(
  { clock, hall }: { readonly clock: Clock; readonly hall: Pick<WorkerHall, "unfinished"> },
  withinMs: number,
): Promise<void> {
  const beganMs = clock.nowMs();
  for (;;) {
    const { held, parting } = hall.unfinished;
    const elapsedMs = clock.nowMs() - beganMs;
    if (elapsedMs >= withinMs || (elapsedMs < AT_ONCE_MS ? held : parting) === 0) return;
    await sleep(clock, LOOK_MS);
  }
}

/** Resolves when this manager owns nothing any more, nobody is there to give it to, or the time is over. */
export async function handOverJobs(ports: HandOverPorts, withinMs: number): Promise<void> {
  const { clock, owner } = ports;
  const untilMs = clock.nowMs() + withinMs;
  const given = new Set<string>();
  for (;;) {
    const owned = [...owner.owned];
    if (owned.length === 0 || clock.nowMs() >= untilMs || ports.successors().length === 0) return;
    for (const one of owned) {
      if (given.has(one.id)) continue;
      given.add(one.id);
      void give(ports, one).then((isGiven) => isGiven || given.delete(one.id));
    }
    await sleep(clock, LOOK_MS);
  }
}

/** Out: whether it is settled who owns the job. */
async function give(ports: HandOverPorts, { id, course }: Owned): Promise<boolean> {
  const { clock, ledger } = ports;
  if (course !== null) await Promise.race([course.keep(), sleep(clock, KEEP_MS)]);
  const to = leastBusy(ports);
  if (to === null) return false;
  return new Promise((resolve) =>
    ledger.propose({ kind: "assign", job: id, owner: to.node, boot: to.boot }, ({ kind }) =>
      resolve(kind === "applied"),
    ),
  );
}

function leastBusy({ ledger, successors }: HandOverPorts): { readonly node: string; readonly boot: string } | null {
  const owned = new Map<string, number>();
  for (const { owner } of ledger.state.roll.owned.values())
    if (owner !== null) owned.set(owner.node, (owned.get(owner.node) ?? 0) + 1);
  const [first] = successors().toSorted((a, b) => (owned.get(a.node) ?? 0) - (owned.get(b.node) ?? 0));
  return first ?? null;
}

function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(ms, resolve));
}
