// Real threads: messages both ways in order, a crash told once, an endless loop ended; and where the engine's entry is,
// from source and inside the executable. Waits on messages with the runner's deadline.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createThreads, engineEntryUrl } from "../../src/io/threads.ts";

type Order = { readonly do: "echo" | "throw" | "exit" | "spin"; readonly value?: number };
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "threads-"));
  await writeFile(
    join(folder, "entry.ts"),
    `
    declare const self: { onmessage: (event: MessageEvent) => void };
    self.onmessage = ({ data }) => {
      if (data.do === "echo") postMessage(data.value);
      if (data.do === "throw") throw new Error("boom");
      if (data.do === "exit") process.exit(3);
      if (data.do === "spin") { postMessage(-1); for (;;); }
    };`,
  );
});
afterAll(() => rm(folder, { recursive: true }));

function spawn() {
  return createThreads<Order, number>(pathToFileURL(join(folder, "entry.ts")).href).spawn();
}

test("replies come in order, also those from before anybody listened", async () => {
  const thread = spawn();
  const replies: number[] = [];
  for (let value = 0; value < 100; value++) thread.post({ do: "echo", value });
  await new Promise<void>((resolve) =>
    thread.onReply((reply) => {
      replies.push(reply);
      if (reply === 99) resolve();
    }),
  );
  expect(replies).toEqual(Array.from({ length: 100 }, (_, at) => at));
  thread.terminate();
});

test.each([
  ["throw", /boom/],
  ["exit", /ended with code 3/],
] as const)("a thread that does %s is told of once, with the reason", async (what, reason) => {
  const thread = spawn();
  const messages: string[] = [];
  const crashed = new Promise<void>((resolve) =>
    thread.onCrash((message) => {
      messages.push(message);
      resolve();
    }),
  );
  thread.post({ do: what });
  await crashed;
  // A second thread's answer comes after anything the first could still have to say.
  const other = spawn();
  other.post({ do: "echo", value: 1 });
  await new Promise<void>((resolve) => other.onReply(() => resolve()));
  expect(messages).toHaveLength(1);
  expect(messages[0]).toMatch(reason);
  other.terminate();
  thread.terminate();
});

test("an endless loop ends with terminate, silently", async () => {
  const thread = spawn();
  let crashes = 0;
  thread.onCrash(() => {
    crashes++;
  });
  thread.post({ do: "spin" });
  await new Promise<void>((resolve) => thread.onReply(() => resolve()));
  thread.terminate();
  thread.terminate();
  const other = spawn();
  other.post({ do: "echo", value: 1 });
  await new Promise<void>((resolve) => other.onReply(() => resolve()));
  other.terminate();
  expect(crashes).toBe(0);
});

test("the entry lies beside io/ in the source tree and under the root of the executable", () => {
  expect(engineEntryUrl("file:///home/x/src/io/threads.ts")).toBe("file:///home/x/src/engine/entry.ts");
  expect(engineEntryUrl("file:///$bunfs/root/hyperscale")).toBe("file:///$bunfs/root/engine/entry.ts");
  expect(engineEntryUrl("file:///B:/~BUN/root/hyperscale.exe")).toBe("file:///B:/~BUN/root/engine/entry.ts");
});
