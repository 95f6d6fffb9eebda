// `peer` from its settings to its exit code: shows who the managers are, and walks a change through its steps. What
// each step does, and when it is refused, is raft's and consensus/peer-changes.ts's to say.

import { addressText } from "../base/address.ts";
import { HyperscaleError } from "../base/error.ts";
import type { Clock } from "../io/world.ts";
import { type Peer, peersOf } from "../node/peers.ts";
import type { NodeStatus } from "../node/status.ts";
import { peerLines, peerText } from "../tui/peer-lines.ts";
import { addressOf } from "./addresses.ts";
import { askCluster } from "./asking.ts";
import type { Cluster } from "./cluster.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { usesColor } from "./progress.ts";

/** How often a change under way is looked at, and how long one may stand still. */
const LOOK_MS = 150;
const PATIENCE_MS = 30_000;
/** A node that was just started is known to the others within so long. */
const KNOWN_MS = 5_000;

type Step = Parameters<Cluster["client"]["change"]>[0];
export type Asked = { readonly cluster: Cluster; readonly clock: Clock; readonly say: (line: string) => void };

/** Lists or changes the managers. */
export async function peer(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  const action = settings.positional("action") ?? "";
  const [first, second] = [settings.positional("node"), settings.positional("successor")];
  const say = (line: string): void => terminal.progress.write(`${line}\n`);
  const run = (change: (asked: Asked) => Promise<string>): Promise<number> =>
    askCluster(
      invocation,
      async (cluster, { clock }) => {
        await atHome(cluster);
        say(await change({ cluster, clock, say }));
        return EXIT_OK;
      },
      { as: "operator" },
    );
  if (action !== "list" && settings.is("json"))
    throw new HyperscaleError("invalid", "--json goes with peer list alone");
  switch (action) {
    case "list":
      surplus(first);
      return list(invocation);
    case "add":
      surplus(second);
      return run((asked) => add(asked, required(first, "add NODE")));
    case "remove":
      surplus(second);
      return run((asked) => remove(asked, required(first, "remove NODE")));
    case "replace":
      return run((asked) =>
        replace(asked, required(first, "replace OLD NEW"), required(second, "replace OLD NEW, the new one too")),
      );
    default:
      throw new HyperscaleError("usage", `peer ${JSON.stringify(action)} is no action`, {
        hint: "actions: list, add NODE, remove NODE, replace OLD NEW",
      });
  }
}

async function list(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  const status = await askCluster(invocation, async (cluster) => {
    await atHome(cluster);
    return cluster.answer(cluster.client.status());
  });
  const { cluster, leader, term } = status;
  const peers = peersOf(status);
  if (settings.is("json")) {
    const quorum = status.quorum === null ? null : { have: status.quorum.have, need: status.quorum.need };
    const isChanging = status.quorum?.isChanging ?? false;
    const known = { version: 1, cluster, leader, term, quorum, isChanging, peers };
    await terminal.print(`${JSON.stringify(known, null, 2)}\n`);
    return EXIT_OK;
  }
  const options = { columns: terminal.output.size().columns, color: usesColor(terminal, settings, "output") };
  await terminal.print(`${peerLines(peers, options).join("\n")}\n`);
  return EXIT_OK;
}

async function add(asked: Asked, text: string): Promise<string> {
  const node = await found(asked, text, "add");
  if (node.standing === "voter") throw refused(`${peerText(node)} is a voter of this cluster already`);
  if (node.standing === "outside") {
    await change(asked, { kind: "addLearner", node: node.id }, (status) => standingIn(status, node.id) !== "outside");
    await until(asked, `${peerText(node)} to be taken in`, (status) => standingIn(status, node.id) !== "outside");
    asked.say(`${peerText(node)} is joining: it gets what the others hold`);
  }
  await until(asked, `${peerText(node)} to catch up`, async (status) => {
    if (standingIn(status, node.id) === "voter") return true;
    // Refused until it has caught up; anything else is for good.
    await ask(asked, status, { kind: "promote", node: node.id }, ["not_caught_up", "unknown_node"]);
    return false;
  });
  return `${peerText(node)} is a voter: ${await countText(asked)}`;
}

