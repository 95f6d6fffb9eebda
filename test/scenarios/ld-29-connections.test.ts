// A thousand peers that connect to one node at the same moment, and go again, half of them in order, half by a kill.
// Links of simulated hosts, in virtual time.

import { expect, test } from "bun:test";
import { type Links, openLinks } from "../../src/node/network/links.ts";
import { SimHost } from "../../src/sim/host.ts";
import { Kernel } from "../../src/sim/kernel.ts";
import { type Machine, Network } from "../../src/sim/network.ts";
import { helloOf, PORT } from "../node/sim-managers.ts";

const PEERS = 1_000;

test("[LD-29.2.1] [LD-29.2.4] [LD-37.3.4] a thousand peers come at once: all get a link, and none is held once they are gone", () => {
  const kernel = new Kernel(1);
  const network = new Network(kernel);
  // What the system of each host holds open, whatever its process believes.
  const machines = new Map<string, Machine>();
  const attach = network.attach.bind(network);
  network.attach = (name) => {
    const machine = attach(name);
    machines.set(name, machine);
    return machine;
  };
  let server: Links | null = null;
  let ups = 0;
  new SimHost(network, "m1").start((world) => {
    const hello = () => helloOf("m1", { node: "m1", boot: 1, bootId: "1-00" }, "manager");
    void openLinks({ world, listen: { host: "m1", port: PORT }, hello }).then((links) => {
      links.onUp(() => ups++);
      server = links;
    });
  });
  kernel.run(10);
  const peers = Array.from({ length: PEERS }, (_, at) => {
    const name = `w${at}`;
    const peer: { readonly host: SimHost; links: Links | null } = { host: new SimHost(network, name), links: null };
    peer.host.start((world) => {
      const hello = () => helloOf(name, { node: name, boot: 1, bootId: "1-00" }, "worker");
      void openLinks({ world, listen: null, hello }).then((links) => {
        peer.links = links;
        links.want({ host: "m1", port: PORT });
      });
    });
    return peer;
  });
  const linked = (): number => server?.peers().length ?? 0;
  expect(kernel.runUntil(() => linked() === PEERS, kernel.nowMs + 10_000)).toBe(true);
  expect([ups, machines.get("m1")?.connections.size]).toEqual([PEERS, PEERS]);
  for (const [at, { host, links }] of peers.entries()) {
    if (at % 2 === 0) links?.close();
    else host.kill();
  }
  expect(kernel.runUntil(() => linked() === 0, kernel.nowMs + 10_000)).toBe(true);
  // Nobody of them is dialled: a node that others dial does not run after them.
  kernel.run(kernel.nowMs + 10_000);
  expect([linked(), ups]).toEqual([0, PEERS]);
  expect([...machines.values()].filter(({ connections }) => connections.size > 0)).toEqual([]);
});
