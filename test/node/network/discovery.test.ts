// Goal: addresses follow what name servers say: asked again when somebody is missing, but not in a rush; kept when nobody
// answers. Method: a clock and names of the test's own.

import { expect, test } from "bun:test";
import type { Names } from "../../../src/io/names.ts";
import { addressKey } from "../../../src/node/network/dialler.ts";
import { Discovery, type Place } from "../../../src/node/network/discovery.ts";
import { VirtualClock } from "../fake-world.ts";

type Scene = {
  readonly discovery: Discovery;
  readonly clock: VirtualClock;
  readonly said: string[];
  readonly changes: string[];
  answer: readonly string[] | Error;
  asked: number;
  shown: () => string;
};

async function scene(places: readonly Place[], answer: readonly string[] | Error): Promise<Scene> {
  const clock = new VirtualClock();
  const said: string[] = [];
  const changes: string[] = [];
  const state = { answer, asked: 0 };
  const names: Names = {
    addresses: async () => {
      state.asked++;
      if (state.answer instanceof Error) throw state.answer;
      return state.answer;
    },
    services: async () => {
      state.asked++;
      if (state.answer instanceof Error) throw state.answer;
      return state.answer.map((host, at) => ({ host, port: 9_000 + 2 * at }));
    },
  };
  const note = (text: string): void => void said.push(text);
  const log = { debug: note, info: note, warn: note, error: note };
  const discovery = await Discovery.open(places, { clock, log, names });
  const shown = (): string => discovery.addresses.map(addressKey).join(" ");
  discovery.onChange((found) => changes.push(found.map(addressKey).join(" ")));
  return Object.assign(state, { discovery, clock, said, changes, shown });
}

/** Promises that were settled have been heard. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const NAME: Place = { kind: "name", name: "m.example", port: 9_000 };

test("every address of a name, every target of a service, every port of a range, each once", async () => {
  const fixed: Place = { kind: "fixed", address: { host: "a", port: 9_000 } };
  expect((await scene([fixed, NAME], ["a", "b"])).shown()).toBe("a:9000 b:9000");
  expect((await scene([{ kind: "service", name: "_h._tcp.example" }], ["a", "b"])).shown()).toBe("a:9000 b:9002");
  const range: Place = { kind: "range", host: "a", from: 9_000, to: 9_003 };
  const ports = await scene([range], []);
  expect(ports.shown()).toBe("a:9000 a:9001 a:9002 a:9003");
  expect(ports.clock.pending).toBe(0);
});

test("a name is asked again now and then, and who hears of changes hears of changes alone", async () => {
  const here = await scene([NAME], ["a"]);
  await here.clock.advance(30_000);
  await settled();
  expect([here.asked, here.changes]).toEqual([2, []]);
  here.answer = ["b", "c"];
  await here.clock.advance(30_000);
  await settled();
  expect([here.shown(), here.changes]).toEqual(["b:9000 c:9000", ["b:9000 c:9000"]]);
});

test("when somebody is missing it is asked sooner, but not in a rush", async () => {
  const here = await scene([NAME], ["a"]);
  here.answer = ["b"];
  for (let times = 0; times < 50; times++) here.discovery.again();
  await here.clock.advance(2_900);
  await settled();
  expect(here.asked).toBe(1);
  await here.clock.advance(200);
  await settled();
  expect([here.asked, here.shown()]).toEqual([2, "b:9000"]);
});

test("what was known stands while no server answers: said once, and once when one does again", async () => {
  const here = await scene([NAME], ["a"]);
  here.answer = new Error("timeout");
  for (let times = 0; times < 3; times++) {
    await here.clock.advance(30_000);
    await settled();
  }
  expect([here.shown(), here.said.length, here.asked]).toEqual(["a:9000", 1, 4]);
  here.answer = ["a"];
  await here.clock.advance(30_000);
  await settled();
  expect([here.said.length, here.changes]).toEqual([2, []]);
});

test("after close nothing is asked", async () => {
  const here = await scene([NAME], ["a"]);
  here.discovery.close();
  here.discovery.again();
  await here.clock.advance(100_000);
  await settled();
  expect([here.asked, here.clock.pending]).toEqual([1, 0]);
});
