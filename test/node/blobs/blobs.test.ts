// Goal: blobs reach a majority before anybody relies on them and can be had from whoever keeps them. Method: managers
// on simulated hosts with a blob store each, kept apart, killed and damaged; a client that serves its own from memory.

import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../src/io/content-digest.ts";
import { createPrng, nextU32 } from "../../../src/base/prng.ts";
import { type BlobKeep, type Blobs, createBlobs, createMemoryStore } from "../../../src/node/blobs/blobs.ts";
import { openBlobStore } from "../../../src/node/blobs/blob-store.ts";
import { scanPack } from "../../../src/node/blobs/pack-format.ts";
import { openLinks } from "../../../src/node/network/links.ts";
import { SimHost } from "../../../src/sim/host.ts";
import { helloOf, type Manager, Managers, PORT } from "../sim-managers.ts";

type Kept = { readonly blobs: Blobs; readonly store: BlobKeep };

/** Blobs of each manager, by host; a new one in each life. */
function cluster(seed: number): { managers: Managers; kept: Map<string, Kept> } {
  const kept = new Map<string, Kept>();
  const managers = new Managers({
    seed,
    onOpen: (manager, replica) => {
      kept.delete(manager.host.name);
      const { world, links, identity } = manager;
      if (world === null || links === null || identity === null) return;
      void openBlobStore({ disk: world.disk, directory: "/data/blobs", graceMs: 1_000 }).then((store) => {
        const voters = () => replica.consensus.view().membership?.voters ?? [];
        kept.set(manager.host.name, {
          store,
          blobs: createBlobs({ world, self: identity.node, store, links, voters }),
        });
      });
    },
  });
  managers.until("a leader, and blobs everywhere", () => managers.leaders().length === 1 && kept.size === 3);
  managers.untilSettled();
  return { managers, kept };
}

function blobsOf(kept: Map<string, Kept>, manager: Manager): Kept {
  const found = kept.get(manager.host.name);
  if (found === undefined) throw new Error(`${manager.host.name} keeps blobs`);
  return found;
}

function content(seed: number, length: number): Uint8Array {
  const prng = createPrng(seed);
  return Uint8Array.from({ length }, () => nextU32(prng));
}

/** Runs until the promise is settled. */
function settle<Value>(
  managers: Managers,
  promise: Promise<Value>,
  limitMs = 30_000,
): { value?: Value; error?: string } {
  const result: { value?: Value; error?: string } = {};
  let isOver = false;
  promise.then(
    (value) => {
      result.value = value;
      isOver = true;
    },
    (error: unknown) => {
      result.error = String(error);
      isOver = true;
    },
  );
  managers.until("it is settled", () => isOver, limitMs);
  return result;
}

