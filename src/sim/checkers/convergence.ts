// Membership converges once the faults are over: every node that lives sees every other one alive, and nobody else.

import type { SwimView } from "../../swim/view.ts";
import { Violation } from "./violation.ts";

/** Looks at the views of all live nodes. Out: what is not as it should be, "" when they agree. */
export function membershipProblem(views: readonly Pick<SwimView, "self" | "members">[]): string {
  const live = new Set(views.map(({ self }) => self));
  for (const { self, members } of views) {
    const alive = new Set(members.filter(({ status }) => status === "alive").map(({ id }) => id));
    for (const id of live) if (!alive.has(id)) return `${self} does not see ${id} alive`;
    for (const id of alive) if (!live.has(id)) return `${self} sees ${id} alive, which is gone`;
  }
  return "";
}

/** Throws when they did not agree in time. */
export function checkConvergence(problem: string, afterMs: number): void {
  if (problem !== "") throw new Violation("convergence", `${Math.round(afterMs)} ms after the last fault ${problem}`);
}
