// Goal: the matrix sees bugs. Method: copies of the sources, each with one bug planted by replacing a piece of text,
// are run through the check of matrix.ts that is named beside the bug; the shipped code passes it (matrix.test.ts),
// they must not.

import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../source-files.ts";
import { MATRIX } from "./matrix.ts";
import type { Code } from "./under-test.ts";

type Mutant = {
  readonly name: string;
  /** Name of the check. */
  readonly caughtBy: string;
  readonly file: string;
  readonly before: string;
  readonly after: string;
};

const MUTANTS: readonly Mutant[] = [
  {
    name: "acknowledges before the sync",
    caughtBy: "a failed sync, a restart, a power cut",
    file: "src/node/consensus/wal-writer.ts",
    before: "    await this.#file.syncData();\n    this.#tail = written.tail;",
    after: "    this.#tail = written.tail;",
  },
  {
    name: "tries a failed sync again",
    caughtBy: "a failed sync, a restart, a power cut",
    file: "src/node/consensus/wal-writer.ts",
    before: "    await this.#file.syncData();\n    this.#tail = written.tail;",
    after: "    await this.#file.syncData().catch(() => this.#file.syncData());\n    this.#tail = written.tail;",
  },
  {
    name: "takes a damaged last frame for a torn one",
    caughtBy: "every flipped bit",
    file: "src/wal/recover.ts",
    before: `hasZeroSector(bytes, start, end) ? { kind: "torn", sector } : fault(suspect.reason)`,
    after: `{ kind: "torn", sector }`,
  },
  {
    name: "stops at the first bad frame, wherever it is",
    caughtBy: "every zeroed, copied or swapped sector and every cut of a sealed log",
    file: "src/wal/recover.ts",
    before: "  if (!isLast) return fault(",
    after: `  if (Math.abs(0) === 0) return { kind: "torn", sector };\n  if (!isLast) return fault(`,
  },
  {
    name: "leaves sectors of zeros without a mark",
    caughtBy: "every zeroed, copied or swapped sector and every cut of a sealed log",
    file: "src/wal/format.ts",
    before: "return 0xc0 + (lsn % 32);",
    after: "return 0;",
  },
  {
    name: "marks sectors with one bit",
    caughtBy: "every flipped bit",
    file: "src/wal/format.ts",
    before: "return 0xc0 + (lsn % 32);",
    after: "return 1 << (lsn % 7);",
  },
  {
    name: "goes on behind a torn frame without clearing it",
    caughtBy: "a power cut at every sync, with rolls and compaction",
    file: "src/node/consensus/wal-store.ts",
    before:
      "    await writeZeros(file, { start, end: Math.min(reach, tail.segmentBytes) });\n    await file.syncData();",
    after: "    await file.syncData();",
  },
  {
    name: "believes the page cache",
    caughtBy: "a failed sync, a restart, a power cut",
    file: "src/node/consensus/wal-store.ts",
    before: "      await writeAll(file, unproven.offset, unproven.bytes);",
    after: "      await file.sizeBytes();",
  },
  {
    name: "does not sync the folder after a roll",
    caughtBy: "a power cut within a flush of several frames",
    file: "src/node/consensus/wal-writer.ts",
    before:
      "    await this.#disk.syncDirectory(this.#settings.directory);\n" +
      "    await this.#whileFull(() => writeAll(this.#file, next.end",
    after: "    await this.#whileFull(() => writeAll(this.#file, next.end",
  },
  {
    name: "does not sync the header of a new segment",
    caughtBy: "a power cut at every sync, with rolls and compaction",
    file: "src/node/consensus/wal-writer.ts",
    before: "    await spare.syncData();\n",
    after: "",
  },
  {
    name: "restates nothing in a new segment",
    caughtBy: "a failed sync, a restart, a power cut",
    file: "src/node/consensus/wal-writer.ts",
    before: "isFirst ? [...restated, ...records] : records",
    after: "records",
  },
  {
    name: "drops a segment whose entries are not all in the snapshot",
    caughtBy: "a power cut at every sync, with rolls and compaction",
    file: "src/node/consensus/wal-writer.ts",
    before: "oldest.indexMax > index) return;",
    after: "oldest.indexMax > index + 3) return;",
  },
  {
    name: "ends a segment without syncing its end",
    caughtBy: "a failed sync, a restart, a power cut",
    file: "src/node/consensus/wal-writer.ts",
    before: "    await this.#file.syncData();\n    await this.#file.close();",
    after: "    await this.#file.close();",
  },
  {
    name: "acknowledges what still waits",
    caughtBy: "a power cut within a flush of several frames",
    file: "src/node/consensus/wal-writer.ts",
    before: "through: (this.#queue[0]?.sequence ?? this.#sequence + 1) - 1",
    after: "through: this.#sequence",
  },
  {
    name: "lets promises overtake entries",
    caughtBy: "a power cut within a flush of several frames",
    file: "src/node/consensus/wal-writer.ts",
    before: "    for (const { record } of this.#queue) {",
    after:
      '    this.#queue.sort((one, other) => Number(other.record?.kind === "state") - Number(one.record?.kind === "state"));\n' +
      "    for (const { record } of this.#queue) {",
  },
  {
    name: "does not know a roll that was cut off",
    caughtBy: "a power cut within a flush of several frames",
    file: "src/wal/recover.ts",
    before: "  return isZero(file.bytes, SECTOR_BYTES, file.bytes.length);",
    after: "  return false;",
  },
  {
    name: "forgets a cut",
    caughtBy: "a power cut at every sync, with rolls and compaction",
    file: "src/wal/replay.ts",
    before: "  replay.entries.length = Math.max(0, Math.min(replay.entries.length, from - first));\n",
    after: "",
  },
  {
    name: "does not miss the last segment",
    caughtBy: "lost, zeroed and exchanged segments",
    file: "src/wal/recover.ts",
    before: "if (at < files.length - 1) continue;",
    after: "if (at < files.length) continue;",
  },
  {
    name: "writes half and calls it whole",
    caughtBy: "write k takes half",
    file: "src/io/write-all.ts",
    before: "    taken += more;",
    after: "    taken = bytes.length;",
  },
];

