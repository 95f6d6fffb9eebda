// Goal: a manager's word holds: nothing is acknowledged that a majority does not have on disk, and whose promises are
// lost makes none. Method: three managers on simulated hosts; disks and links are held up one at a time.

import { expect, test } from "bun:test";
import { Books } from "../ledger-books.ts";
import { type Manager, Managers } from "../sim-managers.ts";

/** Shorter than a leader stays without answers. */
const SOON_MS = 300;

function cluster(seed: number): { managers: Managers; books: Books; leader: Manager; followers: readonly Manager[] } {
  const books = new Books();
  const managers = new Managers({ seed, onOpen: (_, replica) => books.watch(replica) });
  managers.until("a leader", () => managers.leaders().length === 1);
  submit(managers, books, managers.leader(), 5);
  managers.untilSettled();
  const leader = managers.leader();
  return { managers, books, leader, followers: managers.all.filter((manager) => manager !== leader) };
}

/** Proposes so many jobs and waits until they are applied. */
function submit(managers: Managers, books: Books, manager: Manager, count: number): void {
  const jobs = Array.from({ length: count }, () => books.submit(manager));
  managers.until("they are applied", () => jobs.every((job) => books.outcome(job)?.kind === "applied"));
}

/** A disk on which a sync takes that long. */
function syncIn(manager: Manager, ms: number): void {
  manager.host.configureDisk({ latencyMs: ({ operation }) => (operation === "syncData" ? ms : 0) });
}

function settle(managers: Managers, books: Books): void {
  managers.untilSettled();
  for (const manager of managers.all) books.check(manager);
}

test("a follower's answer waits for its disk: what one disk of three holds is not acknowledged", () => {
  const { managers, books, leader, followers } = cluster(21);
  const [slow, away] = followers;
  if (slow === undefined || away === undefined) throw new Error("there are two followers");
  managers.network.isolate(away.host.name);
  syncIn(slow, 400);
  const job = books.submit(leader);
  managers.run(SOON_MS);
  expect([books.outcome(job), leader.replica?.state.jobs.has(job)]).toEqual([null, false]);
  syncIn(slow, 0);
  managers.network.heal();
  managers.until("it is applied", () => books.outcome(job)?.kind === "applied");
  settle(managers, books);
}, 30_000);

test("[MW-15.1.2] what was sent and not answered is not acknowledged, though both others hold it", () => {
  const { managers, books, leader, followers } = cluster(22);
  for (const { host } of followers) managers.network.cut(host.name, leader.host.name);
  const job = books.submit(leader);
  managers.run(SOON_MS);
  expect([books.outcome(job), leader.replica?.state.jobs.has(job)]).toEqual([null, false]);
  managers.network.heal();
  managers.until("it is applied", () => books.outcome(job)?.kind === "applied");
  settle(managers, books);
}, 30_000);

test("a manager whose log was damaged votes for nobody until it has back what it had acknowledged", () => {
  const { managers, books, leader, followers } = cluster(23);
  const [damaged, whole] = followers;
  if (damaged === undefined || whole === undefined) throw new Error("there are two followers");
  submit(managers, books, leader, 40);
  const { host } = damaged;
  host.kill();
  const path = host.disk.paths().find((one) => one.includes("/wal/log/") && !one.endsWith(".tmp")) ?? "";
  host.disk.damage(path, (bytes) => bytes.fill(7, 4_096, 4_400));
  leader.host.kill();
  host.restart();
  managers.run(5_000);
  expect(managers.manager(host.name).replica?.consensus.view().lost).not.toBe("nothing");
  expect(managers.leaders()).toEqual([]);
  expect(whole.replica?.consensus.view().role).not.toBe("leader");
  leader.host.restart();
  managers.until("it is whole", () => managers.manager(host.name).replica?.consensus.view().lost === "nothing");
  settle(managers, books);
}, 30_000);
