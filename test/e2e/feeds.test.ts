// Goal: rows of open() and data() files reach the VUs as `pick` says, dealt exactly over two cores. Method: every VU
// shows its row to the target, whose count of each row is the witness.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startTarget } from "../target/start.ts";
import { removeDirs, submit } from "./run.ts";

setDefaultTimeout(120_000);
afterAll(removeDirs);
const TWO_CORES = ["--cores", "2"];

describe("data feeds over two cores", () => {
  const CSV = `name,city\n${Array.from({ length: 40 }, (_, row) => `user${row},"city, ${row}"`).join("\n")}\n`;
  const feed = (url: string, pick: string, iterations: number): string => `
    import { data } from "hyperscale";
    const users = data("./users.csv", { pick: "${pick}" });
    export const options = { vus: 8, iterations: ${iterations} };
    export default async ({ http }) => {
      const user = users.next();
      if (user.city !== "city, " + user.name.slice(4)) throw new Error("a torn row: " + JSON.stringify(user));
      await http.get("${url}/seen?" + user.name);
    };`;

  test.concurrent("unique: every row once, exactly", async () => {
    await using target = await startTarget();
    const ended = await submit(feed(target.url, "unique", 40), TWO_CORES, { files: { "users.csv": CSV } });
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual(
      Object.fromEntries(Array.from({ length: 40 }, (_, row) => [`/seen?user${row}`, 1])),
    );
  });

  test.concurrent("unique: an iteration beyond the last row fails and says so, none gets a row twice", async () => {
    await using target = await startTarget();
    const ended = await submit(feed(target.url, "unique", 60), TWO_CORES, { files: { "users.csv": CSV } });
    const { total, paths } = await target.counts();
    expect(Object.values(paths).every((count) => count === 1)).toBe(true);
    expect(total).toBeLessThanOrEqual(40);
    expect(ended.output + ended.summaryText).toMatch(/users\.csv/);
  });

  test.concurrent("circular: in order and around, so that rows differ by one use at most", async () => {
    await using target = await startTarget();
    const ended = await submit(feed(target.url, "circular", 80), TWO_CORES, { files: { "users.csv": CSV } });
    expect(ended.exitCode).toBe(0);
    const { total, paths } = await target.counts();
    expect(total).toBe(80);
    expect(Object.keys(paths).length).toBeGreaterThanOrEqual(20);
  });

  test.concurrent("sequential: every VU walks the rows from the first", async () => {
    await using target = await startTarget();
    const scenario = `{ executor: "per-vu-iterations", vus: 4, iterations: 3 }`;
    const source = feed(target.url, "sequential", 0).replace(
      /options = .*;/,
      `options = { scenarios: { a: ${scenario} } };`,
    );
    const ended = await submit(source, TWO_CORES, { files: { "users.csv": CSV } });
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ "/seen?user0": 4, "/seen?user1": 4, "/seen?user2": 4 });
  });

  test.concurrent("random: rows of the file, and more than a few of them", async () => {
    await using target = await startTarget();
    const ended = await submit(feed(target.url, "random", 200), TWO_CORES, { files: { "users.csv": CSV } });
    expect(ended.exitCode).toBe(0);
    const { total, paths } = await target.counts();
    expect(total).toBe(200);
    // 200 draws of 40 rows miss any given row with probability 0.6 %: below 30 rows is not chance.
    expect(Object.keys(paths).length).toBeGreaterThan(30);
  });

  test.concurrent("JSON, JSON lines, arrays, and open() as text and bytes", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      import { data, open } from "hyperscale";
      const a = data("./a.json"), b = data("./b.jsonl"), c = data([{ n: 5 }, { n: 6 }]);
      const text = open("./body.txt"), bytes = open("./body.bin", "b");
      export const options = { vus: 1, iterations: 1 };
      export default async ({ http }) => {
        const lengths = [a.length, b.length, c.length, bytes.length];
        const seen = [a.next().n, b.next().n, c.next().n, bytes[1], ...lengths, text.trim()];
        await http.get("${target.url}/seen?" + seen.join("-"));
      };`,
      [],
      {
        files: {
          "a.json": `[{"n":1},{"n":2}]`,
          "b.jsonl": `{"n":3}\n{"n":4}\n{"n":5}\n`,
          "body.txt": "grüße\n",
          "body.bin": new Uint8Array([7, 255, 9]),
        },
      },
    );
    expect(ended.exitCode).toBe(0);
    expect((await target.counts()).paths).toEqual({ [`/seen?1-3-5-255-2-3-2-3-${encodeURIComponent("grüße")}`]: 1 });
  });
});
