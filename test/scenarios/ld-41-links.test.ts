// A peer that takes nothing: what is said to it waits or is dropped, and nobody else notices. Links of simulated hosts.

import { expect, test } from "bun:test";
import { type Links, openLinks } from "../../src/node/network/links.ts";
import { SimHost } from "../../src/sim/host.ts";
import { Kernel } from "../../src/sim/kernel.ts";
import { Network } from "../../src/sim/network.ts";
import { helloOf, PORT } from "../node/sim-managers.ts";

test("[LD-41.30.4] a destination that stands still is isolated: what is said to another arrives at once, all of it", () => {
  const kernel = new Kernel(1);
  const network = new Network(kernel);
  const links = new Map<string, Links>();
  const heard = new Map<string, number[]>();
  const hosts = ["a", "slow", "quick"].map((name) => {
    const host = new SimHost(network, name);
    host.start((world) => {
      const hello = () => helloOf(name, { node: name, boot: 1, bootId: "1-00" }, "manager");
      void openLinks({ world, listen: { host: name, port: PORT }, hello }).then((opened) => {
        links.set(name, opened);
        heard.set(name, []);
        opened.onMessage((_, { kind }) => kind === "blobStored" && heard.get(name)?.push(kernel.nowMs));
        if (name === "a") for (const to of ["slow", "quick"]) opened.want({ host: to, port: PORT });
      });
    });
    return host;
  });
  const peers = (): number => links.get("a")?.peers().length ?? 0;
  expect(kernel.runUntil(() => peers() === 2, 5_000)).toBe(true);
  hosts[1]?.pause();
  const message = { kind: "blobStored", body: { digests: ["d".repeat(64)] } } as const;
  const lastsMs: number[] = [];
  for (let round = 0; round < 200; round++) {
    for (let at = 0; at < 50; at++) links.get("a")?.send("slow", message);
    links.get("a")?.send("quick", message);
    lastsMs.push(kernel.nowMs);
    kernel.run(kernel.nowMs + 10);
  }
  const arrived = heard.get("quick") ?? [];
  expect(arrived).toHaveLength(200);
  for (const [at, sentMs] of lastsMs.entries()) expect((arrived[at] ?? Infinity) - sentMs).toBeLessThan(10);
  expect(heard.get("slow")).toEqual([]);
});
