// Goal: what nodes hold does not depend on the order, repetition or path of what they hear. Method: property tests
// over random statements, given to cores in different orders; single tables of the order of statements.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compareStatements, type Status, type Update } from "../../src/swim/member.ts";
import { view } from "../../src/swim/swim.ts";
import { addressOf, idOf } from "./cluster.ts";
import {
  acquaint,
  answering,
  createSolo,
  give,
  gossip,
  hear,
  LABEL,
  only,
  pass,
  sent,
  shownAs,
  type Solo,
  statement,
} from "./solo.ts";

const STATUSES: readonly Status[] = ["alive", "suspect", "dead", "left"];

const statements: fc.Arbitrary<Update> = fc
  .record({
    index: fc.integer({ min: 1, max: 4 }),
    status: fc.constantFrom(...STATUSES),
    boot: fc.integer({ min: 1, max: 3 }),
    count: fc.integer({ min: 0, max: 3 }),
    by: fc.integer({ min: 5, max: 7 }),
    version: fc.option(fc.integer({ min: 1, max: 4 })),
  })
  .map(({ index, status, boot, count, by, version }) =>
    statement(index, status, {
      incarnation: { boot, count },
      by: status === "suspect" ? [idOf(by)] : [],
      payload: version === null || status !== "alive" ? null : { version, bytes: new Uint8Array([boot, version]) },
    }),
  );

/** What a node holds of each peer, without what is its own business. */
function held(solo: Solo): readonly unknown[] {
  return view(solo.state)
    .members.filter(({ id }) => id !== idOf(0))
    .map(({ id, incarnation, payload }) => {
      const status = solo.state.members.get(id)?.status;
      return { id, incarnation, status, payload: payload === null ? null : [...payload.bytes] };
    });
}

/** All statements at one instant, so that no timer runs, in this order. */
function told(updates: readonly Update[]): Solo {
  const solo = createSolo();
  for (const update of updates) hear(solo, 5, gossip(update));
  return solo;
}

/** The same by hand: the greatest statement of each, and the newest payload of its boot. */
function greatest(updates: readonly Update[]): readonly unknown[] {
  const ids = [...new Set(updates.map(({ id }) => id))].sort();
  return ids.map((id) => {
    const own = updates.filter((update) => update.id === id);
    const best = own.reduce((a, b) => (compareStatements(b, a) > 0 ? b : a));
    const payloads = own.filter(
      ({ incarnation, payload }) => incarnation.boot === best.incarnation.boot && payload !== null,
    );
    const newest = Math.max(0, ...payloads.map(({ payload }) => payload?.version ?? 0));
    const payload = newest === 0 ? null : [best.incarnation.boot, newest];
    return { id, incarnation: best.incarnation, status: best.status, payload };
  });
}

