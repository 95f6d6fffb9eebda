// One core under a hand that plays all its peers: events in, effects out, every number under control.

import type { Datagram, StreamMessage } from "../../src/swim/messages.ts";
import * as shipped from "../../src/swim/swim.ts";
import type { NodeId, Status, Swim, SwimConfig, SwimEffect, SwimEvent, Update } from "../../src/swim/swim.ts";
import { addressOf, type Core, idOf } from "./cluster.ts";

export const LABEL = "lab/test";

export type Solo = {
  readonly core: Core;
  readonly state: Swim;
  now: number;
  /** Effects of the last `give` or `pass`. */
  effects: SwimEffect[];
};

/** Number 0 alone, at 1 s. Peers are numbers from 1. */
export function createSolo(
  options: {
    readonly core?: Core;
    readonly config?: Partial<SwimConfig>;
    readonly seed?: number;
    readonly bootBefore?: number;
  } = {},
): Solo {
  const core = options.core ?? shipped;
  const config = { ...shipped.lan({ label: LABEL, seeds: [] }), ...options.config };
  const self = {
    id: idOf(0),
    address: addressOf(0),
    role: "manager",
    bootBefore: options.bootBefore ?? 0,
    payload: null,
  } as const;
  const state = core.create(config, self, options.seed ?? 1);
  const solo: Solo = { core, state, now: 1_000, effects: [] };
  give(solo, { kind: "tick" });
  return solo;
}

/** Gives one event at the present time. */
export function give(solo: Solo, event: SwimEvent): SwimEffect[] {
  solo.effects = solo.core.step(solo.state, solo.now, event);
  return solo.effects;
}

export function hear(solo: Solo, index: number, message: Datagram): SwimEffect[] {
  return give(solo, { kind: "datagram", from: idOf(index), address: addressOf(index), message });
}

export function hearStream(solo: Solo, index: number, message: StreamMessage): SwimEffect[] {
  return give(solo, { kind: "stream", from: idOf(index), address: addressOf(index), message });
}

/** Ticks at every deadline up to `ms` from now; `answer` may react to each effect. Out: all effects of the time. */
export function pass(solo: Solo, ms: number, answer: (effect: SwimEffect) => void = () => undefined): SwimEffect[] {
  const until = solo.now + ms;
  const all: SwimEffect[] = [];
  let turns = 0;
  for (;;) {
    const due = solo.core.deadline(solo.state);
    if (due > until) break;
    turns = due > solo.now ? 0 : turns + 1;
    if (turns > 100) throw new Error(`ticks at ${solo.now} move nothing: the core asks for another one at once`);
    solo.now = Math.max(solo.now, due);
    const effects = give(solo, { kind: "tick" });
    all.push(...effects);
    for (const effect of effects) answer(effect);
  }
  solo.now = until;
  solo.effects = all;
  return all;
}

export function statement(index: number, status: Status = "alive", extra: Partial<Update> = {}): Update {
  return {
    id: idOf(index),
    address: addressOf(index),
    role: index < 3 ? "manager" : "worker",
    incarnation: { boot: 1, count: 0 },
    status,
    by: [],
    payload: null,
    ...extra,
  };
}

/** Gossip of these statements, from a peer. */
export function gossip(...updates: readonly Update[]): Datagram {
  return { kind: "gossip", label: LABEL, updates: [...updates] };
}

/** Peers 1..count are known and have spoken to this node themselves; what followed from that is over. */
export function acquaint(solo: Solo, count: number): void {
  for (let index = 1; index <= count; index++) {
    hear(solo, index, gossip(statement(index)));
  }
  pass(solo, 3_000, answering(solo));
  solo.effects = [];
}

/** Every peer but those in `silent` acks at once what it is asked; asked of one of those, it says nack. */
export function answering(solo: Solo, silent: readonly number[] = []): (effect: SwimEffect) => void {
  const mute = new Set<NodeId | null>(silent.map(idOf));
  return (effect) => {
    if (effect.kind !== "send" || effect.to === null || mute.has(effect.to)) return;
    const { message, to, address } = effect;
    if (message.kind !== "ping" && message.kind !== "pingReq") return;
    const answer = { label: LABEL, seq: message.seq, updates: [] };
    const isNack = message.kind === "pingReq" && mute.has(message.target);
    const reply: Datagram = isNack ? { kind: "nack", ...answer, isRefused: false } : { kind: "ack", ...answer };
    give(solo, { kind: "datagram", from: to, address, message: reply });
  };
}

/** Shown status of a peer; null when unknown. */
export function shownAs(solo: Solo, index: number): string | null {
  return solo.core.view(solo.state).members.find(({ id }) => id === idOf(index))?.status ?? null;
}

/** Effects of one kind. */
export function only<Kind extends SwimEffect["kind"]>(
  effects: readonly SwimEffect[],
  kind: Kind,
): Extract<SwimEffect, { kind: Kind }>[] {
  return effects.filter((effect): effect is Extract<SwimEffect, { kind: Kind }> => effect.kind === kind);
}

/** Datagrams of one kind among effects, with whom they went to. */
export function sent<Kind extends Datagram["kind"]>(
  effects: readonly SwimEffect[],
  kind: Kind,
): { readonly to: NodeId | null; readonly message: Extract<Datagram, { kind: Kind }> }[] {
  return only(effects, "send").flatMap(({ to, message }) => (isOfKind(message, kind) ? [{ to, message }] : []));
}

function isOfKind<Kind extends Datagram["kind"]>(
  message: Datagram,
  kind: Kind,
): message is Extract<Datagram, { kind: Kind }> {
  return message.kind === kind;
}
