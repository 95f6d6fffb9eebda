// Goal: one link to each node, there again after every break, whoever dialled, and clear words where there is none.
// Method: nodes with nothing but links on simulated hosts; their network is cut, their processes are killed.

import { describe, expect, test } from "bun:test";
import type { Address } from "../../../src/io/world.ts";
import type { Identity } from "../../../src/node/identity.ts";
import { type LinkDown, type Links, openLinks } from "../../../src/node/network/links.ts";
import type { NodeMessage } from "../../../src/node/protocol.ts";
import { SimHost } from "../../../src/sim/host.ts";
import { Kernel } from "../../../src/sim/kernel.ts";
import { Network } from "../../../src/sim/network.ts";
import type { Hello } from "../../../src/wire/handshake.ts";
import { helloOf, PORT } from "../sim-managers.ts";

type Node = {
  readonly host: SimHost;
  readonly id: string;
  links: Links | null;
  boots: number;
  readonly ups: string[];
  readonly downs: (LinkDown & { readonly node: string })[];
  readonly refused: string[];
  readonly heard: string[];
};

const at = (host: string): Address => ({ host, port: PORT });
const stored = (letter: string): NodeMessage => ({ kind: "blobStored", body: { digests: [letter.repeat(64)] } });

class Nodes {
  readonly kernel: Kernel;
  readonly network: Network;

  constructor(seed: number) {
    this.kernel = new Kernel(seed);
    this.network = new Network(this.kernel);
  }

  add(
    name: string,
    wants: readonly string[],
    options: { id?: string; more?: Partial<Hello>; isHeld?: boolean } = {},
  ): Node {
    const host = new SimHost(this.network, name, { logLevel: "warn" });
    const id = options.id ?? name;
    const node: Node = { host, id, links: null, boots: 0, ups: [], downs: [], refused: [], heard: [] };
    host.start((world) => {
      node.links = null;
      const boot = ++node.boots;
      const identity: Identity = { node: id, boot, bootId: `${boot}-00` };
      const hello = { ...helloOf(name, identity, "manager"), ...options.more };
      const { isHeld = false } = options;
      void openLinks({ world, listen: at(name), hello: () => hello, isHeld }).then((links) => {
        node.links = links;
        links.onUp((peer) => node.ups.push(peer.node));
        links.onDown((peer, why) => node.downs.push({ ...why, node: peer.node }));
        links.onRefused((address, failure, last) => node.refused.push(`${address.host} ${failure} ${last}`));
        links.onMessage((from, message) => {
          if (message.kind === "blobStored") node.heard.push(`${from.node} ${message.body.digests[0]?.[0]}`);
        });
        for (const wanted of wants) links.want(at(wanted));
      });
    });
    return node;
  }

  run(forMs: number): void {
    this.kernel.run(this.kernel.nowMs + forMs);
  }

  until(what: string, condition: () => boolean, limitMs = 10_000): void {
    const untilMs = this.kernel.nowMs + limitMs;
    for (this.run(0); this.kernel.nowMs < untilMs; this.run(1)) if (condition()) return;
    throw new Error(`not within ${limitMs} ms: ${what}`);
  }
}

const linked = (node: Node, to: Node): boolean => node.links?.peer(to.id) != null;

describe("a node that is still being put together", () => {
  test("accepts and dials nobody before it begins, and misses nothing that is said to it then", () => {
    const nodes = new Nodes(21);
    const [asking, starting] = [nodes.add("a", ["b"]), nodes.add("b", ["c"], { isHeld: true })];
    const dialled = nodes.add("c", []);
    nodes.run(1_000);
    expect([linked(asking, starting), linked(starting, dialled), linked(dialled, starting)]).toEqual([
      false,
      false,
      false,
    ]);
    starting.links?.begin();
    nodes.until("both links are up", () => linked(asking, starting) && linked(starting, dialled));
    expect(asking.links?.send("b", stored("e"))).toBe(true);
    nodes.until("it is heard", () => starting.heard.length === 1);
    expect(asking.downs).toEqual([]);
    starting.links?.begin();
    nodes.run(100);
    expect([asking.ups, starting.ups.toSorted()]).toEqual([["b"], ["a", "c"]]);
  });

  test("closed before it begins, it lets go of who waited", () => {
    const nodes = new Nodes(22);
    const [asking, starting] = [nodes.add("a", ["b"]), nodes.add("b", [], { isHeld: true })];
    nodes.run(500);
    starting.links?.close();
    nodes.until("the one that waited hears of it", () => asking.refused.length > 0);
    starting.links?.begin();
    nodes.run(500);
    expect(asking.ups).toEqual([]);
  });
});

