// Goal: a manager that does not answer is left alone for a moment, tried with one request, and trusted again; what is
// asked of others goes on meanwhile. Method: a clock that the test advances; proposals and pulls that are never
// answered.

import { describe, expect, test } from "bun:test";
import { BlobPull } from "../../../src/node/blobs/blob-pull.ts";
import { digestOf } from "../../../src/io/content-digest.ts";
import { Passing } from "../../../src/node/consensus/passing.ts";
import { PeerCircuits } from "../../../src/node/network/circuits.ts";
import type { Links } from "../../../src/node/network/links.ts";
import type { NodeMessage } from "../../../src/node/protocol.ts";
import type { Hello } from "../../../src/wire/handshake.ts";
import { VirtualClock } from "../fake-world.ts";
import { helloOf } from "../sim-managers.ts";

function broken(clock: VirtualClock, peer = "m1"): PeerCircuits {
  const circuits = new PeerCircuits(clock, 1);
  for (let at = 0; at < 5; at++) {
    const leave = circuits.ask(peer);
    if (leave === null) throw new Error("it opened too early");
    circuits.ended(leave, false);
  }
  return circuits;
}

describe("a circuit", () => {
  test("opens after failures in a row, lets one request try, and closes when that is answered", async () => {
    const clock = new VirtualClock();
    const circuits = broken(clock);
    expect(circuits.ask("m1")).toBeNull();
    expect(circuits.ask("m2")).not.toBeNull();
    expect(circuits.view()[0]).toEqual({ peer: "m1", state: "open", failures: 5, samples: 5, opens: 1 });
    await clock.advance(600);
    const probe = circuits.ask("m1");
    expect(circuits.view().find(({ peer }) => peer === "m1")?.state).toBe("half-open");
    expect(circuits.ask("m1")).toBeNull();
    if (probe !== null) circuits.ended(probe, true);
    expect(circuits.ask("m1")).not.toBeNull();
  });

  test("that opens again stays so for longer, yet seconds at most", async () => {
    const clock = new VirtualClock();
    const circuits = broken(clock);
    let longestMs = 0;
    for (let opening = 0; opening < 8; opening++) {
      let waitedMs = 0;
      for (; circuits.ask("m1") === null; waitedMs += 50) await clock.advance(50);
      longestMs = Math.max(longestMs, waitedMs);
      // The probe is not answered.
      await clock.advance(5_000);
    }
    expect(longestMs).toBeGreaterThan(2_000);
    expect(longestMs).toBeLessThanOrEqual(4_900);
  });

  test("is closed by a new link to the peer", () => {
    const circuits = broken(new VirtualClock());
    const ups: ((peer: Hello) => void)[] = [];
    circuits.follow({ onUp: (handle) => void ups.push(handle) });
    for (const up of ups) up(helloOf("m1", { node: "m1", boot: 1, bootId: "1-0" }, "manager"));
    expect(circuits.ask("m1")).not.toBeNull();
  });
});

describe("proposals passed to a leader", () => {
  test("that are never answered stop after a while, but for one now and then; an answer lets them all pass", async () => {
    const clock = new VirtualClock();
    const circuits = new PeerCircuits(clock, 1);
    const passing = new Passing(clock, circuits);
    const pass = (): number =>
      [1, 2, 3, 4, 5, 6, 7, 8].filter((sequence) => passing.mayPass("m1", "c", sequence)).length;
    // Said again without an answer it is the same try, as long as a slow disk may take.
    for (let atMs = 0; atMs < 4_500; atMs += 500) {
      expect(pass()).toBe(8);
      await clock.advance(500);
    }
    await clock.advance(1_000);
    pass();
    expect(circuits.view()[0]?.state).toBe("open");
    expect(pass()).toBeLessThan(8);
    await clock.advance(700);
    const probes = [11, 12, 13].filter((sequence) => passing.mayPass("m1", "c", sequence));
    expect(probes).toHaveLength(1);
    for (const sequence of probes) passing.answered("c", sequence);
    expect([21, 22, 23].every((sequence) => passing.mayPass("m1", "c", sequence))).toBe(true);
  });

  test("of a leader that is gone say nothing of the next", async () => {
    const clock = new VirtualClock();
    const circuits = new PeerCircuits(clock, 1);
    const passing = new Passing(clock, circuits);
    for (let sequence = 0; sequence < 20; sequence++) passing.mayPass("m1", "c", sequence);
    passing.turn();
    await clock.advance(10_000);
    for (let sequence = 0; sequence < 20; sequence++) expect(passing.mayPass("m2", "c", sequence)).toBe(true);
    expect(circuits.view().every(({ failures }) => failures === 0)).toBe(true);
  });
});

test("a pull asks whoever answers while the circuit of another is open", async () => {
  const clock = new VirtualClock();
  const circuits = broken(clock, "m1");
  const bytes = Uint8Array.of(1, 2, 3);
  const asked: string[] = [];
  const peers = ["m1", "m2"].map((node) => helloOf(node, { node, boot: 1, bootId: "1-0" }, "manager"));
  const links: Links = {
    address: { host: "", port: 0 },
    send: (to: string, _message: NodeMessage) => asked.push(to) > 0,
    sendTo: () => {},
    want: () => {},
    unwant: () => {},
    begin: () => {},
    peer: () => null,
    peers: () => peers,
    origin: () => null,
    nodeAt: () => null,
    drop: () => {},
    onMessage: () => {},
    onMisread: () => {},
    onUp: () => {},
    onDown: () => {},
    onRefused: () => {},
    close: () => {},
    counters: {
      ...{ messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0, unknown: 0, invalid: 0, shed: 0 },
      ...{ dials: 0, dialsFailed: 0, refusals: 0, forbidden: 0 },
    },
  };
  const digest = digestOf(bytes);
  const pull = new BlobPull({ clock, links, digest, from: ["m1"], timeoutMs: 30_000, circuits });
  expect(asked).toEqual(["m2"]);
  pull.part("m2", { digest, offset: 0, size: 3, bytes });
  expect(await pull.result).toEqual({ kind: "whole", bytes });
  expect(circuits.view().find(({ peer }) => peer === "m2")).toMatchObject({ failures: 0, samples: 1 });
});
