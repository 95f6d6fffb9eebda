// Which nodes a word means: by their role in the cluster as its nodes tell it now, by an id or by an address. Pure.

import { addressText } from "../base/address.ts";
import { HyperscaleError } from "../base/error.ts";
import { nearest } from "../base/suggest.ts";
import type { NodeStatus } from "../node/status.ts";
import type { ActiveFault } from "./faults.ts";
import type { Entry, Presence } from "./registry.ts";

/** A registered node as it was found. told: null when it did not answer (paused, busy, gone). */
export type SeenNode = {
  readonly entry: Entry;
  readonly presence: Presence;
  readonly told: { readonly status: NodeStatus; readonly faults: readonly ActiveFault[] } | null;
};

/** Words that stand for nodes by what they are now; the plural forms and `all` for every one of them. */
export const TARGET_WORDS = [
  "leader",
  "follower",
  "followers",
  "owner",
  "manager",
  "managers",
  "worker",
  "workers",
  "all",
] as const;
export type TargetWord = (typeof TARGET_WORDS)[number];

/**
 * The nodes that are meant, at least one. leader: of the highest term anybody knows. owner: of the newest job that has
 * not ended. Of `follower`, `manager` and `worker` the first that runs. In: all registered nodes; whether `all` means
 * those that are gone too. Throws `invalid` saying what there is instead.
 */
export function resolveTarget(word: string, nodes: readonly SeenNode[], withGone = false): readonly SeenNode[] {
  if (nodes.length === 0)
    throw new HyperscaleError("invalid", "no node on this machine runs with --chaos", {
      hint: "start managers and workers with --chaos; other nodes are never touched",
    });
  if (word === "all" && withGone) return nodes;
  const known = TARGET_WORDS.find((target) => target === word);
  return known === undefined ? [byName(word, nodes)] : byWord(known, nodes);
}

/**
 * Those in that state that a word for a role means: who is to go on stands still, and who is to start again is gone
 * first of all. A word for one means the first. Out: none for an id, and when none is in that state.
 */
export function inState(word: string, nodes: readonly SeenNode[], state: "paused" | "gone"): readonly SeenNode[] {
  const role = TARGET_WORDS.some((target) => target === word) ? word.replace(/s$/, "") : null;
  if (role === null) return [];
  const found = nodes.filter(
    ({ entry, presence }) =>
      presence.kind === state && (role === "all" || (role === "worker") === (entry.role === "worker")),
  );
  return role === "all" || word.endsWith("s") ? found : found.slice(0, 1);
}

/** The id of the leader as the node of the highest term knows it; null: nobody knows one. */
export function leaderOf(nodes: readonly SeenNode[]): string | null {
  let best: { readonly term: number; readonly leader: string } | null = null;
  for (const { told } of nodes) {
    const { leader = null, term = null } = told?.status ?? {};
    if (leader !== null && term !== null && (best === null || term > best.term)) best = { term, leader };
  }
  return best?.leader ?? null;
}

/** The first eight letters, as everything that shows ids does. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

function byWord(word: TargetWord, nodes: readonly SeenNode[]): readonly SeenNode[] {
  const here = nodes.filter(({ presence }) => presence.kind === "running" || presence.kind === "paused");
  const running = here.filter(({ presence }) => presence.kind === "running");
  const managers = running.filter(({ entry }) => entry.role === "manager");
  const workers = running.filter(({ entry }) => entry.role === "worker");
  switch (word) {
    case "all":
      return some(here, "no registered node runs");
    case "managers":
      return some(managers, "no manager runs with --chaos");
    case "manager":
      return some(managers.slice(0, 1), "no manager runs with --chaos");
    case "workers":
      return some(workers, "no worker runs with --chaos");
    case "worker":
      return some(workers.slice(0, 1), "no worker runs with --chaos");
    case "leader":
      return some(ofId(leaderOf(nodes), managers), absent("leader", leaderOf(nodes), nodes));
    case "followers":
    case "follower": {
      const leader = leaderOf(nodes);
      const followers = managers.filter(({ entry }) => entry.id !== leader);
      return some(word === "follower" ? followers.slice(0, 1) : followers, "no follower runs with --chaos");
    }
    case "owner":
      return some(ofId(ownerOf(nodes), managers), absent("owner", ownerOf(nodes), nodes));
  }
}

/** Why nobody of that part can be touched, `id` being who has it as far as the others know. */
function absent(part: "leader" | "owner", id: string | null, nodes: readonly SeenNode[]): string {
  if (id === null) return part === "leader" ? "no node knows a leader now" : "no job runs, so that no manager owns one";
  const presence = nodes.find(({ entry }) => entry.id === id)?.presence.kind;
  if (presence === undefined) return `the ${part} ${shortId(id)} runs elsewhere or without --chaos`;
  const state = presence === "paused" ? "paused" : "gone";
  return `the ${part} as the others know it, ${shortId(id)}, is ${state}: there is no other yet`;
}

function ownerOf(nodes: readonly SeenNode[]): string | null {
  let best: { readonly term: number; readonly owner: string } | null = null;
  for (const { told } of nodes) {
    const term = told?.status.term ?? null;
    const job = told?.status.jobs.findLast(({ state, owner }) => state !== "finished" && owner !== null);
    if (term === null || job === undefined || job.owner === null || (best !== null && term <= best.term)) continue;
    best = { term, owner: job.owner };
  }
  return best?.owner ?? null;
}

function ofId(id: string | null, nodes: readonly SeenNode[]): readonly SeenNode[] {
  return nodes.filter(({ entry }) => entry.id === id);
}

function some(found: readonly SeenNode[], problem: string): readonly SeenNode[] {
  if (found.length === 0) throw new HyperscaleError("invalid", problem, { hint: "see hyperscale chaos list" });
  return found;
}

/** By the beginning of its id, or by an address: at that of a node that is gone another one may be now. */
function byName(word: string, nodes: readonly SeenNode[]): SeenNode {
  const there = nodes.filter(({ entry }) => entry.addresses.some((address) => addressText(address) === word));
  const isHere = ({ presence: { kind } }: SeenNode): boolean => kind === "running" || kind === "paused";
  const at = there.find(isHere) ?? there[0];
  if (at !== undefined) return at;
  const found = nodes.filter(({ entry }) => entry.id.startsWith(word));
  const [first] = found;
  const ids = (of: readonly SeenNode[]): string => of.map(({ entry }) => shortId(entry.id)).join(", ");
  if (first === undefined || word === "") {
    const near = nearest(word, [...TARGET_WORDS, ...nodes.map(({ entry }) => shortId(entry.id))]);
    throw new HyperscaleError("invalid", `${JSON.stringify(word)} is no node that runs with --chaos`, {
      hint:
        (near === null ? "" : `did you mean ${near}? `) +
        `targets: ${TARGET_WORDS.join(", ")}, an address, or the beginning of an id: ${ids(nodes)}`,
    });
  }
  if (found.length > 1)
    throw new HyperscaleError("invalid", `${JSON.stringify(word)} is the beginning of ${found.length} ids`, {
      hint: `write more letters: ${found.map(({ entry }) => entry.id).join(", ")}`,
    });
  return first;
}
