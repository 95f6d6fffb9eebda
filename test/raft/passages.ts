// One core at a time, driven by hand: what each safety passage of the Raft paper (extended version) and of Ongaro's
// dissertation says, as a function of the core, so that planted bugs can be held against the same passages.

import { assert } from "../../src/base/assert.ts";
import {
  lan,
  type Entry,
  type HardState,
  type Membership,
  type Raft,
  type RaftEffect,
  type RaftEvent,
  type RaftMessage,
  type Snapshot,
} from "../../src/raft/raft.ts";
import { bytes, type Core } from "./cluster.ts";
import { tight } from "./swarm.ts";

export const MEMBERSHIP: Membership = { cluster: "c", voters: ["a", "b", "c"], learners: [], replacing: null };
export const GENESIS: Snapshot = {
  index: 0,
  term: 0,
  membership: MEMBERSHIP,
  sessions: { evictedThrough: 0, clients: [] },
  bytes: new Uint8Array(0),
};

export function command(index: number, term: number, value = `v${index}`): Entry {
  return { index, term, payload: { kind: "command", client: "k", sequence: index, since: 0, command: bytes(value) } };
}

/** Entries 1.. with these terms. */
export function logOf(terms: readonly number[]): Entry[] {
  return terms.map((term, at) => command(at + 1, term));
}

/** One node and what it did last. */
export class Bench {
  readonly core: Core;
  readonly state: Raft;
  now = 1_000;
  effects: readonly RaftEffect[] = [];

  constructor(
    core: Core,
    setup: {
      readonly terms?: readonly number[];
      readonly hard?: Partial<HardState>;
      readonly voters?: readonly string[];
      readonly snapshot?: Snapshot;
      readonly isTight?: boolean;
      readonly self?: string;
    } = {},
  ) {
    this.core = core;
    const { terms = [], voters = MEMBERSHIP.voters, self = "a" } = setup;
    const snapshot = setup.snapshot ?? { ...GENESIS, membership: { ...MEMBERSHIP, voters } };
    const entries = terms.map((term, at) => command(snapshot.index + at + 1, term));
    const hard: HardState = {
      cluster: "c",
      standing: "member",
      term: terms.at(-1) ?? snapshot.term,
      vote: null,
      lost: "nothing",
      ...setup.hard,
    };
    this.state = core.create(
      setup.isTight === true ? tight(self) : lan(self),
      { hard, snapshot, entries },
      { seed: 7, now: this.now },
    );
  }

  give(event: RaftEvent): readonly RaftEffect[] {
    this.effects = this.core.step(this.state, this.now, event);
    return this.effects;
  }

  hear(from: string, message: RaftMessage): readonly RaftEffect[] {
    return this.give({ kind: "message", from, message });
  }

  tick(): readonly RaftEffect[] {
    this.now = Math.max(this.now, this.core.deadline(this.state));
    return this.give({ kind: "tick" });
  }

  /** Messages sent by the last step, of one kind. */
  sent<K extends RaftMessage["kind"]>(
    kind: K,
  ): { readonly to: string; readonly message: Extract<RaftMessage, { kind: K }> }[] {
    return this.effects.flatMap((effect) =>
      effect.kind === "send" && isKind(effect.message, kind) ? [{ to: effect.to, message: effect.message }] : [],
    );
  }

  has(kind: RaftEffect["kind"]): boolean {
    return this.effects.some((effect) => effect.kind === kind);
  }

  /** "index@term" of the whole log. */
  log(): string {
    return this.state.log.entries.map(({ index, term }) => `${index}@${term}`).join(" ");
  }

  /** Wins the next election with the votes of `voters`. */
  lead(voters: readonly string[] = ["b"]): void {
    this.tick();
    const term = this.state.hard.term + 1;
    for (const voter of voters)
      this.hear(voter, { kind: "voteReply", cluster: "c", term, isPre: true, isGranted: true });
    for (const voter of voters)
      this.hear(voter, { kind: "voteReply", cluster: "c", term, isPre: false, isGranted: true });
    assert(this.state.role === "leader", "it leads");
  }

