// Goal: a data folder keeps its node's id for good and counts its starts, and no other node takes it by mistake. Method:
// the simulated disk: loss of power at every call, faults, damage.

import { describe, expect, test } from "bun:test";
import { messageOf } from "../../src/base/error.ts";
import { createPrng } from "../../src/base/prng.ts";
import type { Random } from "../../src/io/world.ts";
import { type Identity, openIdentity, raiseBoot } from "../../src/node/identity.ts";
import { randomCrash, SimDisk } from "../../src/sim/disk.ts";

let drawn = 0;
const random: Random = { bytes: (count) => new Uint8Array(count).fill(++drawn) };

function open(disk: SimDisk, more: { role?: "manager" | "worker"; environment?: string } = {}): Promise<Identity> {
  const { role = "manager", environment = "prod" } = more;
  return openIdentity({ world: { disk: disk.boot(), random }, directory: "/data", role, environment });
}

const refusal = (promise: Promise<unknown>): Promise<string> => promise.then(() => "none", messageOf);

describe("a data folder", () => {
  test("keeps the id and counts starts", async () => {
    const disk = new SimDisk();
    const first = await open(disk);
    const second = await open(disk);
    expect(first.node).toMatch(/^[0-9a-f]{16}$/);
    expect([first.boot, second.boot]).toEqual([1, 2]);
    expect(second.node).toBe(first.node);
    expect(first.bootId).toMatch(/^1-[0-9a-f]{8}$/);
    expect(second.bootId).not.toBe(first.bootId);
  });

  test("counts on from what others know, and never back", async () => {
    const disk = new SimDisk();
    const { node } = await open(disk);
    await raiseBoot({ disk: disk.boot() }, "/data", 9);
    await raiseBoot({ disk: disk.boot() }, "/data", 4);
    expect(await open(disk)).toMatchObject({ node, boot: 10 });
  });

  test("other folders are other nodes", async () => {
    expect((await open(new SimDisk())).node).not.toBe((await open(new SimDisk())).node);
  });

  test("of another role or environment is refused with both names", async () => {
    const disk = new SimDisk();
    await open(disk);
    expect(await refusal(open(disk, { role: "worker" }))).toBe(
      "the data folder /data belongs to a manager, and this is a worker",
    );
    expect(await refusal(open(disk, { environment: "test" }))).toContain('"prod", and this node of "test"');
    expect((await open(disk)).boot).toBe(2);
  });

  test("never counts a start twice, wherever the power goes", async () => {
    const whole = new SimDisk();
    await open(whole);
    const callsOfOne = whole.calls;
    for (let call = 1; call <= callsOfOne; call++) {
      for (let seed = 0; seed < 8; seed++) {
        const disk = new SimDisk();
        const { node } = await open(disk);
        let calls = 0;
        disk.configure({ fault: () => (++calls >= call ? "io" : null) });
        const started = await open(disk).then(
          ({ boot }) => boot,
          () => 1,
        );
        disk.configure({ fault: () => null });
        disk.crash(randomCrash(createPrng(seed)));
        const after = await open(disk);
        expect(after.node).toBe(node);
        expect(after.boot).toBeGreaterThan(started);
      }
    }
  });

  test("with a damaged file is refused by name, and a failing disk says which", async () => {
    const disk = new SimDisk();
    await open(disk);
    disk.damage("/data/node.json", (bytes) => bytes.fill(0, 3, 9));
    expect(await refusal(open(disk))).toContain("/data/node.json is damaged");
    const broken = new SimDisk({ fault: () => "io" });
    expect(await refusal(open(broken))).toContain("the data folder /data: ");
  });
});