const root = mkdtempSync(join(tmpdir(), "wal-mutants-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The sources with one replacement, loaded. */
async function mutated(mutant: Mutant, at: number): Promise<Code> {
  const directory = join(root, String(at));
  for (const folder of ["base", "wal", "io", "sim"])
    cpSync(join(ROOT, "src", folder), join(directory, "src", folder), { recursive: true });
  for (const name of ["wal-store.ts", "wal-writer.ts"])
    cpSync(join(ROOT, "src/node/consensus", name), join(directory, "src/node/consensus", name));
  const path = join(directory, mutant.file);
  const text = readFileSync(path, "utf8");
  const parts = text.split(mutant.before);
  expect(parts).toHaveLength(2);
  writeFileSync(path, parts.join(mutant.after));
  const modules = ["node/consensus/wal-store.ts", "wal/recover.ts", "wal/writer.ts", "sim/disk.ts"].map(
    (name) => import(join(directory, "src", name)),
  );
  const code: Code = Object.assign({}, ...(await Promise.all(modules)));
  return code;
}

describe("the matrix catches a log that", () => {
  for (const [at, mutant] of MUTANTS.entries()) {
    test(
      mutant.name,
      async () => {
        const code = await mutated(mutant, at);
        const check = MATRIX.find(({ name }) => name === mutant.caughtBy);
        const judged = await check?.run(code).catch((error: unknown) => ({ violation: String(error) }));
        expect(judged?.violation ?? "not caught").not.toBe("not caught");
      },
      60_000,
    );
  }
});
