// Goal: consensus keeps its promises on disks that are lost, full, broken and damaged. Method: three managers' links
// and replicas on simulated hosts with real logs in small segments; faults by hand, one a test; the books of
// ledger-books.ts hold what every replica applied.

import { describe, expect, test } from "bun:test";
import type { RaftLimits } from "../../../src/raft/limits.ts";
import type { SimHost } from "../../../src/sim/host.ts";
import type { WalLimits } from "../../../src/wal/format.ts";
import { Books } from "../ledger-books.ts";
import { type Manager, Managers } from "../sim-managers.ts";

/** Snapshots come early, in many chunks. */
const SNAPSHOTS: Partial<RaftLimits> = { snapshotEntries: 64, trailingEntries: 16, snapshotChunkBytes: 16_384 };

function cluster(
  seed: number,
  more: { limits?: Partial<RaftLimits>; names?: readonly string[]; walLimits?: WalLimits } = {},
): { managers: Managers; books: Books } {
  const books = new Books();
  const managers = new Managers({ seed, ...more, onOpen: (_, replica) => books.watch(replica) });
  managers.until("a leader", () => managers.leaders().length === 1);
  return { managers, books };
}

/** Proposes so many jobs at a manager and waits until they are applied. */
function submit(managers: Managers, books: Books, manager: Manager, count = 1): void {
  const jobs = Array.from({ length: count }, () => books.submit(manager));
  managers.until(`${count} jobs applied`, () => jobs.every((job) => books.outcome(job)?.kind === "applied"));
}

function checkAll(managers: Managers, books: Books): void {
  managers.untilSettled();
  for (const manager of managers.all) books.check(manager);
}

function segments(host: SimHost): readonly string[] {
  return host.disk.paths().filter((path) => path.includes("/wal/log/") && !path.endsWith(".tmp"));
}

describe("three managers", () => {
  test("form one cluster by their node ids, elect a leader and apply the same at all three", () => {
    const { managers, books } = cluster(1);
    for (const manager of managers.all) submit(managers, books, manager);
    checkAll(managers, books);
    const views = managers.all.map(({ replica }) => replica?.consensus.view());
    expect(new Set(views.map((view) => view?.cluster)).size).toBe(1);
    expect(views[0]?.cluster).not.toBeNull();
    expect(views[0]?.membership?.voters.toSorted()).toEqual(
      managers.all.map(({ identity }) => identity?.node ?? "").sort(),
    );
    const [state, ...others] = managers.all.map(({ replica }) => replica?.state);
    for (const other of others) expect(other).toEqual(state);
  });

  test("none forms a cluster while a configured peer was never met", () => {
    const managers = new Managers({ seed: 2 });
    managers.manager("m3").host.kill();
    managers.run(10_000);
    expect(managers.leaders()).toEqual([]);
    managers.manager("m3").host.restart();
    managers.until("a leader", () => managers.leaders().length === 1);
  });

  test("each is killed and started again in turn while jobs come in: all are applied once", () => {
    const { managers, books } = cluster(3);
    for (const { host } of managers.all) {
      const other = managers.all.find((manager) => manager.host !== host);
      if (other === undefined) throw new Error("there are others");
      const jobs = [books.submit(other), books.submit(other)];
      managers.run(1);
      host.kill();
      jobs.push(books.submit(other));
      managers.until("applied without it", () => jobs.every((job) => books.outcome(job)?.kind === "applied"));
      host.restart();
      checkAll(managers, books);
    }
    expect(books.acknowledged).toHaveLength(9);
  });

  test("[LD-41.10.4] [LD-41.10.2] [LD-41.10.1] the power goes at all three at once: what was acknowledged is there afterwards", () => {
    for (const seed of [4, 5, 6]) {
      const { managers, books } = cluster(seed);
      submit(managers, books, managers.leader(), 20);
      for (let count = 0; count < 20; count++) books.submit(managers.leader());
      managers.run(0.5);
      for (const { host } of managers.all) host.crash();
      managers.run(1_000);
      for (const { host } of managers.all) host.restart();
      managers.until("a leader", () => managers.leaders().length === 1);
      checkAll(managers, books);
      expect(books.acknowledged.length).toBeGreaterThanOrEqual(20);
      submit(managers, books, managers.follower());
    }
  });

  test("[LD-33.2.1] [LD-33.2.3] a leader cut off from the others leads no more, and says how long it has been out of touch", () => {
    const { managers, books } = cluster(7);
    submit(managers, books, managers.leader());
    const before = managers.leader();
    const clock = before.world?.clock;
    const lagMs = (): number => (clock?.nowMs() ?? 0) - (before.replica?.consensus.contact().caughtUpAtMs ?? 0);
    managers.run(1_000);
    expect(lagMs()).toBeLessThan(300);
    managers.network.isolate(before.host.name);
    managers.until("another leads", () => managers.leaders().some((manager) => manager !== before));
    managers.run(2_000);
    expect(before.replica?.consensus.contact().isLeader).toBe(false);
    expect(lagMs()).toBeGreaterThan(2_000);
    submit(managers, books, managers.leader());
    expect(before.replica?.state.jobs.size).toBe(1);
    managers.network.heal();
    checkAll(managers, books);
    managers.until("in touch again", () => lagMs() < 1_000);
  });

  test("a read waits for what was acknowledged before it, and is refused where nobody leads", async () => {
    const { managers, books } = cluster(8);
    submit(managers, books, managers.follower());
    const leader = managers.leader();
    let isRead = false;
    leader.replica?.consensus.read().then(() => {
      isRead = true;
    });
    managers.until("the read is answered", () => isRead);
    const refused = managers.follower().replica?.consensus.read();
    managers.run(1);
    expect(await refused?.catch(String)).toContain("does not lead");
  });

  test("[LD-40.2.4] leadership is handed over before a manager stops", () => {
    const { managers } = cluster(9);
    const before = managers.leader();
    let outcome = "";
    before.replica?.consensus.transfer(null).then((said) => {
      outcome = said;
    });
    const startMs = managers.kernel.nowMs;
    managers.until("it is handed over", () => outcome !== "" && managers.leaders().length === 1);
    expect(outcome).toBe("started");
    expect(managers.leader()).not.toBe(before);
    expect(managers.kernel.nowMs - startMs).toBeLessThan(500);
  });
});

