// Goal: the core stays a pure function of its inputs. Method: its files import only each other and base
// (what they may name is judged for all pure folders by the architecture test); the same seed gives the same pool.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lan, view } from "../../src/swim/swim.ts";
import { addNode, addressOf, type Cluster, createCluster, kill, run } from "./cluster.ts";

const FOLDER = join(import.meta.dir, "../../src/swim");

test("the core imports only itself and base", () => {
  const files = readdirSync(FOLDER);
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) {
    for (const [, path = ""] of readFileSync(join(FOLDER, file), "utf8").matchAll(/from "([^"]+)"/g)) {
      const isAllowed = path.startsWith("./") || path.startsWith("../base/");
      expect(`${file} imports ${isAllowed ? "what it may" : path}`).toBe(`${file} imports what it may`);
    }
  }
});

/** A pool that starts, loses datagrams and a member, cloned every 8 s when `isCloning`. */
function life(seed: number, isCloning: boolean): Cluster {
  const config = lan({ label: "lab", seeds: [addressOf(0), addressOf(1)] });
  const cluster = createCluster(config, seed, { loss: 0.2, delayMaxMs: 30 });
  for (let index = 0; index < 8; index++) addNode(cluster, index);
  for (let part = 0; part < 3; part++) {
    run(cluster, cluster.now + 8_000);
    const [target] = [...cluster.nodes.values()].slice(7 - part);
    if (target !== undefined) kill(cluster, target, part === 1 ? "process" : "silent");
    if (isCloning) for (const node of cluster.nodes.values()) node.core = structuredClone(node.core);
  }
  run(cluster, cluster.now + 15_000);
  return cluster;
}

function story(cluster: Cluster): unknown {
  const { steps, datagrams, datagramBytes, streamBytes, deaths } = cluster;
  return {
    steps,
    datagrams,
    datagramBytes,
    streamBytes,
    deaths,
    views: [...cluster.nodes.values()].map(({ core }) => view(core)),
  };
}

test("the same seed gives the same story, another seed another one, and cloned states go on the same", () => {
  const first = story(life(1, false));
  expect(story(life(1, false))).toEqual(first);
  expect(story(life(1, true))).toEqual(first);
  expect(story(life(2, false))).not.toEqual(first);
});
