// Kills leaders of a simulated cluster, one after another, and times how long it is without one. For the test of the
// promised times and for the table in bench/.

import { type Cluster, crash, leaderOf, restart, runFor } from "./cluster.ts";

/**
 * Kills the leader again and again, each restarted before the next. In: `hasReset`: the others see its streams break.
 * Out: ms from each kill to the next leader.
 */
export function killLeaders(cluster: Cluster, kills: number, hasReset: boolean): number[] {
  const times: number[] = [];
  const { electionMs } = cluster.configOf("a");
  const settleMs = 3 * electionMs;
  for (let kill = 0; kill < kills; kill++) {
    awaitLeader(cluster, 120 * electionMs);
    runFor(cluster, settleMs + ((kill * 37) % 501));
    const leader = leaderOf(cluster);
    if (leader === null) throw new Error("a calm cluster keeps its leader");
    const killedAt = cluster.now;
    crash(cluster, leader, hasReset);
    awaitLeader(cluster, 120 * electionMs);
    times.push(cluster.now - killedAt);
    restart(cluster, leader);
  }
  return times;
}

/** Nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function awaitLeader(cluster: Cluster, limitMs: number): void {
  if (!runFor(cluster, limitMs, () => leaderOf(cluster) !== null)) throw new Error(`no leader for ${limitMs} ms`);
}
