// Goal: managers know what the jobs of others do, told once a second and only while there is something new; an idle one
// sets no timer. Method: the rates of an owner and of another manager over a clock of the test, joined by hand.

import { expect, test } from "bun:test";
import type { JobView } from "../../src/load/result.ts";
import { JobRates } from "../../src/node/job-rates.ts";
import type { NodeMessage } from "../../src/node/protocol.ts";
import { type Hello, PROTOCOL_MAJOR, PROTOCOL_MINOR } from "../../src/wire/handshake.ts";
import { VirtualClock } from "./fake-world.ts";

const OWNER: Hello = {
  major: PROTOCOL_MAJOR,
  minor: PROTOCOL_MINOR,
  environment: "default",
  cluster: null,
  role: "manager",
  node: "m1",
  boot: "b1",
  address: { host: "10.0.0.1", tcp: 1, udp: 1 },
  features: [],
};

const latency = { avg: 1, p50: 1, p90: 1, p95: 1, p99: 7, max: 9 };
const viewOf = (elapsedMs: number): JobView => ({
  id: "j",
  name: "shop",
  state: "running",
  elapsedMs,
  workflows: [],
  requests: elapsedMs,
  requestsPerSecond: 1_000,
  iterationsPerSecond: 10,
  failedRatio: 0,
  checks: { passes: 0, fails: 0 },
  bytesReceivedPerSecond: 0,
  bytesSentPerSecond: 0,
  latencyNow: latency,
  latencyAll: latency,
  histogram: [],
  cores: [],
  isSaturated: false,
  thresholds: [],
});

function joined(clock: VirtualClock): { owner: JobRates; other: JobRates; said: () => number } {
  const heard: ((from: Hello, message: NodeMessage) => void)[] = [];
  let said = 0;
  const listening = { onMessage: heard.push.bind(heard), peers: () => [], send: () => true };
  const other = new JobRates(clock, listening, (job) => (job === "gone" ? "m3" : "m1"));
  const send = (to: string, message: NodeMessage): boolean => {
    said++;
    for (const handle of heard) if (to === "m2") handle(OWNER, message);
    return true;
  };
  const peers = (): readonly Hello[] => [
    { ...OWNER, node: "m2" },
    { ...OWNER, node: "w1", role: "worker" },
  ];
  return { owner: new JobRates(clock, { onMessage: () => {}, peers, send }, () => "m1"), other, said: () => said };
}

test("what an owner's jobs do is told the other managers once a second, and no more once there is nothing new", async () => {
  const clock = new VirtualClock();
  const { owner, other, said } = joined(clock);
  expect(clock.pending).toBe(0);
  for (let at = 0; at < 30; at++) {
    owner.note("j", viewOf(at * 100));
    await clock.advance(100);
  }
  expect(said()).toBe(3);
  expect(other.of("j")).toMatchObject({ name: "shop", elapsedMs: 2_900, p99Ms: 7, requestsPerSecond: 1_000 });
  expect(owner.of("j")).toEqual(other.of("j"));
  expect(other.of("another")).toBeNull();
  await clock.advance(4_000);
  expect(said()).toBe(3);
  expect(clock.pending).toBe(0);
  expect(other.of("j")).not.toBeNull();
  await clock.advance(2_000);
  expect([owner.of("j"), other.of("j")]).toEqual([null, null]);
  // It goes on: so does the telling.
  owner.note("j", viewOf(9_000));
  await clock.advance(1_000);
  expect(said()).toBe(4);
  owner.note("j", viewOf(9_100));
  owner.close();
  owner.note("j", viewOf(9_200));
  await clock.advance(5_000);
  expect([said(), clock.pending]).toEqual([4, 0]);
});

test("who does not own a job any more, as far as is known here, is not believed", async () => {
  const clock = new VirtualClock();
  const { owner, other } = joined(clock);
  owner.note("gone", viewOf(100));
  owner.note("j", viewOf(100));
  await clock.advance(1_000);
  expect([other.of("gone"), other.of("j")?.elapsedMs]).toEqual([null, 100]);
});
