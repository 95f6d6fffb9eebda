// Goal: nobody has to write down where managers are: names with several addresses, SRV records and ranges of ports are
// looked up, again when managers move, by managers, workers and clients alike; ports of workers may be chosen by them.
// Method: the built executable on loopback, with a name server of the test's own.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { startNameServer } from "../dns/server.ts";
import { freePorts, Node } from "./cluster.ts";
import { freshDir, removeDirs, run } from "./run.ts";

setDefaultTimeout(90_000);
afterAll(removeDirs);

type Started = AsyncDisposable & { readonly nodes: readonly Node[] };

async function start(nodes: readonly Node[]): Promise<Started> {
  await Promise.all(nodes.map((node) => node.start()));
  return {
    nodes,
    [Symbol.asyncDispose]: async () => void (await Promise.all(nodes.map((node) => node.end("SIGKILL")))),
  };
}

test.concurrent(
  "managers by SRV form a cluster of as many as expected; workers and clients find it, and find it again where it moved",
  async () => {
    const ports = await freePorts(6);
    const dir = freshDir();
    // Targets of a service are hosts: the system resolves them, which knows localhost alone.
    const services = { "_hyperscale._tcp.test": ports.slice(0, 3).map((port) => `localhost:${port}`) };
    await using server = await startNameServer({ services });
    const dns = ["--dns", server.address];
    const manager = (at: number, expect: number, peers: string): Node => {
      const args = ["manager", "--tcp", String(ports[at]), "--data", join(dir, `m${at}`), "--dc", "east", ...dns];
      return new Node({
        name: `m${at}`,
        port: ports[at] ?? 0,
        dir,
        args: [...args, "--peers", peers, "--expect", String(expect)],
      });
    };
    const service = "srv:_hyperscale._tcp.test";
    await using managers = await start([0, 1, 2].map((at) => manager(at, 3, service)));
    await Promise.all(managers.nodes.map((node) => node.until(/manager: (leader|follower) of .*3 of 3 managers/)));
    const worker = (name: "w0" | "w1", places: string): Node =>
      new Node({
        name,
        port: ports[3] ?? 0,
        dir,
        args: ["worker", "--tcp", "0", "--data", join(dir, name), "--cores", "1", ...dns, "--managers", places],
      });
    await using workers = await start([worker("w0", service)]);
    const [w0] = workers.nodes;
    if (w0 === undefined) throw new Error("there is a worker");
    await w0.until(/worker: linked to 3 managers/);
    const status = await run(["status", "--json", "--managers", service, ...dns]);
    expect(status.exitCode, status.output).toBe(0);
    const known: { node: { dc: string }; members: readonly { role: string; status: string }[] } = JSON.parse(
      status.stdout,
    );
    expect(known.node.dc).toBe("east");
    expect(known.members.filter(({ role, status: shown }) => role === "worker" && shown === "alive")).toHaveLength(1);

    // A worker that knows where nobody is any more finds the managers once the name says where they are.
    const name = "dns:moved.test:" + String(ports[0]);
    server.records = { addresses: { "moved.test": ["127.0.0.9"] } };
    await using late = await start([worker("w1", name)]);
    const [w1] = late.nodes;
    await w1?.until(/looks for managers at dns:moved\.test/);
    server.records = { addresses: { "moved.test": ["127.0.0.9", "127.0.0.1"] } };
    await w1?.until(/worker: linked to [1-3] manager/);
  },
);

test.concurrent("a range of ports is looked through, and a worker takes the next ports that are free", async () => {
  const [first = 0] = await freePorts(1);
  const dir = freshDir();
  const data = (name: string): readonly string[] => ["--data", join(dir, name)];
  const range = `127.0.0.1:${first}-${first + 8}`;
  const manager = new Node({
    name: "m0",
    port: first,
    dir,
    args: ["manager", "--tcp", String(first), ...data("m0"), "--peers", range, "--expect", "1"],
  });
  await using managers = await start([manager]);
  await manager.until(/leader of term/);
  const worker = (name: "w0" | "w1"): Node =>
    new Node({
      name,
      port: 0,
      dir,
      args: ["worker", "--port-range", `${first}-${first + 40}`, ...data(name), "--cores", "1", "--managers", range],
    });
  await using one = await start([worker("w0")]);
  await one.nodes[0]?.until(/worker: linked to 1 manager/);
  await using two = await start([worker("w1")]);
  await two.nodes[0]?.until(/worker: linked to 1 manager/);
  expect(managers.nodes).toHaveLength(1);
  const portOf = (node: Node | undefined): number =>
    Number(/listens at 127\.0\.0\.1:(\d+)/.exec(node?.said ?? "")?.[1]);
  expect(portOf(one.nodes[0])).toBe(first + 2);
  expect(portOf(two.nodes[0])).toBeGreaterThan(first + 2);
  expect((await run(["status", "--managers", range])).exitCode).toBe(0);
});

test.concurrent(
  "what cannot be is refused by name: places without --expect, --expect without places, servers and ranges that are none",
  async () => {
    const cases: readonly (readonly [args: readonly string[], ...words: readonly string[]])[] = [
      [["manager", "--peers", "srv:_h._tcp.test"], "srv:_h._tcp.test", "--expect 3"],
      [["manager", "--peers", "127.0.0.1:9000", "--expect", "3"], "--expect", "are counted"],
      [["worker", "--managers", "srv:_h._tcp.test", "--dns", "nobody"], "--dns", "is no name server"],
      [["worker", "--managers", "127.0.0.1:9000", "--port-range", "9300-9200"], "--port-range", "9200-9299"],
      [["worker", "--managers", "127.0.0.1:9000", "--port-range", "9200-9299", "--tcp", "9200"], "--tcp"],
      [["manager", "--dc", "a b"], "--dc", "is no name of a datacenter"],
    ];
    for (const [args, ...words] of cases) {
      const ended = await run(args);
      for (const word of words) expect(ended.stderr).toContain(word);
      expect(ended.exitCode, ended.output).toBe(104);
    }
  },
);
