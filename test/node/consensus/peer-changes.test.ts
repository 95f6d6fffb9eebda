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

const sinceAt = ({ replica }: Manager): number => replica?.consensus.view().membershipIndex ?? 0;

/** The answer of that manager, in virtual time. In: since when the managers are those it is decided on: as it knows. */
function ask(managers: Managers, at: Manager, change: Change, since = sinceAt(at)): ChangeAnswer {
  let answer: ChangeAnswer | null = null;
  void seats
    .get(at)
    ?.ask(change, since)
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
    const fourth = managers.add("m4");
    managers.until("it is linked", () => fourth.links?.peers().length === 3);
    const replaced: Change = { kind: "replace", before: idOf(first), after: idOf(fourth) };
    expect(ask(managers, second, replaced)).toEqual({ kind: "appended" });
    // It goes before it has caught up.
    fourth.host.kill();
    const other = ask(managers, first, { kind: "remove", node: idOf(second) });
    expect(other).toMatchObject({ code: "replacing" });
    expect(JSON.stringify(other)).toContain(`${idOf(first)} is being replaced by ${idOf(fourth)}`);
    expect(ask(managers, first, { kind: "cancelReplace" })).toEqual({ kind: "appended" });
  });

  test("one that was decided on other managers is refused: what is said twice is done once", () => {
    const managers = cluster(5);
    const [first, second, third] = managers.all;
    if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
    const fourth = managers.add("m4");
    managers.until("it is linked", () => fourth.links?.peers().length === 3);
    const since = sinceAt(first);
    const wanted: Change = { kind: "replace", before: idOf(second), after: idOf(fourth) };
    expect(ask(managers, first, wanted, since)).toEqual({ kind: "appended" });
    // It goes before it has caught up.
    fourth.host.kill();
    const three = [first, second, third];
    for (const at of three)
      expect(ask(managers, at, wanted, since)).toMatchObject({ kind: "refused", code: "changed" });
    managers.until("all know", () => three.every((manager) => sinceAt(manager) > since));
    expect(ask(managers, third, { kind: "cancelReplace" })).toEqual({ kind: "appended" });
    managers.until("all know", () =>
      three.every(({ replica }) => replica?.consensus.view().membership?.replacing === null),
    );
    expect(ask(managers, first, wanted, since)).toMatchObject({ code: "changed" });
  });

  test("one that waits for answers of a majority is not done once the managers are others", () => {
    const managers = cluster(6);
    for (const name of ["m4", "m5"]) {
      const added = managers.add(name);
      managers.until("it is linked", () => added.links?.peers().length === managers.all.length - 1);
      ask(managers, managers.leader(), { kind: "addLearner", node: idOf(added) });
      managers.until("it is a voter", () => {
        return ask(managers, managers.leader(), { kind: "promote", node: idOf(added) }).kind === "appended";
      });
      managers.until("all know", () => managers.all.every((one) => voters(one).length === managers.all.length));
    }
    const leader = managers.leader();
    const [gone, alsoGone, stays] = managers.all.filter((manager) => manager !== leader);
    if (gone === undefined || alsoGone === undefined || stays === undefined) throw new Error("there are five");
    gone.host.kill();
    alsoGone.host.kill();
    // Said twice: the second is under way still when the first was refused and the next change is made.
    const since = sinceAt(leader);
    const late: ChangeAnswer[] = [];
    const remove: Change = { kind: "remove", node: idOf(stays) };
    expect(ask(managers, leader, remove)).toMatchObject({ code: "quorum" });
    void seats
      .get(leader)
      ?.ask(remove, since)
      .then((answer) => late.push(answer));
    for (const node of [gone, alsoGone]) {
      expect(ask(managers, leader, { kind: "remove", node: idOf(node) })).toEqual({ kind: "appended" });
      managers.until("it is committed", () => leader.replica?.consensus.view().isChanging === false);
    }
    managers.until("the late one is answered", () => late.length > 0);
    expect(late).toMatchObject([{ kind: "refused", code: "changed" }]);
    expect(voters(leader)).toHaveLength(3);
  });

  test("one that takes in who has no link to the leader is refused: it is down, or of another cluster", () => {
    const managers = cluster(5);
    const [first, second] = managers.all;
    if (first === undefined || second === undefined) throw new Error("there are three");
    for (const change of [
      { kind: "addLearner", node: "beef" },
      { kind: "replace", before: idOf(first), after: "beef" },
    ] as const) {
      const answer = ask(managers, second, change);
      expect(answer).toMatchObject({ kind: "refused", code: "absent" });
      expect(JSON.stringify(answer)).toContain("no link to beef");
    }
    expect(managers.leader().replica?.consensus.view().membership).toMatchObject({ learners: [], replacing: null });
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