describe("a manager alone", () => {
  test("leads by itself and goes on from its disk", () => {
    const { managers, books } = cluster(10, { names: ["m1"] });
    submit(managers, books, managers.leader(), 3);
    const [manager] = managers.all;
    manager?.host.crash();
    manager?.host.restart();
    managers.until("it leads", () => managers.leaders().length === 1);
    checkAll(managers, books);
    expect(managers.leader().replica?.state.jobs.size).toBe(3);
  });

  test("with a damaged log refuses to start, by name, and changes nothing", () => {
    const { managers, books } = cluster(11, { names: ["m1"] });
    submit(managers, books, managers.leader(), 3);
    const { host } = managers.leader();
    host.kill();
    const path = segments(host)[0] ?? "";
    host.disk.damage(path, (bytes) => bytes.fill(7, 1_024, 1_100));
    const damaged = host.disk.peek(path);
    host.restart();
    managers.until("it ends", () => host.exits.length === 1);
    expect(host.exits[0]?.code).toBe(74);
    expect(host.exits[0]?.message).toContain(`the log is damaged: ${path}`);
    expect(host.disk.peek(path)).toEqual(damaged);
  });
});

describe("a full disk", () => {
  test("[LD-41.10.3] at the leader: submits are refused as disk_full, others wait, and both go on when there is space", () => {
    const { managers, books } = cluster(12);
    const leader = managers.leader();
    submit(managers, books, leader);
    leader.host.configureDisk({ fault: ({ operation }) => (operation === "write" ? "full" : null) });
    let joined = false;
    // The first ones find the disk full; from then on it is known.
    const first = books.submit(leader);
    managers.until("the disk is known to be full", () => leader.replica?.consensus.isDiskFull === true);
    const job = books.submit(leader);
    leader.replica?.propose({ kind: "join", worker: "w1", boot: "1", cores: 2, labels: {} }, () => {
      joined = true;
    });
    managers.until("it is refused", () => books.outcome(job)?.kind === "refused");
    expect(books.outcome(job)).toMatchObject({ kind: "refused", code: "disk_full" });
    expect(joined).toBe(false);
    leader.host.configureDisk({ fault: () => null });
    managers.until("the others go on", () => joined && books.outcome(first) !== null);
    checkAll(managers, books);
    submit(managers, books, leader);
  });

  test("at a follower: the cluster goes on, it still follows, and catches up when there is space", () => {
    const { managers, books } = cluster(13);
    submit(managers, books, managers.leader());
    const follower = managers.follower();
    follower.host.configureDisk({ fault: ({ operation }) => (operation === "write" ? "full" : null) });
    submit(managers, books, managers.leader(), 50);
    managers.run(5_000);
    const term = managers.leader().replica?.consensus.view().term;
    submit(managers, books, managers.leader(), 10);
    expect(managers.leader().replica?.consensus.view().term).toBe(term ?? -1);
    expect(follower.host.exits).toEqual([]);
    follower.host.configureDisk({ fault: () => null });
    checkAll(managers, books);
    expect(follower.replica?.state.jobs.size).toBe(61);
  });
});

