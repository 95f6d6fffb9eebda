// Goal: a change of the managers is carried out by whoever leads, asked of any, and one that would leave them without a
// majority, or makes no sense, is refused in a sentence with both sides' values. Method: managers on simulated hosts,
// and tables over imagined views.

import { describe, expect, test } from "bun:test";
import { type ChangeAnswer, PeerChanges, quorumProblem } from "../../../src/node/consensus/peer-changes.ts";
import type { Change, RaftView } from "../../../src/raft/raft.ts";
import { type Manager, Managers } from "../sim-managers.ts";

const seats = new WeakMap<Manager, PeerChanges>();

function cluster(seed: number): Managers {
  const managers = new Managers({
    seed,
    onOpen: (manager, { consensus }) => {
      const { links, world, identity } = manager;
      if (links === null || world === null || identity === null) throw new Error("the manager is not open");
      seats.set(manager, new PeerChanges({ clock: world.clock, self: identity.node, links, consensus }));
    },
  });
  managers.until("a leader", () => managers.leaders().length === 1);
  managers.untilSettled();
  return managers;
}

/** The answer of that manager, in virtual time. */
function ask(managers: Managers, at: Manager, change: Change): ChangeAnswer {
  let answer: ChangeAnswer | null = null;
  void seats
    .get(at)
    ?.ask(change)
    .then((given) => {
      answer = given;
    });
  managers.until("an answer", () => answer !== null);
  return answer ?? { kind: "refused", code: "none", message: "" };
}

const idOf = ({ identity }: Manager): string => identity?.node ?? "";
const voters = ({ replica }: Manager): readonly string[] => replica?.consensus.view().membership?.voters ?? [];

describe("asked of any manager", () => {
  test("a fourth joins as a learner, then as a voter; a removed one counts no more", () => {
    const managers = cluster(1);
    const fourth = managers.add("m4");
    managers.until("it is linked", () => fourth.links?.peers().length === 3);
    const follower = managers.follower();
    expect(ask(managers, follower, { kind: "addLearner", node: idOf(fourth) })).toEqual({ kind: "appended" });
    managers.until("it caught up", () => fourth.replica?.consensus.view().standing === "member");
    managers.until(
      "it is a voter",
      () => ask(managers, follower, { kind: "promote", node: idOf(fourth) }).kind === "appended",
    );
    managers.until("all know", () => managers.all.every((manager) => voters(manager).length === 4));
    expect(ask(managers, fourth, { kind: "remove", node: idOf(follower) })).toEqual({ kind: "appended" });
    managers.until("the others know", () =>
      managers.all.every((manager) => manager === follower || voters(manager).length === 3),
    );
    expect(voters(fourth)).not.toContain(idOf(follower));
  });

  test("one that makes no sense is refused, naming who the managers are", () => {
    const managers = cluster(2);
    const [first, second] = managers.all;
    if (first === undefined || second === undefined) throw new Error("there are three");
    const known = ask(managers, first, { kind: "addLearner", node: idOf(second) });
    expect(known).toMatchObject({ kind: "refused", code: "already_member" });
    for (const word of [idOf(first), idOf(second)]) expect(JSON.stringify(known)).toContain(word);
    expect(ask(managers, second, { kind: "remove", node: "feed" })).toMatchObject({ code: "unknown_node" });
    expect(ask(managers, second, { kind: "cancelReplace" })).toMatchObject({ code: "not_replacing" });
    const replaced: Change = { kind: "replace", before: idOf(first), after: "beef" };
    expect(ask(managers, second, replaced)).toEqual({ kind: "appended" });
    const other = ask(managers, first, { kind: "remove", node: idOf(second) });
    expect(other).toMatchObject({ code: "replacing" });
    expect(JSON.stringify(other)).toContain(`${idOf(first)} is being replaced by beef`);
    expect(ask(managers, first, { kind: "cancelReplace" })).toEqual({ kind: "appended" });
  });

  test("without a leader it is refused by name, not waited for without end", () => {
    const managers = cluster(3);
    const [first, second, third] = managers.all;
    if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
    second.host.kill();
    third.host.kill();
    managers.until("nobody leads", () => first.replica?.consensus.view().leader === null);
    expect(ask(managers, first, { kind: "remove", node: idOf(second) })).toMatchObject({
      kind: "refused",
      code: "no_leader",
      message: expect.stringContaining("2 of the 3 managers"),
    });
  });

  test("one that would leave no majority is refused before it is made", () => {
    const managers = cluster(4);
    const leader = managers.leader();
    const [other, down] = managers.all.filter((manager) => manager !== leader);
    if (other === undefined || down === undefined) throw new Error("there are three");
    // It was heard a moment ago, and that is not enough.
    down.host.kill();
    const refused = ask(managers, leader, { kind: "remove", node: idOf(other) });
    expect(refused).toMatchObject({ kind: "refused", code: "quorum" });
    expect(JSON.stringify(refused)).toContain(idOf(down));
    expect(ask(managers, leader, { kind: "remove", node: idOf(down) })).toEqual({ kind: "appended" });
  });
});

describe("whether the managers left can agree", () => {
  const base = cluster(9).leader().replica?.consensus.view();
  const view = (there: readonly string[], away: readonly string[]): RaftView => {
    const [self = ""] = there;
    const peers = Object.fromEntries(
      [...there.slice(1), ...away].map((id) => [
        id,
        { mode: "replicate" as const, lag: 0, contactAt: away.includes(id) ? -Infinity : 9_900, counts: true },
      ]),
    );
    if (base === undefined) throw new Error("it leads");
    const membership = { cluster: "c", voters: [...there, ...away].filter((id) => !id.startsWith("x")), learners: [] };
    return { ...base, self, role: "leader", membership: { ...membership, replacing: null }, peers };
  };

  const cases: readonly (readonly [there: string, away: string, change: Change, isRefused: boolean])[] = [
    ["abc", "", { kind: "remove", node: "c" }, false],
    ["ab", "c", { kind: "remove", node: "c" }, false],
    ["ab", "c", { kind: "remove", node: "b" }, true],
    ["abc", "de", { kind: "remove", node: "c" }, true],
    ["abc", "de", { kind: "remove", node: "e" }, false],
    ["ab", "c", { kind: "replace", before: "c", after: "x" }, false],
    ["ab", "c", { kind: "replace", before: "b", after: "x" }, true],
    ["abx", "", { kind: "promote", node: "x" }, false],
    ["abx", "c", { kind: "promote", node: "x" }, false],
    ["abc", "", { kind: "addLearner", node: "x" }, false],
    ["a", "", { kind: "replace", before: "a", after: "x" }, false],
  ];
  for (const [there, away, change, isRefused] of cases) {
    test(`${there} there, ${away === "" ? "none" : away} away, ${JSON.stringify(change)}: ${isRefused ? "no" : "yes"}`, () => {
      expect(quorumProblem(view([...there], [...away]), change, 9_900) !== null).toBe(isRefused);
    });
  }
});
