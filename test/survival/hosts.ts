// Machines for nodes on this one: network namespaces on a bridge, each with an address of its own and a packet filter
// that can be told to hear nothing from another. Linux as root, with ip and nft.

import type { Place } from "../e2e/cluster.ts";

const NETWORK = "10.231.77";
const BRIDGE = "hsbr0";

/** One machine. `host`: its address. */
export type Host = { readonly name: string; readonly host: string; readonly prefix: readonly string[] };

export class Hosts {
  readonly all: readonly Host[];
  /** This side of the bridge: where targets listen and commands come from. */
  readonly here = `${NETWORK}.1`;

  private constructor(count: number) {
    this.all = Array.from({ length: count }, (_, at) => {
      const name = `hs${at}`;
      return { name, host: `${NETWORK}.${at + 2}`, prefix: ["ip", "netns", "exec", name] };
    });
  }

  /** Throws when this machine cannot: it says why. */
  static async create(count: number): Promise<Hosts> {
    const hosts = new Hosts(count);
    await hosts.remove();
    await ip("link", "add", BRIDGE, "type", "bridge");
    await ip("addr", "add", `${hosts.here}/24`, "dev", BRIDGE);
    await ip("link", "set", BRIDGE, "up");
    for (const [at, { name, host }] of hosts.all.entries()) {
      await ip("netns", "add", name);
      await ip("link", "add", `hsv${at}`, "type", "veth", "peer", "name", "eth0", "netns", name);
      await ip("link", "set", `hsv${at}`, "master", BRIDGE, "up");
      await ip("-n", name, "addr", "add", `${host}/24`, "dev", "eth0");
      await ip("-n", name, "link", "set", "lo", "up");
      await ip("-n", name, "link", "set", "eth0", "up");
      await nft(name, "add table inet cut");
      await nft(name, "add chain inet cut input { type filter hook input priority 0; }");
    }
    return hosts;
  }

  places(args: readonly string[]): readonly Place[] {
    return this.all.map(({ host, prefix }) => ({ host, prefix, args: ["--host", host, ...args] }));
  }

  /** `to` hears nothing more from `from`; the other way is open. */
  async cut(from: string, to: string): Promise<void> {
    const listener = this.all.find(({ host }) => host === to);
    if (listener === undefined) throw new Error(`no host has the address ${to}`);
    await nft(listener.name, `add rule inet cut input ip saddr ${from} drop`);
  }

  async heal(): Promise<void> {
    for (const { name } of this.all) await nft(name, "flush chain inet cut input");
  }

  async remove(): Promise<void> {
    for (const [at, { name }] of this.all.entries()) {
      // A namespace takes its links along later, at its leisure.
      await quietly(() => ip("link", "del", `hsv${at}`));
      await quietly(() => ip("netns", "del", name));
    }
    await quietly(() => ip("link", "del", BRIDGE));
  }
}

function ip(...args: readonly string[]): Promise<void> {
  return command(["ip", ...args]);
}

function nft(name: string, rule: string): Promise<void> {
  return command(["ip", "netns", "exec", name, "nft", rule]);
}

async function command(argv: readonly string[]): Promise<void> {
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")}: ${said.trim()}`);
}

async function quietly(run: () => Promise<void>): Promise<void> {
  await run().catch(() => {});
}