async function remove(asked: Asked, text: string): Promise<string> {
  const node = await found(asked, text, "remove");
  // The newcomer of a replacement goes by calling that off.
  const isNewcomer = node.replaces !== null;
  const isGone = (status: NodeStatus): boolean => standingIn(status, node.id) === "outside";
  await change(asked, isNewcomer ? { kind: "cancelReplace" } : { kind: "remove", node: node.id }, isGone);
  await until(asked, `${peerText(node)} to be removed`, isGone);
  const left = await countText(asked);
  return `${peerText(node)} is no manager of this cluster any more: ${left}; stop it, if it still runs`;
}

async function replace(asked: Asked, oldText: string, newText: string): Promise<string> {
  const before = pick(peersOf(await statusOf(asked)), oldText, "replace");
  const after = await found(asked, newText, "add");
  if (after.standing === "voter") throw refused(`${peerText(after)} is a voter of this cluster already`);
  if (before.id === after.id) throw refused(`${peerText(before)} cannot replace itself`);
  const pair = { before: before.id, after: after.id };
  const hasBegun = ({ quorum }: NodeStatus): boolean =>
    quorum?.replacing?.before === pair.before && quorum.replacing.after === pair.after;
  if (await change(asked, { kind: "replace", ...pair }, hasBegun))
    asked.say(`${peerText(after)} is joining in the place of ${peerText(before)}: it gets what the others hold`);
  await until(
    asked,
    `${peerText(after)} to take the place of ${peerText(before)}`,
    (now) => standingIn(now, after.id) === "voter" && standingIn(now, before.id) === "outside",
  );
  return `${peerText(after)} has taken the place of ${peerText(before)}: ${await countText(asked)}`;
}

// ── asking ──────────────────────────────────────────────────────────────────────────────────────

/** A manager that waits to be taken in passes this on: afterwards one of the cluster is asked. */
async function atHome({ client, answer }: Cluster): Promise<void> {
  await answer(client.jobs());
}

function statusOf({ cluster: { client, answer } }: Asked): Promise<NodeStatus> {
  return answer(client.status());
}

/**
 * Asks for one step until it is in the leader's log: again where the managers turned out to be others than this command
 * knew, or a change before it is not committed yet. Out: whether it had to be asked for; not where it holds already.
 */
export async function change(asked: Asked, step: Step, holds: (status: NodeStatus) => boolean): Promise<boolean> {
  let wasAsked = false;
  const has = async (status: NodeStatus): Promise<boolean> => {
    if (holds(status)) return true;
    wasAsked = true;
    return ask(asked, status, step);
  };
  // Without a leader it is asked all the same: the answer says what is missing.
  const isKnown = ({ quorum, leader }: NodeStatus): boolean => leader === null || quorum?.isChanging !== true;
  await until(asked, "the managers to agree on who they are", has, isKnown);
  return wasAsked;
}

/**
 * Asks for one step, of the managers as that status tells them. `isFine`: more refusals that only mean "not yet".
 * Out: whether the leader has it in its log.
 */
async function ask(
  { cluster: { client, answer } }: Asked,
  { quorum }: NodeStatus,
  step: Step,
  isFine: readonly string[] = [],
): Promise<boolean> {
  try {
    await answer(client.change(step, quorum?.membershipIndex ?? 0));
    return true;
  } catch (error) {
    const code = error instanceof HyperscaleError ? error.cause : null;
    if (code === "changed" || code === "pending" || isFine.some((fine) => fine === code)) return false;
    throw error;
  }
}

/** Asks again and again until it holds of a status that is known. Throws `cluster` when nothing moves for long. */
async function until(
  asked: Asked,
  what: string,
  holds: (status: NodeStatus) => boolean | Promise<boolean>,
  isKnown: (status: NodeStatus) => boolean = isCommitted,
): Promise<void> {
  const { clock } = asked;
  let movedAtMs = clock.nowMs();
  let last = "";
  for (;;) {
    const status = await statusOf(asked);
    const { quorum } = status;
    if (isKnown(status) && (await holds(status))) return;
    const now = JSON.stringify([quorum?.voters, quorum?.learners, quorum?.replacing, quorum?.behind]);
    if (now !== last) movedAtMs = clock.nowMs();
    last = now;
    if (clock.nowMs() - movedAtMs >= PATIENCE_MS)
      throw refused(`waited ${PATIENCE_MS / 1_000} s for ${what}`, "the same command goes on where it was broken off");
    await pause(clock, LOOK_MS);
  }
}

