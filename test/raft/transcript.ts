// Runs a transcript: commands to a handful of cores and, below each, everything they did in answer. Messages wait on
// their link until a command delivers or drops them, so every interleaving can be written down. See
// test/data/raft/*.txt.

import { never } from "../../src/base/assert.ts";
import {
  BLANK,
  type Change,
  create,
  deadline,
  type Durable,
  type Entry,
  lan,
  type Raft,
  type RaftEffect,
  type RaftEvent,
  type RaftMessage,
  type Snapshot,
  step,
  view,
} from "../../src/raft/raft.ts";
import { LIMITS } from "../../src/raft/limits.ts";
import { bytes, record, text } from "./cluster.ts";

type Durables = { hard: Durable["hard"]; snapshot: Snapshot | null; entries: Entry[] };
type Core = { readonly id: string; state: Raft | null; durable: Durables; applied: string[]; boots: number };
type Stage = {
  readonly cores: Map<string, Core>;
  readonly links: Map<string, RaftMessage[]>;
  readonly cuts: Set<string>;
  now: number;
  sequence: number;
  lines: string[];
};

/**
 * In: text of blocks "commands, ----, reactions", separated by blank lines. Out: the same with the reactions made
 * anew.
 */
export function perform(transcript: string): string {
  const stage: Stage = { cores: new Map(), links: new Map(), cuts: new Set(), now: 0, sequence: 0, lines: [] };
  const blocks = transcript
    .split(/\n\n+/)
    .map((block) => block.trim())
    .filter((block) => block !== "");
  return `${blocks
    .map((block) => {
      const commands = block.split("\n----")[0] ?? "";
      stage.lines = [];
      let isComment = true;
      for (const line of commands.split("\n")) {
        if (line.startsWith("#") || line.trim() === "") continue;
        isComment = false;
        run(stage, line.trim().split(/\s+/));
      }
      return isComment
        ? commands
        : `${commands}\n----\n${stage.lines.length === 0 ? "nothing" : stage.lines.join("\n")}`;
    })
    .join("\n\n")}\n`;
}

function run(stage: Stage, words: readonly string[]): void {
  const [command = "", first = "", second = "", ...rest] = words;
  switch (command) {
    case "voters":
      return voters(stage, words.slice(1));
    case "blank":
      return words.slice(1).forEach((id) => boot(stage, id, { hard: BLANK, snapshot: null, entries: [] }));
    case "form":
      return words.slice(1).forEach((id) => act(stage, id, { kind: "form", peers: words.slice(1) }));
    case "pass":
      stage.now += Number(first);
      return;
    case "tick": {
      const { state } = coreOf(stage, first);
      if (state !== null && Number.isFinite(deadline(state))) stage.now = Math.max(stage.now, deadline(state));
      return act(stage, first, { kind: "tick" });
    }
    case "lead":
      return lead(stage, first);
    case "settle":
      return settle(stage);
    case "deliver":
      return deliver(stage, `${first}>${second}`, rest[0] === undefined ? Infinity : Number(rest[0]));
    case "drop":
      stage.links.delete(`${first}>${second}`);
      return;
    case "repeat":
      return repeat(stage, `${first}>${second}`);
    case "cut":
      stage.cuts.add(`${first}>${second}`).add(`${second}>${first}`);
      return;
    case "oneway":
      stage.cuts.add(`${first}>${second}`);
      return;
    case "heal":
      stage.cuts.clear();
      return;
    case "propose":
      return act(stage, first, {
        kind: "propose",
        proposals: [second, ...rest].map((value) => ({
          client: "k",
          sequence: Number(value.replace(/\D/g, "")),
          since: 0,
          command: bytes(value),
        })),
      });
    case "read":
      return act(stage, first, { kind: "read", ids: [second, ...rest] });
    case "change":
      return act(stage, first, { kind: "change", id: second, change: changeOf([second, ...rest]) });
    case "transfer":
      return act(stage, first, { kind: "transfer", to: second === "" ? null : second });
    case "reset":
      return act(stage, first, { kind: "peerReset", peer: second });
    case "snapshot":
      return act(stage, first, { kind: "requestSnapshot" });
    case "crash":
      coreOf(stage, first).state = null;
      return;
    case "restart":
      return boot(stage, first, coreOf(stage, first).durable);
    case "damage":
      return damage(stage, coreOf(stage, first), Number(second), rest[0]);
    case "show":
      return show(stage);
    default:
      throw new Error(`no such command: ${words.join(" ")}`);
  }
}

