// Partial partitions of three nodes: every subset of the six directed links, on a cluster that ran well before.

import { bytes, addFormed, type Core, createCluster, cut, give, leaders, nodeOf, runFor, runUntil } from "./cluster.ts";
import { watch } from "./checkers.ts";

const NODES = ["a", "b", "c"];
const LINKS = NODES.flatMap((from) => NODES.filter((to) => to !== from).map((to) => ({ from, to })));

/** All 64 sets of links that are cut, as "a>b". */
export const MASKS: readonly (readonly string[])[] = Array.from({ length: 1 << LINKS.length }, (_, mask) => {
  return LINKS.filter((_link, at) => (mask & (1 << at)) !== 0).map(({ from, to }) => `${from}>${to}`);
});

/**
 * Cuts the links and looks. Raft asks and hears back on a pair of links, so writes are possible where two nodes hear
 * each other. hasWritten: a proposal made after the cut is committed within 2.5 s. termChanges: terms begun in the 60
 * s after those.
 */
export function links(options: { readonly mask: readonly string[]; readonly seed: number; readonly core?: Core }): {
  readonly isPossible: boolean;
  readonly hasWritten: boolean;
  readonly termChanges: number;
} {
  const cluster = createCluster({ seed: options.seed, ...(options.core === undefined ? {} : { core: options.core }) });
  addFormed(cluster, NODES);
  const watched = watch(cluster);
  runFor(cluster, 5_000 + (options.seed % 100));
  for (const link of options.mask) {
    const [from = "", to = ""] = link.split(">");
    cut(cluster, from, to);
  }
  const isPossible = LINKS.some(
    ({ from, to }) => !options.mask.includes(`${from}>${to}`) && !options.mask.includes(`${to}>${from}`),
  );
  const cutAt = cluster.now;
  let sequence = 0;
  while (cluster.now < cutAt + 2_500 && !watched.appliedAt.has("k 1")) {
    // A client that asks everyone who leads; only what a leader appended after the cut can be committed.
    for (const leader of leaders(cluster))
      give(cluster, leader.id, {
        kind: "propose",
        proposals: [{ client: "k", sequence: 1, since: 0, command: bytes(`v${++sequence}`) }],
      });
    runFor(cluster, 20);
  }
  const hasWritten = watched.appliedAt.has("k 1");
  runUntil(cluster, cutAt + 2_500);
  const termOf = (): number => Math.max(...NODES.map((id) => nodeOf(cluster, id).durable.hard.term));
  const before = termOf();
  runFor(cluster, 60_000);
  return { isPossible, hasWritten, termChanges: termOf() - before };
}
