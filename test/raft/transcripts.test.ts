// Goal: every reaction of the core in the situations that matter is written down and reviewed. Method: transcripts in
// test/data/raft are performed and compared; RAFT_REWRITE=1 writes them anew (read the difference before committing
// it).

import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { perform } from "./transcript.ts";

const FOLDER = join(import.meta.dir, "../data/raft");

for (const file of readdirSync(FOLDER).sort()) {
  test(`the transcript ${file} is what the core does`, () => {
    const path = join(FOLDER, file);
    const written = readFileSync(path, "utf8");
    const performed = perform(written);
    if (process.env["RAFT_REWRITE"] === "1") writeFileSync(path, performed);
    else expect(performed).toBe(written);
  });
}

test("a transcript that says something else is not what the core does", () => {
  const written = "voters a\ntick a\n----\na  role leader term 9 leader a\n";
  expect(perform(written)).not.toBe(written);
  expect(() => perform("fly a")).toThrow("no such command: fly a");
});