/** Elects a node and levels the others; what is said meanwhile is left out (election.txt has it). */
function lead(stage: Stage, id: string): void {
  const { lines } = stage;
  for (const words of [["tick", id], ["settle"], ["tick", id], ["settle"]]) run(stage, words);
  if (coreOf(stage, id).state?.role !== "leader") throw new Error(`${id} does not lead`);
  stage.lines = lines.slice(0, 0);
}

function voters(stage: Stage, ids: readonly string[]): void {
  const membership = { cluster: "c", voters: [...ids], learners: [], replacing: null };
  for (const id of ids) {
    boot(stage, id, {
      hard: { ...BLANK, cluster: "c", standing: "member" },
      entries: [],
      snapshot: {
        index: 0,
        term: 0,
        membership,
        sessions: { evictedThrough: 0, clients: [] },
        bytes: new Uint8Array(0),
      },
    });
  }
}

function boot(stage: Stage, id: string, durable: Durables): void {
  const boots = (stage.cores.get(id)?.boots ?? 0) + 1;
  const config = { ...lan(id), limits: { ...LIMITS, trailingEntries: 1, snapshotChunkBytes: 16 } };
  const state = create(
    config,
    { ...durable, entries: [...durable.entries] },
    { seed: boots * 100 + id.charCodeAt(0), now: stage.now },
  );
  stage.cores.set(id, {
    id,
    state,
    durable,
    boots,
    applied:
      durable.snapshot === null
        ? []
        : text(durable.snapshot.bytes)
            .split(",")
            .filter((value) => value !== ""),
  });
}

function damage(stage: Stage, core: Core, from: number, term: string | undefined): void {
  const { durable } = core;
  const hard =
    term === undefined
      ? { ...durable.hard, lost: "entries" as const }
      : { ...durable.hard, term: Number(term), vote: null, lost: "votes" as const };
  boot(stage, core.id, { ...durable, hard, entries: durable.entries.filter((entry) => entry.index < from) });
}

function changeOf(words: readonly string[]): Change {
  const [kind, first = "", second = ""] = words;
  if (kind === "addLearner" || kind === "promote" || kind === "remove") return { kind, node: first };
  if (kind === "replace") return { kind, before: first, after: second };
  return { kind: "cancelReplace" };
}

function coreOf(stage: Stage, id: string): Core {
  const core = stage.cores.get(id);
  if (core === undefined) throw new Error(`no node ${id}`);
  return core;
}

function act(stage: Stage, id: string, event: RaftEvent): void {
  const core = coreOf(stage, id);
  if (core.state === null) return;
  for (const effect of step(core.state, stage.now, event)) {
    stage.lines.push(`${id}  ${render(effect)}`);
    if (effect.kind === "persist") record(core, effect.record);
    if (effect.kind === "send") queue(stage, `${id}>${effect.to}`, effect.message);
    if (effect.kind === "commit") core.applied.push(...effect.commands.map((command) => text(command.command)));
    if (effect.kind === "installSnapshot") core.applied = text(effect.snapshot.bytes).split(",");
    if (effect.kind === "takeSnapshot")
      act(stage, id, { kind: "snapshotTaken", index: effect.index, bytes: bytes(core.applied.join(",")) });
  }
}

function queue(stage: Stage, link: string, message: RaftMessage): void {
  if (stage.cuts.has(link)) return void stage.lines.push(`     (cut ${link})`);
  stage.links.set(link, [...(stage.links.get(link) ?? []), message]);
}

function deliver(stage: Stage, link: string, count: number): void {
  const [from = "", to = ""] = link.split(">");
  const waiting = stage.links.get(link) ?? [];
  stage.links.set(link, waiting.slice(count));
  for (const message of waiting.slice(0, count)) {
    if (!stage.cores.has(to)) continue;
    stage.lines.push(`${from}>${to} ${renderMessage(message)}`);
    act(stage, to, { kind: "message", from, message });
  }
}

function repeat(stage: Stage, link: string): void {
  const waiting = stage.links.get(link) ?? [];
  stage.links.set(link, [...waiting, ...waiting]);
}

