// The nodes that take fault orders, as a table: what they are, and what they suffer.

import { addressText } from "../base/address.ts";
import { formatDuration } from "../base/units.ts";
import type { Style } from "./cells.ts";
import { shortId } from "./node-lines.ts";
import { type Column, table } from "./table.ts";

export type ChaosNode = {
  readonly id: string;
  readonly role: string;
  readonly pid: number;
  readonly address: { readonly host: string; readonly tcp: number };
  readonly state: "running" | "paused" | "gone" | "stranger";
  readonly doesAnswer: boolean;
  readonly faults: readonly { readonly text: string; readonly leftMs: number }[];
};

const STYLES: Readonly<Record<ChaosNode["state"], Style>> = {
  running: "good",
  paused: "warn",
  gone: "bad",
  stranger: "bad",
};

/** One line a node under a heading. In: the id of the leader, null where nobody knows one. */
export function chaosLines(
  nodes: readonly ChaosNode[],
  options: { readonly columns: number; readonly color: boolean; readonly leader: string | null },
): readonly string[] {
  const columns: readonly Column<ChaosNode>[] = [
    { head: "NODE", of: ({ id }) => shortId(id) },
    { head: "ROLE", of: ({ id, role }) => (id === options.leader ? "leader" : role) },
    { head: "ADDRESS", of: ({ address }) => addressText(address) },
    { head: "PROCESS", of: ({ pid }) => String(pid) },
    { head: "STATE", of: (node) => ({ text: stateText(node), style: STYLES[node.state] }) },
    { head: "FAULTS", of: (node) => ({ text: faultsText(node), style: "bad" }) },
  ];
  return table(columns, nodes, options);
}

function stateText({ state, doesAnswer }: ChaosNode): string {
  if (state === "stranger") return "not this node";
  return state === "running" && !doesAnswer ? "no answer" : state;
}

function faultsText({ faults }: ChaosNode): string {
  return faults.map(({ text, leftMs }) => `${text} (${formatDuration(Math.ceil(leftMs / 1_000) * 1_000)})`).join(", ");
}
