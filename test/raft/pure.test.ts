// Goal: the core stays a pure function of its inputs. Method: its text names no clock, randomness, timer, promise or
// I/O; its state survives structuredClone in every role; the same events give the same effects.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { addFormed, bytes, type Cluster, createCluster, give, leaderOf, nodeOf, runFor } from "./cluster.ts";
import * as shipped from "../../src/raft/raft.ts";
import { tight } from "./swarm.ts";

const FOLDER = join(import.meta.dir, "../../src/raft");
const BANNED =
  /\b(Date|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|Promise|async|await|Bun|process|performance|crypto|fetch|console)\b|["']node:/;

function codeOf(file: string): string {
  return readFileSync(join(FOLDER, file), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\/\/.*$/gm, "")
    .replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => (quoted.startsWith('"node:') ? quoted : '""'));
}

test("no file of the core names a clock, randomness, timers, promises or I/O", () => {
  const files = readdirSync(FOLDER);
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) expect(`${file}: ${BANNED.exec(codeOf(file))?.[0] ?? "clean"}`).toBe(`${file}: clean`);
});

test("the core imports only itself and base", () => {
  for (const file of readdirSync(FOLDER)) {
    for (const [, path] of readFileSync(join(FOLDER, file), "utf8").matchAll(/from "([^"]+)"/g)) {
      const isAllowed = path?.startsWith("./") === true || path?.startsWith("../base/") === true;
      expect(`${file} imports ${isAllowed ? "what it may" : path}`).toBe(`${file} imports what it may`);
    }
  }
});

/** Gives both cores the same event and compares their effects. */
function twinCore(): {
  readonly core: Pick<typeof shipped, "create" | "step" | "deadline" | "view">;
  readonly count: () => number;
} {
  let steps = 0;
  return {
    count: () => steps,
    core: {
      ...shipped,
      step: (state, now, event) => {
        const twin = structuredClone(state);
        const effects = shipped.step(state, now, event);
        expect(shipped.step(twin, now, structuredClone(event))).toEqual(effects);
        expect(shipped.deadline(twin)).toBe(shipped.deadline(state));
        expect(twin).toEqual(state);
        steps++;
        return effects;
      },
    },
  };
}

function propose(cluster: Cluster, count: number): void {
  for (let sequence = 1; sequence <= count; sequence++) {
    const leader = leaderOf(cluster);
    if (leader !== null)
      give(cluster, leader.id, {
        kind: "propose",
        proposals: [{ client: "c", sequence, since: 0, command: bytes(`v${sequence}`) }],
      });
    runFor(cluster, 10);
  }
}

test("a clone of the state, given the same event, does the same in every role", () => {
  const twins = twinCore();
  const cluster = createCluster({ seed: 3, configOf: tight, core: twins.core });
  addFormed(cluster, ["a", "b", "c"]);
  expect(runFor(cluster, 3_000, () => leaderOf(cluster) !== null)).toBe(true);
  propose(cluster, 40);
  const leader = leaderOf(cluster);
  nodeOf(cluster, leader?.id ?? "").pausedUntil = cluster.now + 3_000;
  runFor(cluster, 4_000);
  expect(leaderOf(cluster)?.id).not.toBe(leader?.id);
  expect(twins.count()).toBeGreaterThan(300);
});

test("the monotonic clock going back is a bug of the caller and is asserted", () => {
  const state = shipped.create(
    shipped.lan("a"),
    { hard: shipped.BLANK, snapshot: null, entries: [] },
    { seed: 1, now: 100 },
  );
  expect(() => shipped.step(state, 99, { kind: "tick" })).toThrow("the monotonic clock never goes back");
  expect(shipped.step(state, 1e9, { kind: "tick" })).toEqual([]);
});