describe("a wanted link", () => {
  test("comes up, carries messages both ways, and knows who is there", () => {
    const nodes = new Nodes(1);
    const a = nodes.add("a", ["b"]);
    const b = nodes.add("b", []);
    nodes.until("both are linked", () => linked(a, b) && linked(b, a));
    expect(a.links?.send("b", stored("1"))).toBe(true);
    expect(b.links?.send("a", stored("2"))).toBe(true);
    nodes.until("both heard", () => a.heard.length + b.heard.length === 2);
    expect([a.heard, b.heard]).toEqual([["b 2"], ["a 1"]]);
    expect(a.links?.nodeAt(at("b"))).toBe("b");
    expect(a.links?.peers().map(({ node }) => node)).toEqual(["b"]);
  });

  test("is dialled again and again with growing pauses until somebody is there", () => {
    const nodes = new Nodes(2);
    const a = nodes.add("a", ["b"]);
    const b = nodes.add("b", []);
    b.host.kill();
    nodes.run(20_000);
    expect(a.refused.every((text) => text.startsWith("b refused"))).toBe(true);
    // 100, 200 ... 1600 ms and then 1 to 2 s between: 5 + 17 s / 1.5 s.
    expect(a.refused.length).toBeGreaterThan(10);
    expect(a.refused.length).toBeLessThan(30);
    b.host.restart();
    nodes.until("they are linked", () => linked(a, b), 3_000);
  });

  test("that both sides dial at once settles to one, without a word of it being down", () => {
    for (let seed = 10; seed < 25; seed++) {
      const nodes = new Nodes(seed);
      const a = nodes.add("a", ["b"]);
      const b = nodes.add("b", ["a"]);
      nodes.until("both are linked", () => linked(a, b) && linked(b, a));
      nodes.run(5_000);
      expect([a.ups, a.downs, b.ups, b.downs]).toEqual([["b"], [], ["a"], []]);
      a.links?.send("b", stored("1"));
      b.links?.send("a", stored("2"));
      nodes.until("both heard", () => a.heard.length === 1 && b.heard.length === 1);
    }
  });

  test("to a killed node is told as broken, its port refuses, and its next start is another link", () => {
    const nodes = new Nodes(3);
    const a = nodes.add("a", ["b"]);
    const b = nodes.add("b", []);
    nodes.until("they are linked", () => linked(a, b));
    b.host.kill();
    nodes.until("it is refused", () => a.refused.length > 0, 500);
    expect(a.downs).toHaveLength(1);
    expect(["ended", "reset"]).toContain(a.downs[0]?.reason ?? "");
    expect(a.refused[0]).toBe("b refused b");
    expect(a.links?.send("b", stored("1"))).toBe(false);
    b.host.restart();
    nodes.until("they are linked again", () => linked(a, b) && linked(b, a));
    expect(a.ups).toEqual(["b", "b"]);
    expect(a.links?.peer("b")?.boot).toBe("2-00");
  });

  test("of an earlier start gives way to that of a later one, although nobody saw it break", () => {
    const nodes = new Nodes(4);
    const a = nodes.add("a", []);
    const b = nodes.add("b", ["a"]);
    nodes.until("they are linked", () => linked(a, b));
    b.host.crash();
    b.host.restart();
    nodes.until("the later one is linked", () => a.links?.peer("b")?.boot === "2-00" && linked(b, a));
    expect(a.downs).toMatchObject([{ node: "b", reason: "closed" }]);
    expect(a.ups).toEqual(["b", "b"]);
    b.links?.send("a", stored("3"));
    nodes.until("it is heard", () => a.heard.length === 1);
  });

  test("closed in order is told as closed on the other side", () => {
    const nodes = new Nodes(5);
    const a = nodes.add("a", ["b"]);
    const b = nodes.add("b", []);
    nodes.until("they are linked", () => linked(a, b) && linked(b, a));
    b.links?.close();
    nodes.until("a knows", () => a.downs.length === 1);
    expect(a.downs[0]).toMatchObject({ reason: "closed", message: "it stops" });
  });

  test("to this node itself is given up and answers who is there", () => {
    const nodes = new Nodes(6);
    const a = nodes.add("a", ["a", "localhost"]);
    nodes.run(5_000);
    expect(a.links?.nodeAt(at("a"))).toBe("a");
    expect(a.links?.nodeAt(at("localhost"))).toBe("a");
    expect(a.ups).toEqual([]);
    expect(a.links?.counters.dials).toBeLessThan(3);
  });

  test("of who takes the connection and says nothing is no refusal: it is stopped, or cut off", () => {
    const nodes = new Nodes(19);
    const a = nodes.add("a", ["b"]);
    nodes.add("b", [], { isHeld: true });
    nodes.until("the dial is given up", () => a.refused.length > 0);
    expect(a.refused[0]).toBe("b timeout null");
  });

  test("to a node of another environment is refused on both sides, in words, and tried on", () => {
    const nodes = new Nodes(7);
    const a = nodes.add("a", ["b"]);
    const b = nodes.add("b", [], { more: { environment: "prod" } });
    nodes.until("it was tried twice", () => a.refused.length >= 2);
    expect(a.refused[0]).toBe("b handshake null");
    expect([a.ups, b.ups]).toEqual([[], []]);
    expect(b.links?.counters.refusals).toBeGreaterThan(0);
    for (const { host } of [a, b]) expect(host.logLines.join("\n")).toContain('"prod"');
  });
});

