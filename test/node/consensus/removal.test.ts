// Goal: a manager that was removed while it could not hear of it is told so once it asks for votes, says it, and serves
// nobody; who is a manager is never told such a thing, and who is taken back forgets it. Method: managers on simulated
// hosts that are killed, removed and started again; whole nodes with a client for what is served.

import { describe, expect, test } from "bun:test";
import { Removal } from "../../../src/node/consensus/removal.ts";
import { standingProblem } from "../../../src/node/consensus/standing-problem.ts";
import type { Change } from "../../../src/raft/raft.ts";
import { SimCluster } from "../sim-cluster.ts";
import { type Manager, Managers } from "../sim-managers.ts";

const removals = new WeakMap<Manager, Removal>();

function cluster(seed: number): Managers {
  const managers = new Managers({
    seed,
    onOpen: (manager, { consensus }) => {
      const { links, world } = manager;
      if (links === null || world === null) throw new Error("the manager is not open");
      removals.set(manager, new Removal({ clock: world.clock, links, view: () => consensus.view() }));
    },
  });
  managers.until("a leader", () => managers.leaders().length === 1);
  managers.untilSettled();
  return managers;
}

const idOf = ({ identity }: Manager): string => identity?.node ?? "";

/** What it says of itself; "" when all is well. */
function problemOf(manager: Manager): string {
  const view = manager.replica?.consensus.view();
  if (view === undefined) return "it is not open";
  const removed = removals.get(manager)?.of(view) ?? null;
  return standingProblem({ view, peers: [], silent: [], mismatch: null, removed }) ?? "";
}

/** Asked until it is taken: one change at a time. */
function change(managers: Managers, wanted: Change): void {
  let isDone = false;
  managers.until(`${wanted.kind} is appended`, () => {
    void managers
      .leader()
      .replica?.consensus.change(wanted)
      .then((outcome) => {
        isDone ||= outcome.kind === "appended";
      });
    managers.run(50);
    return isDone;
  });
  managers.until("it is committed", () => managers.leader().replica?.consensus.view().isChanging === false);
}

/** Killed, removed by the others, and started again. */
function removedWhileDown(managers: Managers): Manager {
  const gone = managers.follower();
  gone.host.kill();
  managers.until("one leads", () => managers.leaders().length === 1);
  change(managers, { kind: "remove", node: idOf(gone) });
  gone.host.restart();
  managers.until("it is told", () => problemOf(gone).includes("was removed"));
  return gone;
}

describe("a manager that was removed while it was down", () => {
  test("is told by those it asks for votes, and says who it is, who the managers are and what to do", () => {
    const managers = cluster(1);
    const gone = removedWhileDown(managers);
    const others = managers.all.filter((manager) => manager !== gone).map(idOf);
    const said = problemOf(gone);
    for (const word of [idOf(gone), ...others, "was removed from cluster", "stop it"]) expect(said).toContain(word);
    const { term } = managers.leader().replica?.consensus.view() ?? {};
    managers.run(30_000);
    expect(managers.leader().replica?.consensus.view().term).toBe(term ?? 0);
    expect(managers.all.filter((manager) => manager !== gone).map(problemOf)).toEqual(["", ""]);
  });

  test("forgets it when it is taken back: by the log, which is newer than what it was told", () => {
    const managers = cluster(2);
    const gone = removedWhileDown(managers);
    change(managers, { kind: "addLearner", node: idOf(gone) });
    managers.until("it is joining", () => problemOf(gone).includes("it is joining"));
    change(managers, { kind: "promote", node: idOf(gone) });
    managers.until("it is a manager again", () => problemOf(gone) === "");
    managers.run(10_000);
    expect(managers.all.map(problemOf)).toEqual(["", "", ""]);
  });
});

test("a manager that runs when it is removed is told, over the link that it had before there was a cluster", () => {
  const managers = cluster(5);
  const gone = managers.follower();
  change(managers, { kind: "remove", node: idOf(gone) });
  managers.until("it is told", () => problemOf(gone).includes("was removed"));
});

test("a manager that only missed elections and a change of others is never told that it was removed", () => {
  const managers = cluster(3);
  const away = managers.follower();
  managers.network.isolate(away.host.name);
  const fourth = managers.add("m4");
  managers.until("it is there", () => (fourth.links?.peers().length ?? 0) >= 2);
  change(managers, { kind: "addLearner", node: idOf(fourth) });
  managers.run(5_000);
  managers.network.heal();
  for (let look = 0; look < 400; look++) {
    managers.run(50);
    expect(problemOf(away)).not.toContain("removed");
    // Learners ask nobody for votes, and are no strangers.
    expect(problemOf(fourth)).not.toContain("removed");
  }
  expect(problemOf(away)).toBe("");
});

test("what is asked of a removed manager is answered by another, and its status says why", () => {
  const cluster = new SimCluster({ seed: 4, managers: 3, workers: 0 });
  cluster.until(() => cluster.leader() !== null);
  const name = ["m0", "m1", "m2"].find((one) => one !== cluster.leader()) ?? "";
  const node = cluster.managers.get(name)?.view().node ?? "";
  cluster.run(2_000);
  cluster.kill(name);
  let isRemoved = false;
  const remove = async (): Promise<void> => {
    const client = await cluster.client("operator");
    await client.change({ kind: "remove", node }, (await client.status()).quorum?.membershipIndex ?? 0);
    isRemoved = true;
  };
  void remove();
  cluster.until(() => isRemoved);
  cluster.restart(name);
  const problem = (): string => cluster.managers.get(name)?.status().problem ?? "";
  cluster.until(() => problem().includes("was removed"));
  // Whoever waits for the removal may be asking the one that is removed.
  expect(cluster.managers.get(name)?.status().quorum).toMatchObject({ need: 2, isChanging: false });
  expect(cluster.managers.get(name)?.status().quorum?.voters).not.toContain(node);
  cluster.run(1_000);
  const answered: (string | null)[] = [];
  const ask = async (reader: string): Promise<void> => {
    const client = await cluster.client(reader);
    await client.jobs();
    answered.push(client.contact().undecided);
  };
  for (let at = 0; at < 6; at++) void ask(`reader${at}`);
  cluster.until(() => answered.length === 6, 20_000);
  // Where a client begins is drawn: some began there, and heard why they have to go on.
  expect(answered.filter((why) => why?.includes("was removed from cluster") === true)).not.toEqual([]);
});
