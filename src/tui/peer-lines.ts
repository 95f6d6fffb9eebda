// The managers of a cluster as a table, for `peer list`.

import { addressText } from "../base/address.ts";
import type { Peer } from "../node/peers.ts";
import type { Style } from "./cells.ts";
import { shortId } from "./node-lines.ts";
import { type Column, table, type TableOptions } from "./table.ts";

/** One manager a line. */
export function peerLines(peers: readonly Peer[], options: TableOptions): string[] {
  const columns: readonly Column<Peer>[] = [
    { head: "NODE", of: ({ id }) => id },
    { head: "ADDRESS", of: ({ address }) => (address === null ? "unknown" : addressText(address)) },
    {
      head: "PART",
      of: ({ isLeader, standing }) => (isLeader ? { text: "leader", style: "accent" } : standing),
    },
    { head: "STATUS", of: ({ status }) => ({ text: status, style: STYLES[status] }) },
    { head: "BEHIND", of: ({ behind }) => (behind === null ? "" : String(behind)), isNumber: true, rank: 1 },
    { head: "", of: (peer) => ({ text: noteOf(peer), style: "dim" }), rank: 2 },
  ];
  return peers.length === 0 ? ["no managers"] : table(columns, peers, options);
}

/** "127.0.0.1:9004 (1f00aa21)". */
export function peerText({ id, address }: Pick<Peer, "id" | "address">): string {
  return address === null ? id : `${addressText(address)} (${shortId(id)})`;
}

const STYLES: Readonly<Record<Peer["status"], Style>> = {
  alive: "good",
  suspect: "warn",
  dead: "bad",
  left: "dim",
  unconfirmed: "warn",
  unknown: "dim",
};

function noteOf({ standing, replaces, replacedBy }: Peer): string {
  if (replaces !== null) return `takes the place of ${shortId(replaces)}`;
  if (replacedBy !== null) return `is replaced by ${shortId(replacedBy)}`;
  if (standing === "outside") return "peer add, or peer replace OLD";
  return standing === "learner" ? "is joining" : "";
}
