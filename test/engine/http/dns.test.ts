// Goal: names become addresses by the plan: fixed hosts, cache, selection, policy; and the client tries them in order.
// Method: a lookup that answers from a table and counts; time passed in.

import { describe, expect, test } from "bun:test";
import { Resolver } from "../../../src/engine/http/dns.ts";
import type { HttpPlan } from "../../../src/load/plan.ts";
import { openClient, reply, serveScript, serveText } from "./harness.ts";

const ADDRESSES = ["10.0.0.1", "::a", "10.0.0.2", "::b"];

function resolverOf(
  dns: Partial<HttpPlan["dns"]>,
  hosts: HttpPlan["hosts"] = {},
): { readonly resolver: Resolver; readonly looked: string[] } {
  const looked: string[] = [];
  const plan = { hosts, dns: { ttlMs: 1_000, select: "first", policy: "any", ...dns } } as const;
  return {
    looked,
    resolver: new Resolver(plan, async (host) => {
      looked.push(host);
      return ADDRESSES;
    }),
  };
}

async function addressesOf(resolver: Resolver, host = "h.test", nowMs = 0): Promise<readonly string[]> {
  return (await resolver.resolve(host, 80, nowMs)).addresses;
}

describe("policy and selection", () => {
  for (const [policy, expected] of [
    ["any", ["10.0.0.1", "::a", "10.0.0.2", "::b"]],
    ["preferIPv4", ["10.0.0.1", "10.0.0.2", "::a", "::b"]],
    ["preferIPv6", ["::a", "::b", "10.0.0.1", "10.0.0.2"]],
    ["onlyIPv4", ["10.0.0.1", "10.0.0.2"]],
    ["onlyIPv6", ["::a", "::b"]],
  ] as const) {
    test(policy, async () => expect(await addressesOf(resolverOf({ policy }).resolver)).toEqual(expected));
  }

  test("roundRobin takes turns within the preferred family", async () => {
    const { resolver } = resolverOf({ policy: "preferIPv4", select: "roundRobin" });
    const firsts = [];
    for (let at = 0; at < 4; at++) firsts.push((await addressesOf(resolver))[0]);
    expect(firsts).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"]);
  });

  test("random reaches every address, and keeps the others behind it", async () => {
    const { resolver } = resolverOf({ select: "random" });
    const firsts = new Set<string>();
    for (let at = 0; at < 200; at++) {
      const addresses = await addressesOf(resolver);
      expect([...addresses].sort()).toEqual([...ADDRESSES].sort());
      firsts.add(addresses[0] ?? "");
    }
    expect(firsts.size).toBe(4);
  });

  test("a policy that leaves no address is no such host", async () => {
    const resolver = new Resolver({ hosts: {}, dns: { ttlMs: 0, select: "first", policy: "onlyIPv6" } }, async () => [
      "10.0.0.1",
    ]);
    await expect(resolver.resolve("h.test", 80, 0)).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});

describe("cache", () => {
  test("a name is looked up once within its time to live, also by many at once", async () => {
    const { resolver, looked } = resolverOf({ ttlMs: 1_000 });
    await Promise.all([addressesOf(resolver), addressesOf(resolver), addressesOf(resolver, "h.test", 999)]);
    expect(looked.length).toBe(1);
    await addressesOf(resolver, "h.test", 1_000);
    expect(looked.length).toBe(2);
  });

  test("a failed lookup is not kept", async () => {
    let calls = 0;
    const resolver = new Resolver({ hosts: {}, dns: { ttlMs: 1_000, select: "first", policy: "any" } }, async () => {
      if (++calls === 1) throw new Error("down");
      return ["10.0.0.1"];
    });
    await expect(resolver.resolve("h.test", 80, 0)).rejects.toThrow("down");
    expect(await addressesOf(resolver)).toEqual(["10.0.0.1"]);
  });

  test("addresses and localhost need no lookup", async () => {
    const { resolver, looked } = resolverOf({});
    expect(await addressesOf(resolver, "192.0.2.1")).toEqual(["192.0.2.1"]);
    expect(await addressesOf(resolver, "::1")).toEqual(["::1"]);
    expect(await addressesOf(resolver, "localhost")).toEqual(["127.0.0.1", "::1"]);
    expect(looked).toEqual([]);
  });
});

describe("fixed hosts", () => {
  const hosts = {
    "a.test": "10.1.1.1",
    "a.test:8080": "10.2.2.2:9090",
    "*.w.test": "10.3.3.3",
    "x.w.test": "10.4.4.4",
    "six.test": "[::9]:81",
    "bare6.test": "::9",
    "name.test": "other.test:7",
  };
  for (const [host, port, address, endPort] of [
    ["a.test", 80, "10.1.1.1", 80],
    ["a.test", 8080, "10.2.2.2", 9090],
    ["deep.er.w.test", 80, "10.3.3.3", 80],
    ["x.w.test", 80, "10.4.4.4", 80],
    ["six.test", 80, "::9", 81],
    ["bare6.test", 80, "::9", 80],
    ["name.test", 80, "10.0.0.1", 7],
  ] as const) {
    test(`${host}:${port} is ${address} port ${endPort}`, async () => {
      const { addresses, port: found } = await resolverOf({}, hosts).resolver.resolve(host, port, 0);
      expect([addresses[0], found]).toEqual([address, endPort]);
    });
  }
});

describe("the client", () => {
  test("a fixed host is connected to under its own name", async () => {
    using server = serveText(reply("x"));
    using client = openClient({ hosts: { "shop.test:80": `127.0.0.1:${server.port}` } });
    const response = await client.http.get("http://shop.test/");
    expect([response.status, response.remote_ip, response.remote_port]).toEqual([200, "127.0.0.1", server.port]);
    expect(server.requests[0]?.head).toContain("\r\nHost: shop.test\r\n");
  });

  test("localhost reaches a server on either loopback address", async () => {
    for (const hostname of ["127.0.0.1", "::1"]) {
      using server = serveText(reply(hostname));
      using six = serveTextOn(hostname);
      using client = openClient();
      const port = hostname === "::1" ? six.port : server.port;
      expect((await client.http.get(`http://localhost:${port}/`)).remote_ip).toBe(hostname);
    }
  });

  test("an IPv6 address is written in brackets", async () => {
    using server = serveTextOn("::1");
    using client = openClient();
    const response = await client.http.get(`http://[::1]:${server.port}/`);
    expect([response.status, response.remote_ip]).toEqual([200, "::1"]);
    expect(server.requests[0]?.head).toContain(`\r\nHost: [::1]:${server.port}\r\n`);
  });

  test("an address that refuses gives way to the next; the attempt is recorded once", async () => {
    using server = serveText(reply("x"));
    using client = openClient(
      { dns: { ttlMs: 1_000, select: "first", policy: "any" } },
      { lookup: async () => ["127.0.0.2", "127.0.0.1"] },
    );
    const response = await client.http.get(`http://two.test:${server.port}/`);
    expect([response.status, response.remote_ip, client.owner.exchanges.length]).toEqual([200, "127.0.0.1", 1]);
  });
});

function serveTextOn(hostname: string): ReturnType<typeof serveText> {
  return serveScript((_, peer) => peer.write(reply(hostname)), { hostname });
}
