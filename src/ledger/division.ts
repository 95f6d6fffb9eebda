// How the workflows of one job divide cores among themselves: one each first; then those with a priority of their own
// by their VUs, and the others evenly. Numbers only; which cores is placement.ts.

/** One that wants cores: at most `most`. isAuto: it has no priority of its own. */
export type Taker = { readonly most: number; readonly vus: number; readonly isAuto: boolean };

/** Cores for each taker, in their order; all cores that can be used are. */
export function divide(cores: number, takers: readonly Taker[]): number[] {
  const parts = takers.map(() => 0);
  const order = [...takers.keys()].sort((a, b) => compare(takers[a], takers[b]));
  const explicit = order.filter((at) => takers[at]?.isAuto === false);
  const auto = order.filter((at) => takers[at]?.isAuto === true);
  let left = deal(parts, takers, { order, cores, most: 1 });
  const vus = takers.reduce((sum, taker) => sum + taker.vus, 0);
  for (const at of explicit) {
    const taker = takers[at];
    if (taker === undefined || vus === 0) continue;
    const most = Math.min(taker.most, Math.floor((cores * taker.vus) / vus));
    const more = Math.min(left, Math.max(0, most - (parts[at] ?? 0)));
    parts[at] = (parts[at] ?? 0) + more;
    left -= more;
  }
  left = deal(parts, takers, { order: auto, cores: left, most: Infinity });
  deal(parts, takers, { order: explicit, cores: left, most: Infinity });
  return parts;
}

/** Who comes first: those with a priority of their own, then those with more VUs. */
export function compare(left: Omit<Taker, "most"> | undefined, right: Omit<Taker, "most"> | undefined): number {
  if (left === undefined || right === undefined) return 0;
  return Number(left.isAuto) - Number(right.isAuto) || right.vus - left.vus;
}

/** One core each in turns, until nobody may take more. Out: the cores left. */
function deal(
  parts: number[],
  takers: readonly Taker[],
  how: { readonly order: readonly number[]; readonly cores: number; readonly most: number },
): number {
  let left = how.cores;
  for (let isMoving = true; isMoving && left > 0;) {
    isMoving = false;
    for (const at of how.order) {
      const part = parts[at] ?? 0;
      if (left === 0 || part >= Math.min(how.most, takers[at]?.most ?? 0)) continue;
      parts[at] = part + 1;
      left--;
      isMoving = true;
    }
  }
  return left;
}