function settle(stage: Stage): void {
  for (let turn = 0; turn < 200; turn++) {
    const link = [...stage.links].find(([, waiting]) => waiting.length > 0)?.[0];
    if (link === undefined) return;
    deliver(stage, link, Infinity);
  }
  throw new Error("messages without end");
}

function show(stage: Stage): void {
  for (const { id, state, applied } of stage.cores.values()) {
    if (state === null) {
      stage.lines.push(`${id}: down`);
      continue;
    }
    const {
      role,
      term,
      leader,
      commit,
      lastIndex,
      snapshotIndex,
      standing,
      lost,
      isBarred,
      membership,
      formationRefusals,
    } = view(state);
    const more = [
      standing === "member" ? "" : standing,
      lost === "nothing" ? "" : `lost ${lost}`,
      isBarred ? "barred" : "",
      membership === null ? "" : `voters ${membership.voters.join("")} learners ${membership.learners.join("") || "-"}`,
      ...Object.values(formationRefusals),
    ]
      .filter((one) => one !== "")
      .join(", ");
    stage.lines.push(
      `${id}: ${role} term ${term} leader ${leader ?? "-"} commit ${commit}/${lastIndex} snapshot ${snapshotIndex} applied [${applied.join(" ")}] ${more}`,
    );
  }
}

function renderEntry({ index, term, payload }: Entry): string {
  const what =
    payload.kind === "command"
      ? text(payload.command)
      : payload.kind === "noop"
        ? "noop"
        : `voters ${payload.membership.voters.join("")} learners ${payload.membership.learners.join("") || "-"}`;
  return `${index}@${term} ${what}`;
}

/** Cluster ids are random; they are shown as one word. */
function renderMessage(message: RaftMessage): string {
  const { kind, ...fields } = message;
  const shown = Object.entries(fields)
    .filter(([name]) => !["cluster", "sentAtMs", "round", "nonce", "head"].includes(name))
    .map(([name, value]) => {
      if (name === "entries" && message.kind === "append") return `[${message.entries.map(renderEntry).join(", ")}]`;
      if (value instanceof Uint8Array) return `"${text(value)}"`;
      return typeof value === "boolean"
        ? value
          ? name
          : `!${name}`
        : `${name} ${JSON.stringify(name === "membership" ? "..." : value)}`;
    });
  return `${kind} ${shown.join(" ")}`;
}

function render(effect: RaftEffect): string {
  switch (effect.kind) {
    case "persist": {
      const { record: written } = effect;
      if (written.kind === "hard")
        return `persist term ${written.hard.term} vote ${written.hard.vote ?? "-"} ${written.hard.standing}${written.hard.lost === "nothing" ? "" : ` lost ${written.hard.lost}`}`;
      if (written.kind === "entries") return `persist [${written.entries.map(renderEntry).join(", ")}]`;
      return written.kind === "truncate"
        ? `persist truncate from ${written.from}`
        : `persist snapshot ${written.snapshot.index}@${written.snapshot.term}${written.dropsLog ? " drops log" : ""}`;
    }
    case "send":
      return `-> ${effect.to} ${renderMessage(effect.message)}`;
    case "commit":
      return `commit [${effect.commands.map((command) => text(command.command)).join(" ")}] through ${effect.through}`;
    case "installSnapshot":
      return `install ${effect.snapshot.index}@${effect.snapshot.term}`;
    case "takeSnapshot":
      return `take snapshot at ${effect.index}`;
    case "proposal":
      return `proposal ${effect.client} ${effect.sequence}: ${JSON.stringify(effect.outcome)}`;
    case "readReady":
      return `reads ${effect.ids.join(" ")} ready at ${effect.index}`;
    case "readRefused":
      return `reads ${effect.ids.join(" ")} ${JSON.stringify(effect.outcome)}`;
    case "change":
      return `change ${JSON.stringify(effect.outcome)}`;
    case "membership":
      return `membership at ${effect.index}: voters ${effect.membership.voters.join("")} learners ${effect.membership.learners.join("") || "-"}`;
    case "transfer":
      return `transfer ${JSON.stringify(effect.outcome)}`;
    case "role":
      return `role ${effect.role} term ${effect.term} leader ${effect.leader ?? "-"}`;
    case "suspicious":
      return `suspicious ${effect.from}: ${effect.reason}`;
    default:
      return never(effect);
  }
}
