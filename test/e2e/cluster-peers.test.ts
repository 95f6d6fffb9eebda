// Goal: operators change who the managers are while the cluster works: a manager whose folder was wiped waits and is
// replaced, managers are added and removed, and no job is lost. Method: the built executable on loopback; every change
// by `hyperscale peer`, every outcome by its list and by the jobs that are there.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { eventually, freePorts, Node } from "./cluster.ts";
import { freshDir, removeDirs, run, type Run } from "./run.ts";

setDefaultTimeout(90_000);
afterAll(removeDirs);

type Listed = {
  readonly leader: string | null;
  readonly peers: readonly {
    readonly id: string;
    readonly standing: "voter" | "learner" | "outside";
    readonly address: { readonly tcp: number } | null;
    readonly status: string;
  }[];
};

class Managers {
  readonly nodes: Node[] = [];
  readonly dir = freshDir();
  readonly #ports: readonly number[];

  constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  /** A manager that knows those before it and itself. */
  add(count: number): Node {
    const name = `m${this.nodes.length}` as const;
    const port = this.#ports[this.nodes.length] ?? 0;
    const peers = this.#ports.slice(0, count).map((each) => `127.0.0.1:${each}`);
    const args = ["manager", "--tcp", String(port), "--data", this.folder(name), "--peers", peers.join(",")];
    const node = new Node({ name, port, dir: this.dir, args });
    this.nodes.push(node);
    return node;
  }

  folder(name: string): string {
    return join(this.dir, name);
  }

  run(...args: readonly string[]): Promise<Run> {
    const managers = this.nodes.map(({ port }) => `127.0.0.1:${port}`);
    return run([...args, "--managers", managers.join(",")], {
      files: { "test.ts": "export const options = { iterations: 1 };\nexport default async () => {};" },
    });
  }

  async list(): Promise<Listed> {
    const listed = await this.run("peer", "list", "--json");
    // A machine that is slow has it say that it waits.
    expect(listed.exitCode, listed.stderr).toBe(0);
    return JSON.parse(listed.stdout);
  }

  /** On a machine that stands still nobody may lead for a while: then nothing was decided, and it is asked again. */
  async decided(...args: readonly string[]): Promise<Run> {
    for (let left = 5; ; left--) {
      const ended = await this.run("peer", ...args);
      if (left === 0 || !ended.stderr.includes("nobody leads")) return ended;
    }
  }

  async done(...args: readonly string[]): Promise<void> {
    const ended = await this.decided(...args);
    expect(ended.exitCode, ended.output).toBe(0);
  }

  async refused(exitCode: number, args: readonly string[], ...words: readonly string[]): Promise<void> {
    const ended = await (words.includes("nobody leads") ? this.run("peer", ...args) : this.decided(...args));
    for (const word of words) expect(ended.stderr).toContain(word);
    expect(ended.exitCode, ended.output).toBe(exitCode);
  }

  /** Submits a job that no worker runs: it stays. */
  async accept(id: string): Promise<void> {
    const ended = await this.run("submit", "test.ts", "--detach", "-q", "--id", id);
    expect(ended.exitCode, ended.output).toBe(0);
  }

  async jobs(): Promise<readonly string[]> {
    const listed = await this.run("jobs", "--json");
    const { jobs }: { jobs: readonly { readonly id: string }[] } = JSON.parse(listed.stdout);
    return jobs.map(({ id }) => id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end("SIGKILL")));
  }
}

async function threeManagers(more: number): Promise<Managers> {
  const managers = new Managers(await freePorts(3 + more));
  for (let count = 0; count < 3; count++) managers.add(3);
  await Promise.all(managers.nodes.map((node) => node.start()));
  await Promise.all(managers.nodes.map((node) => node.until(/manager: (leader|follower) of .*3 of 3 managers/)));
  return managers;
}

