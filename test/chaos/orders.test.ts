// Goal: what is said on an admin socket is checked before anything happens, and threads and faults do what an order says.
// Method: orders as lines; a table of faults on a clock of its own; threads that only remember.

import { describe, expect, test } from "bun:test";
import { createPrng } from "../../src/base/prng.ts";
import { FaultTable } from "../../src/chaos/fault-table.ts";
import { type Answer, describeFault, FAULT_MS_MAX, type Fault, type Order } from "../../src/chaos/faults.ts";
import { faultyThreads } from "../../src/chaos/faulty-threads.ts";
import { answerTo } from "../../src/chaos/node-chaos.ts";
import type { EngineReply, EngineRequest } from "../../src/engine/messages.ts";
import type { Clock, Thread } from "../../src/io/world.ts";
import { Boot } from "../../src/sim/boot.ts";
import { Kernel } from "../../src/sim/kernel.ts";
import { HostClock, simClock } from "../../src/sim/clock.ts";

const DONE: Answer = { kind: "done", count: 1 };

describe("a line that is no order does nothing, and is told why:", () => {
  const lines: readonly (readonly [line: string, why: string])[] = [
    ["", "the order is not JSON"],
    ["{", "the order is not JSON"],
    ["null", "this is no order"],
    ['{"kind":"rm"}', "this is no order: kind"],
    ['{"kind":"inflict","forMs":1}', "this is no order: fault"],
    ['{"kind":"inflict","fault":{"kind":"diskFull"}}', "this is no order: forMs"],
    ['{"kind":"inflict","fault":{"kind":"diskFull"},"forMs":-1}', "this is no order: forMs"],
    [`{"kind":"inflict","fault":{"kind":"diskFull"},"forMs":${FAULT_MS_MAX + 1}}`, "this is no order: forMs"],
    ['{"kind":"inflict","fault":{"kind":"loss","ratio":2},"forMs":1}', "this is no order: fault.ratio"],
    ['{"kind":"inflict","fault":{"kind":"delay","ms":1e9},"forMs":1}', "this is no order: fault.ms"],
    [
      '{"kind":"inflict","fault":{"kind":"cut","peers":[{"host":"a"}],"direction":"both"},"forMs":1}',
      "fault.peers.0.tcp",
    ],
    ['{"kind":"heal","and":"more"}', "this is no order"],
  ];
  for (const [line, why] of lines)
    test(line === "" ? "(empty)" : line, () => {
      const orders: Order[] = [];
      const answer = answerTo(line, (order) => (orders.push(order), DONE));
      expect(answer.kind).toBe("refused");
      expect(answer.kind === "refused" ? answer.message : "").toContain(why);
      expect(orders).toEqual([]);
    });

  test("an order is obeyed", () => {
    const orders: Order[] = [];
    expect(answerTo('{"kind":"heal"}', (order) => (orders.push(order), DONE))).toEqual(DONE);
    expect(orders).toEqual([{ kind: "heal" }]);
  });
});

function tableInTime(): { readonly kernel: Kernel; readonly clock: Clock; readonly faults: FaultTable } {
  const kernel = new Kernel(1);
  const host = new HostClock(kernel, 0);
  const clock = simClock(kernel, host, { host: "node", boot: new Boot(1) });
  return { kernel, clock, faults: new FaultTable(clock, createPrng(1)) };
}