describe("replicate", () => {
  test("resolves once a majority keeps it, durable against a loss of power of all", () => {
    const { managers, kept } = cluster(1);
    const bytes = content(1, 300_000);
    const { value: digest } = settle(managers, blobsOf(kept, managers.leader()).blobs.replicate(bytes));
    expect(digest).toBe(digestOf(bytes));
    for (const { host } of managers.all) host.crash(() => 0);
    const holders = managers.all.filter(({ host }) => host.disk.peek(`/data/blobs/${digest}`) !== null);
    expect(holders.length).toBeGreaterThanOrEqual(2);
    for (const { host } of holders) expect(host.disk.peek(`/data/blobs/${digest}`)).toEqual(bytes);
  });

  test("many at once, each of its own content, share messages and syncs", () => {
    const { managers, kept } = cluster(12);
    const leader = managers.leader();
    const sentBefore = leader.links?.counters.messagesOut ?? 0;
    const callsBefore = leader.host.disk.calls;
    const { blobs } = blobsOf(kept, leader);
    const all = Promise.all(Array.from({ length: 200 }, (_, at) => blobs.replicate(content(1_000 + at, 400))));
    const digests = settle(managers, all).value ?? [];
    expect(new Set(digests).size).toBe(200);
    // Two others are told, by one message each; consensus goes on meanwhile.
    expect((leader.links?.counters.messagesOut ?? 0) - sentBefore).toBeLessThan(40);
    expect(leader.host.disk.calls - callsBefore).toBeLessThan(60);
    for (const { host } of managers.all) host.crash(() => 0);
    for (const { host } of managers.all) host.restart();
    managers.until("blobs everywhere again", () => kept.size === 3);
    const whole = [...kept.values()].filter(({ store }) => {
      const { value = [] } = settle(managers, Promise.all(digests.map((digest) => store.get(digest))));
      return value.length === 200 && value.every((bytes) => bytes?.length === 400);
    });
    expect(whole.length).toBeGreaterThanOrEqual(2);
  });

  test("of one content asked for twice, or told again while a disk is slow, is written once", () => {
    const { managers, kept } = cluster(13);
    const leader = managers.leader();
    for (const { host } of managers.all) host.disk.configure({ latencyMs: () => 1_500 });
    const bytes = content(13, 500);
    const { blobs } = blobsOf(kept, leader);
    expect(settle(managers, Promise.all([blobs.replicate(bytes), blobs.replicate(bytes)])).error).toBeUndefined();
    managers.run(10_000);
    for (const { host } of managers.all) {
      const pack = host.disk.peek("/data/blobs/00000001.pack") ?? new Uint8Array(0);
      expect(scanPack(pack, 1).records.map(({ digest }) => digest)).toEqual([digestOf(bytes)]);
    }
  });

  test("waits without a majority, and goes on when the others are back", () => {
    const { managers, kept } = cluster(2);
    const leader = managers.leader();
    const others = managers.all.filter((manager) => manager !== leader);
    for (const { host } of others) host.kill();
    let digest = "";
    void blobsOf(kept, leader)
      .blobs.replicate(content(2, 1_000))
      .then((said) => {
        digest = said;
      });
    managers.run(5_000);
    expect(digest).toBe("");
    others[0]?.host.restart();
    managers.until("a majority keeps it", () => digest !== "");
  });

  test("gives up after its time where one is given, by name", () => {
    const { managers, kept } = cluster(3);
    const leader = managers.leader();
    for (const manager of managers.all) if (manager !== leader) manager.host.kill();
    const { error } = settle(managers, blobsOf(kept, leader).blobs.replicate(content(3, 10), { timeoutMs: 2_000 }));
    expect(error).toContain("no majority of the managers has its content on disk in time: is a majority of them up?");
  });

  test("says that the disk is full from a content that did not fit until one does", () => {
    const { managers, kept } = cluster(5);
    const { host } = managers.leader();
    const { blobs } = blobsOf(kept, managers.leader());
    host.disk.configure({ fault: () => "full" });
    expect(settle(managers, blobs.keep(content(5, 10))).error).toContain("no space");
    expect(blobs.isDiskFull).toBe(true);
    host.disk.configure({ fault: () => null });
    settle(managers, blobs.keep(content(5, 10)));
    expect(blobs.isDiskFull).toBe(false);
  });

  test("[LD-38.1.1] an empty content and one of many parts go the same way", () => {
    const { managers, kept } = cluster(4);
    for (const length of [0, 1, 65_536, 65_537, 2_000_000]) {
      const { value } = settle(managers, blobsOf(kept, managers.leader()).blobs.replicate(content(length, length)));
      const keepers = async (): Promise<number> => {
        const found = await Promise.all([...kept.values()].map(({ store }) => store.find(value ?? "")));
        return found.filter((blob) => blob?.bytes === length).length;
      };
      let count = 0;
      managers.until("all keep it", () => {
        void keepers().then((now) => {
          count = now;
        });
        return count === 3;
      });
    }
  });
});