describe("a broken disk", () => {
  test("ends the manager with 74, and it acknowledges nothing after the failed sync", () => {
    const { managers, books } = cluster(14);
    const leader = managers.leader();
    submit(managers, books, leader);
    leader.host.configureDisk({ fault: ({ operation }) => (operation === "syncData" ? "io" : null) });
    const job = books.submit(leader);
    managers.until("it ends", () => leader.host.exits.length === 1);
    expect(leader.host.exits[0]).toMatchObject({ code: 74 });
    expect(leader.host.exits[0]?.message).toContain("cannot be written");
    expect(books.outcome(job)).toBeNull();
    managers.until("another leads", () => managers.leaders().length === 1);
    submit(managers, books, managers.leader());
    leader.host.configureDisk({ fault: () => null });
    leader.host.restart();
    checkAll(managers, books);
  });

  test("damage in the middle of a log is repaired from the others, without a vote until then", () => {
    const { managers, books } = cluster(15);
    submit(managers, books, managers.leader(), 40);
    const { host } = managers.follower();
    host.kill();
    const path = segments(host)[0] ?? "";
    host.disk.damage(path, (bytes) => bytes.fill(7, 4_096, 4_400));
    for (const other of managers.all) managers.network.cut(host.name, other.host.name);
    host.restart();
    managers.run(2_000);
    const manager = managers.manager(host.name);
    expect(manager.replica?.consensus.view().lost).not.toBe("nothing");
    expect(host.disk.paths().some((one) => one.includes("log.damaged-1"))).toBe(true);
    managers.network.heal();
    managers.until("it is whole", () => manager.replica?.consensus.view().lost === "nothing");
    checkAll(managers, books);
    submit(managers, books, manager);
  });

  test("a wiped disk under an old name does not vote: two such make no majority with the third", () => {
    const { managers, books } = cluster(16);
    submit(managers, books, managers.leader(), 5);
    const wiped = managers.follower();
    wiped.host.kill();
    wiped.host.wipe();
    wiped.host.restart();
    managers.run(3_000);
    expect(managers.leader().replica?.consensus.view().membership?.voters).not.toContain(wiped.identity?.node ?? "");
    const other = managers.all.find(({ host }) => host !== wiped.host && host !== managers.leader().host);
    other?.host.kill();
    const job = books.submit(managers.leader());
    managers.run(10_000);
    expect(books.outcome(job)).toBeNull();
    expect(managers.leaders()).toEqual([]);
    other?.host.restart();
    managers.until("the majority is back", () => books.outcome(job)?.kind === "applied");
  });
});

describe("snapshots", () => {
  test("a follower far behind gets the leader's, in chunks, and then the entries after it", () => {
    const { managers, books } = cluster(17, { limits: SNAPSHOTS });
    const late = managers.follower();
    late.host.kill();
    for (let round = 0; round < 8; round++) submit(managers, books, managers.leader(), 50);
    const leader = managers.leader();
    expect(leader.replica?.consensus.view().snapshotIndex).toBeGreaterThan(300);
    // Beyond what lies in the log itself, and several chunks.
    expect(leader.host.disk.paths().filter((path) => path.includes("/snapshots/")).length).toBeGreaterThan(0);
    late.host.restart();
    checkAll(managers, books);
    expect(books.resets).toBeGreaterThan(0);
    expect(late.replica?.state).toEqual(leader.replica?.state ?? late.replica?.state);
    for (const { host } of managers.all) host.crash();
    for (const { host } of managers.all) host.restart();
    managers.until("a leader", () => managers.leaders().length === 1);
    checkAll(managers, books);
    expect(late.replica?.state.jobs.size).toBe(400);
    const blobs = late.host.disk.paths().filter((path) => path.includes("/snapshots/"));
    expect(blobs.length).toBeLessThanOrEqual(2);
  });

  test("a damaged snapshot is fetched from the others", () => {
    const { managers, books } = cluster(18, { limits: SNAPSHOTS });
    for (let round = 0; round < 8; round++) submit(managers, books, managers.leader(), 50);
    const { host } = managers.follower();
    const paths = host.disk.paths().filter((path) => path.includes("/snapshots/"));
    expect(paths.length).toBeGreaterThan(0);
    host.kill();
    for (const path of paths) host.disk.damage(path, (bytes) => bytes.fill(0, 100, 200));
    host.restart();
    checkAll(managers, books);
    const manager = managers.manager(host.name);
    managers.until("it is whole", () => manager.replica?.consensus.view().lost === "nothing");
    expect(manager.replica?.state.jobs.size).toBe(400);
  });
});
