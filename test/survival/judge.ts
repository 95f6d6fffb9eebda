// What the target's log says of a job whose nodes were disturbed: was work done twice at once, and how long did the
// work of who was gone stand still. Pure.

import type { Seen } from "./target.ts";

/**
 * VUs that went on over an older connection after a newer one had spoken: two attempts of one share sent at the same
 * time. A VU sends one request after the other, and a connection it left it never takes again.
 */
export function overlaps(log: readonly Seen[]): readonly { readonly vu: number; readonly atMs: number }[] {
  const order = new Map<number, Map<number, number>>();
  const found: { readonly vu: number; readonly atMs: number }[] = [];
  for (const [atMs, vu, port] of [...log].sort(([a], [b]) => a - b)) {
    const ports = order.get(vu) ?? new Map<number, number>();
    order.set(vu, ports);
    const place = ports.get(port);
    if (place === undefined) ports.set(port, ports.size);
    else if (place < ports.size - 1) found.push({ vu, atMs });
  }
  return found;
}

/** Ms from an instant to the first request of a VU that then changed its connection; null: none did. */
export function movedAfterMs(log: readonly Seen[], sinceMs: number): number | null {
  const before = new Map<number, Set<number>>();
  for (const [atMs, vu, port] of log) if (atMs < sinceMs) before.set(vu, (before.get(vu) ?? new Set()).add(port));
  let firstMs = Infinity;
  for (const [atMs, vu, port] of log) {
    const known = before.get(vu);
    if (atMs >= sinceMs && known !== undefined && !known.has(port)) firstMs = Math.min(firstMs, atMs);
  }
  return firstMs === Infinity ? null : firstMs - sinceMs;
}