describe("pull", () => {
  test("finds it with whoever has it, and keeps it", () => {
    const { managers, kept } = cluster(5);
    const [first, second, third] = managers.all;
    if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
    const bytes = content(5, 200_000);
    const { value: digest = "" } = settle(managers, blobsOf(kept, third).blobs.keep(bytes));
    expect(settle(managers, blobsOf(kept, first).blobs.pull(digest)).value).toEqual(bytes);
    third.host.kill();
    expect(settle(managers, blobsOf(kept, second).blobs.pull(digest)).value).toEqual(bytes);
  });

  test("[LD-38.2.3] [LD-41.4.2] goes on with another holder when the first dies on the way", () => {
    const { managers, kept } = cluster(6);
    const [first, second, third] = managers.all;
    if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
    const bytes = content(6, 3_000_000);
    const { value: digest = "" } = settle(managers, blobsOf(kept, second).blobs.keep(bytes));
    settle(managers, blobsOf(kept, third).blobs.keep(bytes));
    const pulled = blobsOf(kept, first).blobs.pull(digest, { from: [second.identity?.node ?? ""] });
    managers.run(8);
    expect(first.host.disk.peek(`/data/blobs/${digest}`)).toBeNull();
    second.host.kill();
    expect(settle(managers, pulled).value).toEqual(bytes);
  });

  test("[LD-38.2.4] a damaged one is pulled anew from another", () => {
    const { managers, kept } = cluster(7);
    const leader = managers.leader();
    const bytes = content(7, 100_000);
    const { value: digest = "" } = settle(managers, blobsOf(kept, leader).blobs.replicate(bytes));
    managers.run(100);
    leader.host.disk.damage(`/data/blobs/${digest}`, (held) => held.fill(0, 5_000, 5_010));
    expect(settle(managers, blobsOf(kept, leader).blobs.pull(digest)).value).toEqual(bytes);
    expect(leader.host.disk.peek(`/data/blobs/${digest}`)).toEqual(bytes);
  });

  test("of what nobody has ends with a sentence", () => {
    const { managers, kept } = cluster(8);
    const digest = digestOf(content(8, 8));
    const { error } = settle(managers, blobsOf(kept, managers.leader()).blobs.pull(digest, { timeoutMs: 3_000 }));
    expect(error).toContain(`the blob ${digest} cannot be had`);
    expect(error).toContain("does not have it");
  });

  test("from a client that serves its own submission from memory", () => {
    const { managers, kept } = cluster(9);
    const bytes = content(9, 150_000);
    const store = createMemoryStore();
    const node = "00000000000000aa";
    let isLinked = false;
    const host = new SimHost(managers.network, "laptop");
    host.start((world) => {
      const identity = { node, boot: 1, bootId: "1-00000000" };
      void openLinks({ world, listen: null, hello: () => helloOf("laptop", identity, "client") }).then((links) => {
        createBlobs({ world, self: node, store, links, voters: () => [] });
        links.onUp(() => {
          isLinked = true;
        });
        links.want({ host: managers.leader().host.name, port: PORT });
      });
    });
    void store.put(bytes);
    managers.until("it is linked", () => isLinked);
    const pulled = settle(managers, blobsOf(kept, managers.leader()).blobs.pull(digestOf(bytes), { from: [node] }));
    expect(pulled.value).toEqual(bytes);
  });
});

describe("collect", () => {
  test("[LD-37.2.4] removes what nothing names, but not what is being replicated", () => {
    const { managers, kept } = cluster(10);
    const leader = managers.leader();
    const { blobs } = blobsOf(kept, leader);
    const { value: named = "" } = settle(managers, blobs.replicate(content(10, 100)));
    const { value: unnamed = "" } = settle(managers, blobs.replicate(content(11, 100)));
    for (const manager of managers.all) if (manager !== leader) manager.host.kill();
    void blobs.replicate(content(12, 100)).catch(String);
    managers.run(100);
    settle(managers, blobs.collect(new Set([named])));
    managers.run(2_000);
    expect(settle(managers, blobs.collect(new Set([named]))).value).toEqual([unnamed]);
    expect(settle(managers, blobs.have(named)).value).toBe(true);
    expect(settle(managers, blobs.have(digestOf(content(12, 100)))).value).toBe(true);
  });
});