test.concurrent(
  "a manager whose folder was wiped says it is blank, waits, and takes its old place when told",
  async () => {
    await using managers = await threeManagers(0);
    const [first, second, wiped] = managers.nodes;
    if (first === undefined || second === undefined || wiped === undefined) throw new Error("there are three");
    await managers.accept("before");
    const before = await managers.list();
    const old = before.peers.find(({ address }) => address?.tcp === wiped.port)?.id ?? "";
    await managers.refused(104, ["replace", "feedbeef", "127.0.0.1:1"], "feedbeef is no manager", old.slice(0, 8));

    await wiped.end("SIGKILL");
    rmSync(managers.folder(wiped.name), { recursive: true });
    const from = wiped.said.length;
    await wiped.start();
    await wiped.until(/its data folder is blank.*cluster [0-9a-f]{32}.*hyperscale peer replace OLD [0-9a-f]{16}/, from);
    await managers.accept("meanwhile");
    const outside = (await managers.list()).peers.find(({ standing }) => standing === "outside");
    expect(outside?.address?.tcp).toBe(wiped.port);
    expect(outside?.id).not.toBe(old);

    await managers.done("replace", old.slice(0, 6), `127.0.0.1:${wiped.port}`);
    // The old life of the wiped one is listed until its members' silence has told that it is gone.
    let after = await managers.list();
    const standings = (): string => after.peers.map(({ standing }) => standing).join();
    await eventually("three voters", async () => {
      after = await managers.list();
      return standings() === "voter,voter,voter";
    });
    expect(after.peers.map(({ id }) => id)).not.toContain(old);
    await managers.refused(75, ["replace", after.peers[0]?.id ?? "", outside?.id ?? ""], "is a voter");

    // It counts: with it and one of the others there is a majority, and everything acknowledged is there.
    await first.end("SIGKILL");
    await managers.accept("after");
    await eventually("all jobs", async () => (await managers.jobs()).length === 3);
    expect(await managers.jobs()).toEqual(["before", "meanwhile", "after"]);
  },
);

test.concurrent(
  "a fourth and a fifth manager join, one is removed, and what makes no sense is refused by name",
  async () => {
    await using managers = await threeManagers(2);
    await managers.accept("one");
    const [first, second, third] = managers.nodes;
    if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
    await managers.refused(75, ["add", `127.0.0.1:${first.port}`], "is a voter of this cluster already");
    await managers.refused(
      104,
      ["remove", "127.0.0.1:1"],
      "127.0.0.1:1 is no manager of this cluster",
      String(second.port),
    );
    await managers.refused(2, ["add"], "peer add NODE");
    await managers.refused(2, ["promote"], "actions: list, add NODE");
    for (const count of [4, 5]) {
      const node = managers.add(count);
      await node.start();
      await node.until(/its data folder is blank/);
      await managers.done("add", `127.0.0.1:${node.port}`);
      await node.until(new RegExp(`follower of .*${count} of ${count} managers`));
    }
    expect((await managers.list()).peers.map(({ standing }) => standing)).toEqual(Array(5).fill("voter"));

    // Two of five gone: a majority is left, but not of what would be left without one more.
    const listed = await managers.list();
    const idOf = (node: Node): string => listed.peers.find(({ address }) => address?.tcp === node.port)?.id ?? "";
    const leader = listed.peers.find(({ id }) => id === listed.leader)?.address?.tcp;
    const others = managers.nodes.filter(({ port }) => port !== leader);
    const [gone, alsoGone, stays] = others;
    if (gone === undefined || alsoGone === undefined || stays === undefined) throw new Error("there are five");
    await Promise.all([gone.end("SIGKILL"), alsoGone.end("SIGKILL")]);
    await managers.refused(75, ["remove", idOf(stays)], "3 have to answer, and 2 do", idOf(gone));
    await managers.done("remove", idOf(gone));
    await managers.done("remove", idOf(alsoGone));
    const left = await managers.list();
    expect(left.peers.filter(({ standing }) => standing === "voter")).toHaveLength(3);
    expect(left.peers.map(({ id }) => id)).not.toContain(idOf(gone));
    await managers.accept("two");
    expect(await managers.jobs()).toEqual(["one", "two"]);

    // It was away when it was removed, and hears so when it comes back.
    await gone.start();
    await gone.until(new RegExp(`${idOf(gone)}, was removed from cluster .*stop it, or take it back`));
    const standingOf = async (node: Node): Promise<string | undefined> =>
      (await managers.list()).peers.find(({ id }) => id === idOf(node))?.standing;
    expect(await standingOf(gone)).toBe("outside");
    await managers.done("add", idOf(gone));
    expect(await standingOf(gone)).toBe("voter");
    // Now it runs, and is the one that is asked for its own removal.
    const removed = await run(["peer", "remove", idOf(gone), "--managers", `127.0.0.1:${gone.port}`]);
    expect(removed.exitCode, removed.output).toBe(0);
    expect(removed.output).toContain("is no manager of this cluster any more: 3 managers, 2 of them are a majority");
    await gone.end("SIGKILL");

    // Without a majority nothing is changed, and it is said why.
    await stays.end("SIGKILL");
    const last = others.at(-1);
    await last?.end("SIGKILL");
    await managers.refused(75, ["remove", idOf(stays)], "nobody leads", "2 of the 3 managers");
  },
);