describe("sendTo", () => {
  test("dials whom it has no link to, once for all that waits, and uses that link from then on", () => {
    const nodes = new Nodes(8);
    const a = nodes.add("a", []);
    const b = nodes.add("b", []);
    nodes.run(10);
    for (const letter of ["1", "2", "3"]) a.links?.sendTo(at("b"), "b", stored(letter));
    nodes.until("all are heard", () => b.heard.length === 3);
    a.links?.sendTo(at("b"), null, stored("4"));
    nodes.until("it is heard", () => b.heard.length === 4);
    expect(b.heard).toEqual(["a 1", "a 2", "a 3", "a 4"]);
    expect(a.links?.counters.dials).toBe(1);
    nodes.run(80_000);
    expect(linked(a, b)).toBe(false);
    expect(b.downs).toMatchObject([{ reason: "closed", message: "the link was idle" }]);
  });

  test("tells why it came to nothing: refused, unreachable, somebody else there", () => {
    const nodes = new Nodes(9);
    const a = nodes.add("a", []);
    const b = nodes.add("b", []);
    nodes.run(10);
    const failures: string[] = [];
    a.links?.sendTo({ host: "b", port: 1 }, null, stored("1"), (failure) => failures.push(failure));
    a.links?.sendTo(at("nowhere"), null, stored("1"), (failure) => failures.push(failure));
    a.links?.sendTo(at("b"), "c", stored("1"), (failure) => failures.push(failure));
    nodes.run(5_000);
    expect(failures.sort()).toEqual(["handshake", "refused", "unreachable"]);
    expect(b.heard).toEqual([]);
  });

  test("to an unknown node without a link is not taken", () => {
    const nodes = new Nodes(30);
    const a = nodes.add("a", []);
    nodes.run(10);
    expect(a.links?.send("nobody", stored("1"))).toBe(false);
    expect(a.links?.counters.shed).toBe(1);
  });
});