  append(from: string, fields: Partial<Extract<RaftMessage, { kind: "append" }>>): readonly RaftEffect[] {
    return this.hear(from, {
      kind: "append",
      cluster: "c",
      term: this.state.hard.term,
      round: 1,
      sentAtMs: 0,
      prevIndex: 0,
      prevTerm: 0,
      commit: 0,
      entries: [],
      ...fields,
    });
  }

  accept(
    from: string,
    index: number,
    fields: Partial<Extract<RaftMessage, { kind: "appendReply" }>> = {},
  ): readonly RaftEffect[] {
    return this.hear(from, {
      kind: "appendReply",
      cluster: "c",
      term: this.state.hard.term,
      round: this.state.leading?.round ?? 0,
      sentAtMs: this.now,
      isAccepted: true,
      index,
      hintIndex: 0,
      hintTerm: 0,
      counts: true,
      ...fields,
    });
  }

  askVote(from: string, fields: Partial<Extract<RaftMessage, { kind: "vote" }>>): boolean {
    this.hear(from, {
      kind: "vote",
      cluster: "c",
      term: this.state.hard.term + 1,
      isPre: false,
      isForced: false,
      lastIndex: 100,
      lastTerm: 100,
      ...fields,
    });
    return this.sent("voteReply").some(({ to, message }) => to === from && message.isGranted);
  }
}

function isKind<K extends RaftMessage["kind"]>(
  message: RaftMessage,
  kind: K,
): message is Extract<RaftMessage, { kind: K }> {
  return message.kind === kind;
}

/** Passages a planted bug can break without a run of random faults ever showing it. True: the core keeps to it. */
export const PASSAGES = {
  "5.4.1: the last term decides before the length": (core) =>
    !new Bench(core, { terms: [1, 2] }).askVote("b", { lastIndex: 9, lastTerm: 1 }),
  "4.2.3: a fresh leader is not deposed": (core) => {
    const node = new Bench(core);
    node.append("b", { term: 1 });
    node.now += 400;
    return !node.askVote("c", { term: 9 });
  },
  "6.4: a read waits for a round of answers": (core) => {
    const node = new Bench(core);
    node.lead();
    node.accept("b", 1);
    node.give({ kind: "read", ids: ["r"] });
    return !node.has("readReady");
  },
  "7: a snapshot behind what is committed is ignored": (core) => {
    const node = new Bench(core, { snapshot: { ...GENESIS, index: 20, term: 4 }, hard: { term: 5 } });
    try {
      node.hear("b", {
        kind: "snapshot",
        cluster: "c",
        term: 5,
        round: 1,
        sentAtMs: 0,
        index: 9,
        indexTerm: 3,
        size: 0,
        offset: 0,
        chunk: new Uint8Array(0),
        head: { membership: MEMBERSHIP, sessions: GENESIS.sessions },
      });
    } catch {
      return false;
    }
    return node.state.commit === 20 && !node.has("installSnapshot");
  },
  "a wiped disk under an old name is barred": (core) => {
    const node = new Bench(core, { hard: { cluster: "c", standing: "joining", term: 1 } });
    node.append("b", { term: 1, entries: [command(1, 1)], commit: 1 });
    const counts = node.sent("appendReply")[0]?.message.counts;
    return counts === false && !node.askVote("c", { term: 9, isForced: true }) && core.view(node.state).isBarred;
  },
  "6.3: a proposal that came twice into the log is applied once": (core) => {
    const node = new Bench(core);
    const twice = { ...command(2, 1), payload: command(1, 1).payload };
    try {
      node.append("b", { term: 1, entries: [command(1, 1), twice], commit: 2 });
    } catch {
      return false;
    }
    return node.effects.some(
      (effect) => effect.kind === "commit" && effect.through === 2 && effect.commands.length === 1,
    );
  },
  "9.6: who asks in vain raises no term": (core) => {
    const node = new Bench(core);
    for (let timeout = 0; timeout < 20; timeout++) node.tick();
    return node.state.hard.term === 0;
  },
} as const satisfies Record<string, (core: Core) => boolean>;
