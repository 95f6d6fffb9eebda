// Nodes of two minor versions in one cluster: they talk before, during and after an upgrade, and after it is taken
// back. Links of two simulated hosts, of which one is restarted with another version.

import { expect, test } from "bun:test";
import { openLinks, type Links } from "../../src/node/network/links.ts";
import type { NodeMessage } from "../../src/node/protocol.ts";
import { SimHost } from "../../src/sim/host.ts";
import { Kernel } from "../../src/sim/kernel.ts";
import { Network } from "../../src/sim/network.ts";
import { helloOf, PORT } from "../node/sim-managers.ts";

type Peer = { readonly host: SimHost; links: Links | null; readonly heard: string[]; readonly ups: number[] };

const say = (letter: string): NodeMessage => ({ kind: "blobStored", body: { digests: [letter.repeat(64)] } });

test("[LD-38.3.3] [LD-38.3.4] a node is upgraded and rolled back under its peer: each time the link is there again", () => {
  const kernel = new Kernel(1);
  const network = new Network(kernel);
  let minor = 0;
  const start = (name: string, wanted: string): Peer => {
    const peer: Peer = { host: new SimHost(network, name), links: null, heard: [], ups: [] };
    let boot = 0;
    peer.host.start((world) => {
      const own = name === "b" ? minor : 0;
      const later = own > 0 ? ["a feature of later"] : [];
      const identity = { node: name, boot: ++boot, bootId: `${boot}-00` };
      const hello = () => ({ ...helloOf(name, identity, "manager"), minor: own, features: later });
      void openLinks({ world, listen: { host: name, port: PORT }, hello }).then((links) => {
        peer.links = links;
        links.onUp((other) => peer.ups.push(other.minor));
        links.onMessage((_, { kind, body }) => kind === "blobStored" && peer.heard.push(body.digests[0]?.[0] ?? ""));
        links.want({ host: wanted, port: PORT });
      });
    });
    return peer;
  };
  const [a, b] = [start("a", "b"), start("b", "a")];
  for (const [at, version] of [0, 3, 0].entries()) {
    if (at > 0) {
      minor = version;
      b.host.restart();
    }
    const isLinked = (): boolean => a.ups.length === at + 1 && b.links?.peer("a") != null;
    expect(kernel.runUntil(isLinked, kernel.nowMs + 10_000)).toBe(true);
    a.links?.send("b", say(`${at}`));
    b.links?.send("a", say(`${at}`));
    kernel.run(kernel.nowMs + 1_000);
  }
  expect(a.ups).toEqual([0, 3, 0]);
  expect([a.heard, b.heard]).toEqual([
    ["0", "1", "2"],
    ["0", "1", "2"],
  ]);
});
