// The client of bench/submits.ts, a process of its own: keeps so many submits under way for a while, and writes the ids
// that were acknowledged. Prints what it saw as one line of JSON. In: its settings as JSON in the first argument.

import { appendFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { mintJobId } from "../src/base/ids.ts";
import { JOBS_MAX } from "../src/ledger/submissions.ts";
import type { Submission } from "../src/node/submission.ts";
import { BUNDLE, jobPlan } from "../test/node/plans.ts";
import { clientOf } from "./managers.ts";

export const clientSettings = z.object({
  place: z.object({ dir: z.string(), ports: z.array(z.number()) }),
  /** Manager it talks to. */
  only: z.number(),
  inFlight: z.number(),
  warmUpMs: z.number(),
  runMs: z.number(),
  /** Whether every job has a content of its own. */
  isDistinct: z.boolean(),
  idsFile: z.string(),
});
export type ClientSettings = z.infer<typeof clientSettings>;

export const clientReport = z.object({
  /** Within `seconds`, which begin after the warm-up. */
  acknowledged: z.number(),
  refused: z.number(),
  refusals: z.array(z.string()),
  /** The time of the settings, less where the managers refused for good because as many jobs live as may. */
  seconds: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
  cpuSeconds: z.number(),
});
export type ClientReport = z.infer<typeof clientReport>;

if (import.meta.main) console.log(JSON.stringify(await run(clientSettings.parse(JSON.parse(process.argv[2] ?? "")))));

async function run(settings: ClientSettings): Promise<ClientReport> {
  const client = await clientOf(settings.place, settings.only);
  writeFileSync(settings.idsFile, "");
  const same: Submission = { plan: jobPlan(), bundle: BUNDLE, retries: 0 };
  const latencies: number[] = [];
  const refusals = new Set<string>();
  let acknowledged: string[] = [];
  let refused = 0;
  let number = 0;
  const beganAt = performance.now();
  const warmAt = beganAt + settings.warmUpMs;
  let endAt = warmAt + settings.runMs;
  let cpuAtWarm: NodeJS.CpuUsage | null = null;
  const submitting = async (): Promise<void> => {
    for (let now = performance.now(); now < endAt; now = performance.now()) {
      if (now >= warmAt) cpuAtWarm ??= process.cpuUsage();
      const id = mintJobId(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
      const plan = jobPlan({ name: `job ${++number}` });
      const submission = settings.isDistinct ? { ...same, plan } : same;
      try {
        await client.hand(id, submission);
        acknowledged.push(id);
        if (acknowledged.length >= 5_000) flush();
        const answeredAt = performance.now();
        if (answeredAt >= warmAt && answeredAt < endAt) latencies.push(answeredAt - now);
      } catch (error) {
        refused++;
        if (refusals.size < 5) refusals.add(String(error));
        if (isFull(error)) endAt = Math.min(endAt, performance.now());
      }
    }
  };
  const flush = (): void => {
    appendFileSync(settings.idsFile, acknowledged.map((id) => `${id}\n`).join(""));
    acknowledged = [];
  };
  await Promise.all(Array.from({ length: settings.inFlight }, submitting));
  flush();
  client.close();
  const cpu = process.cpuUsage(cpuAtWarm ?? undefined);
  latencies.sort((a, b) => a - b);
  const at = (part: number): number => latencies[Math.floor(part * (latencies.length - 1))] ?? 0;
  return {
    acknowledged: latencies.length,
    refused,
    refusals: [...refusals],
    seconds: (endAt - warmAt) / 1_000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}

/** Whether as many jobs live as may: what is submitted from here on measures refusals. */
function isFull(error: unknown): boolean {
  return error instanceof Error && error.message.includes(`${JOBS_MAX} jobs are live`);
}
