// Runs a transcript: commands to one core and, below each, everything it did in answer. Peers are played: those not
// muted ack what they are asked, at once. See test/data/swim/*.txt.  know 5            peers 1 to 5 exist and have
// spoken; what follows from that is over mute 1 2          these answer no more wait 700          time passes; each
// line says when hear 2 1:suspect/1.0 by 2,3      peer 2 gossips a statement: node, status, boot.count, accusers
// sync 2 1:dead/1.0                the same as anti-entropy, by stream reset 1 | refuse 1 | nack 2 [refused] |
// leave | stall 3000

import {
  gossip,
  give,
  acquaint,
  answering,
  createSolo,
  hearStream,
  LABEL,
  pass,
  type Solo,
  statement,
} from "./solo.ts";
import type { Status, SwimEffect, Update } from "../../src/swim/swim.ts";
import { addressOf, idOf } from "./cluster.ts";

type Stage = { readonly solo: Solo; readonly muted: Set<number>; firstSeq: number; startedAt: number; lines: string[] };

/** In: text of blocks "commands, ----, reactions", separated by blank lines. Out: the same with the reactions anew. */
export function perform(transcript: string): string {
  const solo = createSolo({ seed: 7 });
  const stage: Stage = { solo, muted: new Set(), firstSeq: solo.state.seq, startedAt: solo.now, lines: [] };
  const blocks = transcript
    .split(/\n\n+/)
    .map((block) => block.trim())
    .filter((block) => block !== "");
  return `${blocks.map((block) => performBlock(stage, block.split("\n----")[0] ?? "")).join("\n\n")}\n`;
}

function performBlock(stage: Stage, commands: string): string {
  stage.lines = [];
  const lines = commands.split("\n").filter((line) => !line.startsWith("#"));
  if (lines.length === 0) return commands;
  for (const line of lines) command(stage, line.trim().split(/\s+/));
  return `${commands}\n----\n${stage.lines.length === 0 ? "nothing" : stage.lines.join("\n")}`;
}

function command(stage: Stage, [verb = "", ...words]: readonly string[]): void {
  const { solo, muted } = stage;
  const number = Number(words[0]);
  const note = (effects: readonly SwimEffect[]): void => effects.forEach((effect) => record(stage, effect));
  switch (verb) {
    case "know":
      acquaint(solo, number);
      // Transcripts begin at the same point of a period, at the beginning of a cycle.
      stage.startedAt = solo.now;
      stage.firstSeq = solo.state.seq;
      return;
    case "mute":
      for (const word of words) muted.add(Number(word));
      return;
    case "wait":
      pass(solo, number, (effect) => {
        record(stage, effect);
        answering(solo, [...muted])(effect);
      });
      return;
    case "hear":
      return note(
        give(solo, {
          kind: "datagram",
          from: idOf(number),
          address: addressOf(number),
          message: gossip(parsed(words.slice(1))),
        }),
      );
    case "sync":
      return note(
        hearStream(solo, number, {
          kind: "state",
          label: LABEL,
          bucketCount: 1,
          buckets: [0],
          wantsReply: true,
          members: [parsed(words.slice(1))],
        }),
      );
    case "reset":
      return note(give(solo, { kind: "reset", node: idOf(number) }));
    case "refuse":
      return note(give(solo, { kind: "streamFailed", seq: openSeq(stage), reason: "refused" }));
    case "nack": {
      const message = {
        kind: "nack",
        label: LABEL,
        seq: openSeq(stage),
        isRefused: words[1] === "refused",
        updates: [],
      } as const;
      return note(
        give(solo, {
          kind: "datagram",
          from: idOf(number),
          address: addressOf(number),
          message: { ...message, updates: [] },
        }),
      );
    }
    case "leave":
      return note(give(solo, { kind: "leave" }));
    case "stall":
      solo.now += number;
      return note(give(solo, { kind: "tick" }));
    default:
      throw new Error(`no such command: ${verb}`);
  }
}

/** The newest question that is open. */
function openSeq({ solo }: Stage): number {
  return [...solo.state.probes.keys()].at(-1) ?? 0;
}

function parsed([text = "", , by = ""]: readonly string[]): Update {
  const match = /^(\d+):(alive|suspect|dead|left)\/(\d+)\.(\d+)$/.exec(text);
  if (match === null) throw new Error(`no statement: ${text}`);
  const [, index = "", status = "", boot = "", count = ""] = match;
  const accusers = by === "" ? [] : by.split(",").map((each) => idOf(Number(each)));
  const incarnation = { boot: Number(boot), count: Number(count) };
  return statement(Number(index), statusNamed(status), { incarnation, by: accusers });
}

function statusNamed(text: string): Status {
  return text === "suspect" || text === "dead" || text === "left" ? text : "alive";
}

function record(stage: Stage, effect: SwimEffect): void {
  stage.lines.push(`${String(Math.round(stage.solo.now - stage.startedAt)).padStart(6)} ${shown(stage, effect)}`);
}

function shown(stage: Stage, effect: SwimEffect): string {
  const numbered = (seq: number): string => (seq > stage.firstSeq ? `#${seq - stage.firstSeq}` : "#-");
  switch (effect.kind) {
    case "send": {
      const { message } = effect;
      const seq = "seq" in message ? ` ${numbered(message.seq)}` : "";
      const target = message.kind === "pingReq" ? ` of ${named(message.target)}${message.isHint ? " hint" : ""}` : "";
      return `${message.kind}${seq}${target} -> ${named(effect.to)}${listed(message.updates)}`;
    }
    case "stream": {
      const { message } = effect;
      const updates = message.kind === "state" ? message.members : message.kind === "digest" ? [] : message.updates;
      return `stream ${message.kind} -> ${named(effect.to)}${listed(updates)}`;
    }
    case "streamProbe": {
      const within = Math.round(effect.timeoutMs);
      const question = numbered(effect.seq);
      return `streamProbe ${question} -> ${named(effect.to)} within ${within}${listed(effect.message.updates)}`;
    }
    case "member":
      return `member ${named(effect.id)}: ${effect.before ?? "unknown"} -> ${effect.after ?? "dropped"}`;
    case "health":
      return `health ${effect.score}`;
    case "stall":
      return `stall ${Math.round(effect.lateMs)}`;
    case "persistBoot":
      return `persistBoot ${effect.boot}`;
    default:
      return effect.kind;
  }
}

function named(id: string | null): string {
  return id === null ? "?" : String(Number(id.slice(5)));
}

function listed(updates: readonly Update[]): string {
  if (updates.length === 0) return "";
  const each = updates.map(({ id, status, incarnation: { boot, count }, by }) => {
    const accusers = by.length === 0 ? "" : ` by ${by.map(named).join(",")}`;
    return `${named(id)}:${status}/${boot}.${count}${accusers}`;
  });
  return ` [${each.join("; ")}]`;
}
