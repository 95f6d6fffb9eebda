// Goal: what was acknowledged is found again, or its loss is told, whatever happens to the disk under an 8 KiB log.
// Method: the checks of matrix.ts on the shipped code over the simulated disk; each says how many states it judged.

import { describe, expect, test } from "bun:test";
import { openWal, rebuildWal } from "../../src/node/consensus/wal-store.ts";
import { SimDisk } from "../../src/sim/disk.ts";
import { recover } from "../../src/wal/recover.ts";
import { firstSegment, nextSegment, writeFrame } from "../../src/wal/writer.ts";
import { MATRIX } from "./matrix.ts";

/** Far below what each check judges today: one that judges nothing must not pass. */
const STATES_MIN = 20;

describe("nothing acknowledged is lost silently", () => {
  for (const { name, run } of MATRIX) {
    test(
      name,
      async () => {
        const { violation, states } = await run({
          openWal,
          rebuildWal,
          recover,
          firstSegment,
          writeFrame,
          nextSegment,
          SimDisk,
        });
        expect(violation).toBeNull();
        expect(states).toBeGreaterThan(STATES_MIN);
      },
      60_000,
    );
  }
});