describe("statements", () => {
  test("are in a total order: boot, goodbye, count, then dead > suspect > alive [A8]", () => {
    fc.assert(
      fc.property(statements, statements, statements, (a, b, c) => {
        expect(Math.sign(compareStatements(a, b))).toBe(-Math.sign(compareStatements(b, a)) + 0);
        if (compareStatements(a, b) >= 0 && compareStatements(b, c) >= 0) {
          expect(compareStatements(a, c)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  const pairs: readonly (readonly [winner: Update, loser: Update])[] = [
    [statement(1, "suspect"), statement(1, "alive")],
    [statement(1, "dead"), statement(1, "suspect")],
    [statement(1, "left"), statement(1, "dead")],
    [statement(1, "alive", { incarnation: { boot: 1, count: 1 } }), statement(1, "dead")],
    [
      statement(1, "alive", { incarnation: { boot: 2, count: 0 } }),
      statement(1, "dead", { incarnation: { boot: 1, count: 9 } }),
    ],
    [statement(1, "left"), statement(1, "alive", { incarnation: { boot: 1, count: 9 } })],
    [
      statement(1, "alive", { incarnation: { boot: 2, count: 0 } }),
      statement(1, "left", { incarnation: { boot: 1, count: 9 } }),
    ],
  ];
  for (const [winner, loser] of pairs) {
    const name = ({ status, incarnation: { boot, count } }: Update): string => `${status}(${boot},${count})`;
    test(`${name(winner)} wins over ${name(loser)}, whichever comes first`, () => {
      for (const order of [
        [winner, loser],
        [loser, winner],
      ])
        expect(held(told(order))).toEqual(greatest([winner]));
    });
  }

  test("[LD-28.3.1] heard in any order, and repeated, leave the same view", () => {
    fc.assert(
      fc.property(fc.array(statements, { minLength: 1, maxLength: 30 }), fc.integer(), (updates, seed) => {
        const shuffled = updates
          .concat(updates.slice(0, updates.length / 2))
          .map((update, at) => ({ update, key: Math.imul(at + 1, seed | 1) ^ (seed >>> 3) }))
          .sort((a, b) => a.key - b.key)
          .map(({ update }) => update);
        expect(held(told(updates))).toEqual(greatest(updates));
        expect(held(told(shuffled))).toEqual(greatest(updates));
      }),
      { numRuns: 150 },
    );
  });
});

describe("a member", () => {
  test("is dead once: the shell hears of each death exactly once [A13, LD-41.17.1]", () => {
    const solo = createSolo();
    acquaint(solo, 5);
    const deaths = [1, 2, 3, 4].flatMap((from) => only(hear(solo, from, gossip(statement(5, "dead"))), "member"));
    expect(deaths).toMatchObject([{ id: idOf(5), before: "alive", after: "dead" }]);
  });

  test("that started anew before anyone missed it is announced with its new boot, once", () => {
    const solo = createSolo();
    acquaint(solo, 5);
    const anew = statement(5, "alive", { incarnation: { boot: 2, count: 0 } });
    const told = [1, 2].flatMap((from) => only(hear(solo, from, gossip(anew)), "member"));
    expect(told).toMatchObject([{ id: idOf(5), before: "alive", after: "alive", incarnation: { boot: 2 } }]);
    const refuted = statement(5, "alive", { incarnation: { boot: 2, count: 1 } });
    expect(only(hear(solo, 1, gossip(refuted)), "member")).toEqual([]);
  });

  test("that refutes is alive again, and its false death is counted [A7, LD-41.17.4]", () => {
    const solo = createSolo();
    acquaint(solo, 5);
    hear(solo, 1, gossip(statement(5, "dead")));
    hear(solo, 1, gossip(statement(5, "alive", { incarnation: { boot: 1, count: 1 } })));
    expect(shownAs(solo, 5)).toBe("alive");
    expect(view(solo.state).counters.falseDeaths).toBe(1);
    // What was said before changes nothing any more [LD-41.12.3].
    hear(solo, 2, gossip(statement(5, "dead"), statement(5, "suspect", { by: [idOf(3)] })));
    expect(shownAs(solo, 5)).toBe("alive");
  });

  test("that left comes back with a new boot only", () => {
    const solo = createSolo();
    acquaint(solo, 3);
    hear(solo, 1, gossip(statement(3, "left")));
    hear(solo, 3, gossip(statement(3, "alive", { incarnation: { boot: 1, count: 7 } })));
    expect(shownAs(solo, 3)).toBe("left");
    hear(solo, 3, gossip(statement(3, "alive", { incarnation: { boot: 2, count: 0 } })));
    expect(shownAs(solo, 3)).toBe("alive");
  });

  test("does not lose its name to another address, but moves with a new boot", () => {
    const solo = createSolo();
    acquaint(solo, 3);
    const thief = statement(3, "alive", { address: addressOf(99), incarnation: { boot: 1, count: 1 } });
    expect(only(hear(solo, 1, gossip(thief)), "conflict")).toMatchObject([{ id: idOf(3), address: addressOf(99) }]);
    expect(view(solo.state).members.find(({ id }) => id === idOf(3))?.address).toEqual(addressOf(3));
    hear(solo, 1, gossip({ ...thief, incarnation: { boot: 2, count: 0 } }));
    expect(view(solo.state).members.find(({ id }) => id === idOf(3))?.address).toEqual(addressOf(99));
  });

  test("known dead is reported to who still believes in it", () => {
    const solo = createSolo();
    acquaint(solo, 3);
    hear(solo, 1, gossip(statement(3, "dead")));
    pass(solo, 3_000);
    const replies = sent(hear(solo, 2, gossip(statement(3, "suspect", { by: [idOf(2)] }))), "gossip");
    expect(replies.map(({ to }) => to)).toEqual([idOf(2)]);
    expect(replies[0]?.message.updates[0]).toMatchObject({ id: idOf(3), status: "dead" });
    // Who knows it is told nothing.
    expect(sent(hear(solo, 2, gossip(statement(3, "dead"))), "gossip")).toEqual([]);
  });

  test("known by hearsay is confirmed by its own word on a stream, and can be suspected from then on", () => {
    const solo = createSolo();
    acquaint(solo, 3);
    hear(solo, 1, gossip(statement(7)));
    expect(shownAs(solo, 7)).toBe("unconfirmed");
    expect(only(give(solo, { kind: "heard", node: idOf(7) }), "member")).toMatchObject([{ after: "alive" }]);
    pass(solo, 5_000, answering(solo, [7]));
    expect(shownAs(solo, 7)).not.toBe("alive");
  });

  test("is told that it is held for gone when it proves itself on a stream, and once it runs no more", () => {
    for (const status of ["left", "dead"] as const) {
      const solo = createSolo();
      acquaint(solo, 3);
      hear(solo, 1, gossip(statement(2, status, { incarnation: { boot: 4, count: 0 } })));
      const told = only(give(solo, { kind: "heard", node: idOf(2) }), "stream");
      expect(told).toMatchObject([{ to: idOf(2), message: { kind: "state", members: [{ status }, { id: idOf(0) }] } }]);
      hear(solo, 1, gossip(statement(2, "alive", { incarnation: { boot: 5, count: 0 } })));
      expect(only(give(solo, { kind: "heard", node: idOf(2) }), "stream")).toEqual([]);
    }
  });

  test("whose port refuses a stream probe is probed again at once, with the ports tried by others", () => {
    const solo = createSolo();
    acquaint(solo, 5);
    const requests: boolean[] = [];
    pass(solo, 10_000, (effect) => {
      if (effect.kind === "streamProbe") {
        const followed = give(solo, { kind: "streamFailed", seq: effect.seq, reason: "refused" });
        requests.push(...sent(followed, "pingReq").map(({ message }) => message.isHint && message.target === idOf(5)));
      }
      answering(solo, [5])(effect);
    });
    expect(requests.length).toBeGreaterThan(2);
    expect(requests).not.toContain(false);
    expect(view(solo.state).counters.hints).toBeGreaterThan(0);
  });
});

describe("this node", () => {
  test("makes its boot counter durable before anything leaves it", () => {
    const solo = createSolo({ bootBefore: 6 });
    expect(view(solo.state).incarnation).toEqual({ boot: 7, count: 0 });
    const [first] = solo.effects.length > 0 ? solo.effects : [];
    expect(first).toEqual({ kind: "persistBoot", boot: 7 });
  });

  test("ignores what was said of its former lives", () => {
    const solo = createSolo({ bootBefore: 6 });
    acquaint(solo, 2);
    const before = view(solo.state).incarnation;
    for (const status of STATUSES) hear(solo, 1, gossip(statement(0, status, { incarnation: { boot: 6, count: 99 } })));
    expect(view(solo.state).incarnation).toEqual(before);
  });

  test("rises above a counter its disk has lost, and makes that durable", () => {
    const solo = createSolo();
    acquaint(solo, 2);
    const effects = hear(solo, 1, gossip(statement(0, "left", { incarnation: { boot: 4, count: 2 } })));
    expect(only(effects, "persistBoot")).toEqual([{ kind: "persistBoot", boot: 5 }]);
    expect(view(solo.state).incarnation).toEqual({ boot: 5, count: 0 });
  });

  test("reports another node under its id", () => {
    const solo = createSolo();
    acquaint(solo, 2);
    const clone = statement(0, "alive", { address: addressOf(50), incarnation: { boot: 1, count: 0 } });
    expect(only(hear(solo, 1, gossip(clone)), "conflict")).toHaveLength(1);
  });

  test("takes nothing from another pool, and nobody speaking in its name", () => {
    const solo = createSolo();
    acquaint(solo, 2);
    const foreign = hear(solo, 1, { kind: "gossip", label: "lab/prod", updates: [statement(8)] });
    expect(foreign).toMatchObject([{ kind: "suspicious", from: idOf(1) }]);
    expect(shownAs(solo, 8)).toBeNull();
    const own = give(solo, { kind: "datagram", from: idOf(0), address: addressOf(0), message: gossip(statement(8)) });
    expect(own).toMatchObject([{ kind: "suspicious", from: idOf(0) }]);
    expect(shownAs(solo, 8)).toBeNull();
  });

  test("does not answer for the node that had its address before", () => {
    const solo = createSolo();
    acquaint(solo, 2);
    expect(hear(solo, 1, { kind: "ping", label: LABEL, seq: 1, target: idOf(77), updates: [] })).toEqual([]);
    expect(
      sent(hear(solo, 1, { kind: "ping", label: LABEL, seq: 1, target: idOf(0), updates: [] }), "ack"),
    ).toHaveLength(1);
  });

  test("tells who calls its address who it is", () => {
    const solo = createSolo();
    pass(solo, 5_000);
    const [ack] = sent(
      hear(solo, 1, { kind: "ping", label: LABEL, seq: 9, target: null, updates: [statement(1)] }),
      "ack",
    );
    expect(ack?.message.seq).toBe(9);
    expect(ack?.message.updates[0]).toMatchObject({ id: idOf(0), status: "alive" });
    expect(shownAs(solo, 1)).toBe("alive");
  });
});
