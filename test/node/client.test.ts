// Goal: a client that reaches nobody goes on trying, and costs nobody anything meanwhile. Method: virtual time, and
// streams on which every dial is refused until a test says otherwise.

import { expect, test } from "bun:test";
import { NetError } from "../../src/io/net-error.ts";
import type { Address } from "../../src/io/world.ts";
import { openClient } from "../../src/node/client.ts";
import { VirtualClock } from "./fake-world.ts";

const MANAGERS = [9_000, 9_002, 9_004].map((port) => ({ host: "10.0.0.1", port }));
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

test("managers that all refuse are tried at once, one after the other, then in rounds further and further apart", async () => {
  const clock = new VirtualClock();
  const dialled: { readonly port: number; readonly atMs: number }[] = [];
  const startMs = clock.nowMs();
  const connect = (to: Address): Promise<never> => {
    dialled.push({ port: to.port, atMs: clock.nowMs() - startMs });
    return Promise.reject(new NetError("refused", "connect to", to));
  };
  const streams = { connect, listen: () => Promise.reject(new Error("a client listens nowhere")) };
  const random = { bytes: (count: number) => new Uint8Array(count).fill(3) };
  const client = await openClient({
    world: { clock, random, streams, log: silent },
    managers: MANAGERS,
    environment: "default",
  });
  const asked = client.jobs().catch(() => {});
  await clock.advance(50);
  expect(new Set(dialled.map(({ port }) => port))).toEqual(new Set([9_000, 9_002, 9_004]));
  await clock.advance(60_000);
  const late = dialled.filter(({ atMs }) => atMs >= 30_000);
  // Three managers in rounds of two seconds.
  expect(late.length).toBeLessThanOrEqual(48);
  expect(late.length).toBeGreaterThanOrEqual(40);
  expect(new Set(late.map(({ port }) => port))).toEqual(new Set([9_000, 9_002, 9_004]));
  client.close();
  await asked;
});
