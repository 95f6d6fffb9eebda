// Checks of the matrix that make calls of the disk fail, one at a time. Not a test itself.

import { createPrng, nextBelow } from "../../src/base/prng.ts";
import type { DiskFault } from "../../src/sim/disk.ts";
import { judge, open, reopen, type Code, type Disk, type Verdict } from "./under-test.ts";
import { contentText, workload, type Turn } from "./workload.ts";

type Failing = { readonly fault: DiskFault; readonly times: number };

/**
 * Call k fails, for every k until one run has no such call; then the process starts again, with and without a power
 * cut.
 */
export async function everyCall(code: Code, failing: Failing): Promise<Verdict> {
  const turns = workload({ turns: 24, seed: 5 });
  let states = 0;
  for (let k = 1; ; k++) {
    for (const restart of ["kill", "lose", "mix"] as const) {
      const disk = new code.SimDisk();
      let failed = 0;
      disk.configure({
        fault: ({ number, operation }) => {
          const isMeant =
            number >= k && number < k + failing.times && (failing.fault !== "short" || operation === "write");
          if (isMeant) failed++;
          return isMeant ? failing.fault : null;
        },
      });
      const run = await runUntilFailure(code, disk, turns);
      if (disk.calls < k) return { violation: null, states };
      if (run.violation !== null)
        return { violation: `call ${k} fails with ${failing.fault}: ${run.violation}`, states };
      const isHarmless = failing.fault === "short" || failed === 0;
      if (isHarmless && run.acked < turns.length)
        return { violation: `call ${k}, ${failing.fault}: the log stopped`, states };
      disk.configure({ fault: () => null });
      const prng = createPrng(k, "restart");
      if (restart === "lose") disk.crash(() => 0);
      if (restart === "mix") disk.crash((versions) => nextBelow(prng, versions + 1));
      states++;
      const violation = await judge(code, disk, turns, run);
      if (violation !== null)
        return { violation: `call ${k} fails with ${failing.fault}, then ${restart}: ${violation}`, states };
    }
  }
}

/** Runs the turns until the log fails. No acknowledgement may follow a failure. */
async function runUntilFailure(
  code: Code,
  disk: Disk,
  turns: readonly Turn[],
): Promise<{ acked: number; begun: number; violation: string | null }> {
  const run = { acked: 0, begun: 0, violation: null };
  const opened = await open(code, disk).catch(() => null);
  if (opened === null) return run;
  if (opened.kind === "corrupt") return { ...run, violation: `refused without damage: ${opened.refusal.message}` };
  for (const turn of turns) {
    let answer = opened.wal.append(turn.records);
    // Refused for want of space: nothing was taken, so it may be asked again.
    for (let tries = 0; answer === "disk_full" && tries < 1_000; tries++) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      answer = opened.wal.append(turn.records);
    }
    if (answer === "disk_full") return { ...run, violation: "the log stays full when there is space" };
    if (answer === "ok") run.begun++;
    const isAcked = await opened.wal.flush().then(
      () => answer === "ok",
      () => false,
    );
    if (!isAcked) break;
    run.acked++;
  }
  if (run.acked === turns.length) return run;
  const after = opened.wal.append([{ kind: "state", term: 99, payload: new Uint8Array(1) }]);
  const isLate =
    after === "ok" ||
    (await opened.wal.flush().then(
      () => true,
      () => false,
    ));
  return isLate ? { acked: run.acked, begun: run.begun, violation: "it acknowledges after a failure" } : run;
}

/** fsync fails, the process starts again without a power cut, believes what it finds, and then the power goes. */
export async function failedSyncThenRestart(code: Code): Promise<Verdict> {
  const turns = workload({ turns: 40, seed: 5 });
  let states = 0;
  for (let k = 1; ; k++) {
    const disk = new code.SimDisk();
    let syncs = 0;
    disk.configure({ fault: ({ operation }) => (operation === "syncData" && ++syncs === k ? "io" : null) });
    const run = await runUntilFailure(code, disk, turns);
    if (syncs < k) return { violation: null, states };
    disk.configure({ fault: () => null });
    const second = await reopen(code, disk);
    if (typeof second === "string") return { violation: `sync ${k} fails: ${second}`, states };
    const believed = contentText(second.recovery);
    states++;
    disk.crash(() => 0);
    const third = await reopen(code, disk);
    if (typeof third === "string") return { violation: `sync ${k} fails, then a crash: ${third}`, states };
    const found = contentText(third.recovery);
    if (found !== believed)
      return {
        violation: `sync ${k} fails (${run.acked} acknowledged): believed [${believed}], then found [${found}]`,
        states,
      };
  }
}
