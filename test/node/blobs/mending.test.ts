// Goal: what is missing is fetched, many at once, once each, and not after this manager stops. Method: blobs that the test
// answers for.

import { expect, test } from "bun:test";
import { fetchMissing } from "../../../src/node/blobs/mending.ts";

class Scene {
  readonly pulled: string[] = [];
  underWay = 0;
  most = 0;
  isOver = false;

  fetch(names: readonly string[], give: (name: string) => Promise<void>) {
    const blobs = {
      have: async (name: string) => name.startsWith("here"),
      pull: async (name: string) => {
        this.pulled.push(name);
        this.most = Math.max(this.most, ++this.underWay);
        await give(name).finally(() => this.underWay--);
        return new Uint8Array(0);
      },
    };
    return fetchMissing(blobs, names, () => this.isOver);
  }
}

const names = Array.from({ length: 100 }, (_, at) => (at % 4 === 0 ? `here ${at}` : `away ${at}`));
const away = names.filter((name) => name.startsWith("away"));

test("what is not here is pulled, each once and 32 at a time; what nobody gives is counted", async () => {
  const scene = new Scene();
  const outcome = await scene.fetch(names, async (name) => {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    if (name.endsWith("1")) throw new Error("nobody has it");
  });
  expect(scene.pulled.toSorted()).toEqual(away.toSorted());
  expect(scene.most).toBe(32);
  const missing = away.filter((name) => name.endsWith("1")).length;
  expect(outcome).toEqual({ fetched: away.length - missing, missing });
});

test("nothing is begun once this manager stops", async () => {
  const scene = new Scene();
  await scene.fetch(names, async () => {
    scene.isOver = true;
  });
  expect(scene.pulled.length).toBeLessThanOrEqual(32);
});
