// Quorum arithmetic over the configured voters. Nothing here knows of time, roles or messages.

/** Members that make a majority of `count` voters. In: count >= 1. */
export function majority(count: number): number {
  return Math.floor(count / 2) + 1;
}

/**
 * The largest value that a majority of voters has reached: with match indexes, the index a majority holds (Raft 5.3).
 * In: voters (ids, no duplicates), the value of each. Out: -Infinity when there are no voters.
 */
export function quorumValue(voters: readonly string[], valueOf: (voter: string) => number): number {
  let value = Number.NEGATIVE_INFINITY;
  const values: number[] = [];
  for (const voter of voters) values.push(valueOf(voter));
  const needed = majority(values.length);
  // A handful of voters: counting beats sorting, and this is asked with every message.
  for (const candidate of values) {
    if (candidate <= value) continue;
    let reached = 0;
    for (const other of values) if (other >= candidate) reached++;
    if (reached >= needed) value = candidate;
  }
  return value;
}

/** State of an election: votes of others than the voters do not count, and no answer is no vote. */
export function tally(voters: readonly string[], votes: ReadonlyMap<string, boolean>): "won" | "lost" | "open" {
  if (voters.length === 0) return "lost";
  const needed = majority(voters.length);
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === true) granted++;
    if (vote === false) refused++;
  }
  if (granted >= needed) return "won";
  // A majority is out of reach once fewer than `needed` voters have not refused.
  return voters.length - refused < needed ? "lost" : "open";
}