describe("a fault", () => {
  const full: Fault = { kind: "diskFull" };

  test("ends by itself after its time, and says how long it still has", () => {
    const { kernel, faults } = tableInTime();
    let changes = 0;
    faults.onChange(() => changes++);
    faults.inflict(full, 1_000);
    expect(faults.diskFailure).toBe("full");
    kernel.run(400);
    expect(faults.active).toEqual([{ fault: full, leftMs: 600 }]);
    kernel.run(1_001);
    expect([faults.diskFailure, faults.active.length, changes]).toEqual([null, 0, 2]);
  });

  test("of two the one that lasts longer stays", () => {
    const { kernel, faults } = tableInTime();
    faults.inflict({ kind: "delay", ms: 100 }, 500);
    faults.inflict({ kind: "delay", ms: 50 }, 1_500);
    expect(faults.delayMs).toBe(150);
    kernel.run(1_000);
    expect(faults.delayMs).toBe(50);
  });

  test("is over when it is healed, and does not end a later one when its time comes", () => {
    const { kernel, faults } = tableInTime();
    faults.inflict(full, 500);
    expect(faults.heal()).toBe(1);
    expect([faults.diskFailure, faults.heal()]).toEqual([null, 0]);
    faults.inflict(full, 2_000);
    kernel.run(1_000);
    expect(faults.diskFailure).toBe("full");
  });

  test("names nodes by their ports, under any name of this machine", () => {
    const { faults } = tableInTime();
    faults.inflict({ kind: "cut", peers: [{ host: "127.0.0.1", tcp: 700, udp: 701 }], direction: "out" }, 1_000);
    expect(faults.isCut({ host: "localhost", port: 700 }, "tcp", "out")).toBeTrue();
    expect(faults.isCut({ host: "127.0.0.1", port: 701 }, "udp", "out")).toBeTrue();
    expect(faults.isCut({ host: "127.0.0.1", port: 701 }, "tcp", "out")).toBeFalse();
    expect(faults.isCut({ host: "127.0.0.1", port: 700 }, "tcp", "in")).toBeFalse();
    expect(faults.isCut({ host: "10.0.0.1", port: 700 }, "tcp", "out")).toBeFalse();
    expect(faults.isCut(null, "tcp", "out")).toBeFalse();
  });

  test("is described in words", () => {
    const words = (fault: Fault): string => describeFault(fault);
    expect(words({ kind: "cut", peers: null, direction: "both" })).toBe("cut off from everybody");
    expect(words({ kind: "diskSlow", ms: 2_000 })).toBe("syncs 2s slower");
    expect(words({ kind: "loss", ratio: 0.2 })).toBe("loses 20 % of what it sends");
  });
});

describe("engine threads", () => {
  type Fake = Thread<EngineRequest, EngineReply> & { readonly posted: EngineRequest[]; isTerminated: boolean };
  function scene() {
    const { faults, kernel } = tableInTime();
    const made: Fake[] = [];
    const threads = faultyThreads(
      {
        spawn: () => {
          const fake: Fake = {
            posted: [],
            isTerminated: false,
            post: (request) => void fake.posted.push(request),
            onReply: () => {},
            onCrash: () => {},
            terminate: () => {
              fake.isTerminated = true;
            },
          };
          made.push(fake);
          return fake;
        },
      },
      faults,
    );
    return { faults, kernel, made, threads };
  }

  test("one that is crashed is ended, and its worker hears of it as of any crash; once", () => {
    const { threads, made } = scene();
    expect(threads.crashOne()).toBeFalse();
    const heard: string[] = [];
    threads.spawn().onCrash((message) => heard.push(message));
    expect(threads.crashOne()).toBeTrue();
    expect(made[0]?.isTerminated).toBeTrue();
    expect(heard).toEqual(["the thread was ended by hyperscale chaos"]);
    expect(threads.crashOne()).toBeFalse();
  });

  test("are slowed down, those that come later too, until the fault is over", () => {
    const { threads, made, faults, kernel } = scene();
    threads.spawn();
    faults.inflict({ kind: "slowCores", ratio: 0.8 }, 1_000);
    threads.spawn();
    kernel.run(1_001);
    const ratios = made.map(({ posted }) => posted.flatMap((one) => (one.kind === "throttle" ? [one.ratio] : [])));
    expect(ratios).toEqual([
      [0.8, 0],
      [0.8, 0],
    ]);
  });
});
