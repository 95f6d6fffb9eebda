// Goal: what the core says and to whom, word by word, in the situations that matter. Method: each file of
// test/data/swim is played and must come out as it is written. SWIM_TRANSCRIPTS=write makes them anew: read the
// diff.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { perform } from "./transcript.ts";

const FOLDER = join(import.meta.dir, "../data/swim");
const isWriting = process.env["SWIM_TRANSCRIPTS"] === "write";
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".txt"));

test("there are transcripts", () => expect(files.length).toBeGreaterThan(4));

for (const file of files) {
  test(`transcript ${file}`, () => {
    const path = join(FOLDER, file);
    const written = readFileSync(path, "utf8");
    const performed = perform(written);
    if (isWriting) writeFileSync(path, performed);
    else expect(performed).toBe(written);
  });
}

test("a transcript that says something else is refused", () => {
  const [file = ""] = files;
  const written = readFileSync(join(FOLDER, file), "utf8").replace("ping", "pong");
  expect(perform(written)).not.toBe(written);
});
