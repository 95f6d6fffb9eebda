// What an embedded submit costs beside the engine itself: the same work by one engine thread alone and by
// `hyperscale submit` (manager, worker, ledger and reports in one process), in turns on core 0 against nginx on core 1.
// Writes bench/embedded.md; exit code 1 when submit's rate is more than 5 % below.
// Usage: bun bench/embedded.ts [--duration 10] [--rounds 5] [--connections 64] [--stolen 3]

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measured } from "./measured.ts";
import { startServer } from "./server.ts";
import { undisturbed } from "./stolen.ts";
import { machine, median } from "./table.ts";
import { tools, type Work } from "./tools.ts";

const RATIO_MIN = 0.95;

type Turn = { readonly perSecond: number; readonly cpuMicros: number };

const { values } = parseArgs({
  options: {
    duration: { type: "string", default: "10" },
    rounds: { type: "string", default: "5" },
    connections: { type: "string", default: "64" },
    stolen: { type: "string", default: "3" },
  },
});
const stolenMax = Number(values.stolen) / 100;
const submit = tools().find(({ name }) => name === "hyperscale");
if (submit === undefined || submit.path === null) throw new Error("dist/hyperscale is not there: run bun run build");
const dir = mkdtempSync(join(tmpdir(), "bench-"));
const server = await startServer(1);
const work: Work = { url: server.url, seconds: Number(values.duration), connections: Number(values.connections), dir };
const commands: Readonly<Record<"alone" | "submit", readonly string[]>> = {
  alone: [process.execPath, join(import.meta.dir, "engine-alone.ts"), work.url, values.connections, values.duration],
  submit: [submit.path, ...submit.args(work)],
};

async function turn(kind: keyof typeof commands): Promise<Turn> {
  const before = await server.requests();
  const run = await measured(commands[kind], { core: 0, cwd: dir, deadlineMs: (work.seconds + 60) * 1_000 });
  const served = (await server.requests()) - before;
  const { requests, perSecond } =
    kind === "submit" && submit !== undefined ? await submit.report(work, run.stdout) : JSON.parse(run.stdout);
  if (requests !== served) throw new Error(`${kind}: the server saw ${served} requests, ${requests} were counted`);
  return { perSecond, cpuMicros: (run.cpuSeconds * 1e6) / served };
}

const taken: { readonly alone: Turn[]; readonly submit: Turn[] } = { alone: [], submit: [] };
try {
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const kind of ["alone", "submit"] as const) {
      const said = (perSecond: number, stolenShare: number): string =>
        `${kind.padEnd(6)} ${perSecond.toFixed(0)}/s, ${(100 * stolenShare).toFixed(1)} % stolen`;
      const one = await undisturbed(
        () => turn(kind),
        stolenMax,
        ({ perSecond }, stolenShare) => console.error(`taken again: ${said(perSecond, stolenShare)}`),
      );
      taken[kind].push(one);
      console.error(`round ${round}/${values.rounds}  ${said(one.perSecond, one.stolenShare)}`);
    }
  }
} finally {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}

const rateOf = (turns: readonly Turn[]): number => median(turns.map(({ perSecond }) => perSecond));
const cpuOf = (turns: readonly Turn[]): number => median(turns.map(({ cpuMicros }) => cpuMicros));
const ratio = rateOf(taken.submit) / rateOf(taken.alone);
const isKept = ratio >= RATIO_MIN;
const row = (name: string, turns: readonly Turn[]): string =>
  `| ${name} | ${rateOf(turns).toFixed(0)} | ${cpuOf(turns).toFixed(1)} |`;
const text = `# What an embedded submit costs

One engine thread alone, and \`hyperscale submit\` with its manager and worker in the same process: ${work.connections} VUs
on core 0, nginx on core 1, ${work.seconds} s a run, ${values.rounds} rounds in turns; medians. By \`bun bench/embedded.ts\`.

${machine()}

| | requests a second | CPU us a request, start-up included |
| --- | ---: | ---: |
${row("engine thread alone", taken.alone)}
${row("submit", taken.submit)}

Submit reaches ${ratio.toFixed(3)} of the engine's rate; promised are ${RATIO_MIN}: ${isKept ? "kept" : "NOT KEPT"}.
`;
console.log(text);
await Bun.write(join(import.meta.dir, "embedded.md"), text);
process.exit(isKept ? 0 : 1);
