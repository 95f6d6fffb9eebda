// The managers of a cluster as a table, for `peer list`.

import type { Peer } from "../node/peers.ts";
import type { Style } from "./cells.ts";
import { placeText, shortId } from "./node-lines.ts";
import { type StatusOptions, table } from "./status-lines.ts";

/** One manager a line. */
export function peerLines(peers: readonly Peer[], options: StatusOptions): string[] {
  if (peers.length === 0) return ["no managers"];
  const hasBehind = peers.some(({ behind }) => behind !== null);
  return table(
    ["NODE", "ADDRESS", "PART", "STATUS", ...(hasBehind ? ["BEHIND"] : []), ""],
    peers.map((peer) => [
      { text: peer.id },
      { text: peer.address === null ? "unknown" : placeText(peer.address) },
      { text: peer.isLeader ? "leader" : peer.standing, ...(peer.isLeader ? { style: "accent" as const } : {}) },
      { text: peer.status, style: STYLES[peer.status] },
      ...(hasBehind ? [{ text: peer.behind === null ? "" : String(peer.behind) }] : []),
      { text: noteOf(peer), style: "dim" },
    ]),
    options,
  );
}

/** "127.0.0.1:9004 (1f00aa21)". */
export function peerText({ id, address }: Pick<Peer, "id" | "address">): string {
  return address === null ? id : `${placeText(address)} (${shortId(id)})`;
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
  if (standing === "outside") return "does not belong to it: peer add, or peer replace OLD";
  return standing === "learner" ? "is joining" : "";
}