/** Is what this manager knows of the managers so for all? One that was removed heard it from those that still are. */
function isCommitted({ quorum, leader, node }: NodeStatus): boolean {
  if (quorum === null || quorum.isChanging) return false;
  return leader !== null || ![...quorum.voters, ...quorum.learners].includes(node.id);
}

/** The node that is meant; one that was started a moment ago is waited for. */
async function found(asked: Asked, text: string, action: "add" | "remove"): Promise<Peer> {
  const untilMs = asked.clock.nowMs() + KNOWN_MS;
  for (;;) {
    const peers = peersOf(await statusOf(asked));
    try {
      return pick(peers, text, action);
    } catch (error) {
      if (action !== "add" || asked.clock.nowMs() >= untilMs) throw error;
    }
    await pause(asked.clock, LOOK_MS);
  }
}

function standingIn(status: NodeStatus, id: string): Peer["standing"] {
  return peersOf(status).find((known) => known.id === id)?.standing ?? "outside";
}

async function countText(asked: Asked): Promise<string> {
  const { quorum } = await statusOf(asked);
  if (quorum === null) return "its managers are not known here";
  if (quorum.voters.length === 1) return "one manager is left, and the cluster is gone when its machine is";
  return `${quorum.voters.length} managers, ${quorum.need} of them are a majority, ${quorum.have} are up`;
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(ms, resolve));
}

// ── naming ──────────────────────────────────────────────────────────────────────────────────────

/**
 * The one manager that a text names: its id, the first four characters of it or more, or its address. At one address
 * may be a manager of the cluster and the newcomer that stands in for it: `add` means the newcomer, all else the
 * former. Throws `invalid`.
 */
export function pick(peers: readonly Peer[], text: string, action: "add" | "remove" | "replace"): Peer {
  const isId = /^[0-9a-f]{4,}$/.test(text);
  if (!isId && !text.includes(":"))
    throw new HyperscaleError("invalid", `${JSON.stringify(text)} is no id of a manager and no address`, {
      hint: "give HOST:PORT, or an id's first four digits or more: hyperscale peer list shows them",
    });
  const place = isId ? null : addressText(addressOf({ text, source: "NODE" }));
  const meant = peers.filter(({ id, address }) =>
    place === null ? id.startsWith(text) : address !== null && addressText(address) === place,
  );
  const isWanted = ({ standing, replaces }: Peer): boolean =>
    action === "add" ? standing !== "voter" : standing === "voter" || (action === "remove" && replaces !== null);
  const wanted = meant.length > 1 ? meant.filter(isWanted) : meant;
  const [only] = wanted.length === 0 ? meant : wanted;
  if (only === undefined) throw unknown(peers, text, action);
  if (wanted.length > 1)
    throw new HyperscaleError("invalid", `${text} may be ${wanted.map(peerText).join(" or ")}`, {
      hint: "give more of the id",
    });
  if (action !== "add" && only.standing === "outside") throw unknown(peers, text, action);
  return only;
}

function unknown(peers: readonly Peer[], text: string, action: "add" | "remove" | "replace"): HyperscaleError {
  const [inside, outside] = [
    peers.filter(({ standing }) => standing !== "outside"),
    peers.filter(({ standing }) => standing === "outside"),
  ];
  if (action !== "add")
    return new HyperscaleError("invalid", `${text} is no manager of this cluster`, {
      hint: `its managers are ${inside.map(peerText).join(", ")}`,
    });
  const known =
    outside.length === 0
      ? "none is up that does not belong to it: start it first, with an empty data folder and the others in --peers"
      : `managers that could join: ${outside.map(peerText).join(", ")}`;
  return new HyperscaleError("invalid", `no manager ${text} is up`, { hint: known });
}

function refused(message: string, hint?: string): HyperscaleError {
  return new HyperscaleError("cluster", message, hint === undefined ? {} : { hint });
}

function required(text: string | null, what: string): string {
  if (text !== null) return text;
  throw new HyperscaleError("usage", `a manager is missing: peer ${what}`, {
    hint: "hyperscale peer list shows them, with their ids",
  });
}

function surplus(text: string | null): void {
  if (text !== null) throw new HyperscaleError("usage", `unexpected argument ${JSON.stringify(text)}`);
}
