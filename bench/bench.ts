// The same work through hyperscale and its peers, each alone on core 0 against nginx on core 1, in turns. Prints rate,
// CPU per request, latencies and memory as a table with ratios; a whole run is written to bench/results.md. A turn in
// which the machine's host took more than --stolen per cent of a core is taken again, for every tool alike.
// Usage: bun run bench [--duration 10] [--rounds 3] [--connections 64] [--only hyperscale,wrk] [--stolen 3]

import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { measured } from "./measured.ts";
import { startServer, type Server } from "./server.ts";
import { undisturbed } from "./stolen.ts";
import { machine, promises, promisesText, table, type Round, type Row } from "./table.ts";
import { tools, versionOf, type Tool, type Work } from "./tools.ts";

const ROOT = join(import.meta.dir, "..");

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Bun.argv.slice(2),
    options: {
      duration: { type: "string", default: "10" },
      rounds: { type: "string", default: "3" },
      connections: { type: "string", default: "64" },
      only: { type: "string", default: "" },
      stolen: { type: "string", default: "3" },
    },
  });
  if (cpus().length < 2) throw new Error("the bench needs two cores: one for the generator, one for the server");
  const only = values.only === "" ? [] : values.only.toLowerCase().split(",");
  const chosen = tools().filter(
    (tool) => only.length === 0 || only.some((name) => tool.name.toLowerCase().startsWith(name)),
  );
  const missing = chosen.filter((tool) => tool.path === null).map((tool) => tool.name);
  const present = chosen.filter((tool) => tool.path !== null);
  if (missing.length > 0)
    log(
      `not there, left out: ${missing.join(", ")} (bench/install-peers.sh installs peers, "bun run build" hyperscale)`,
    );
  if (present.length === 0) throw new Error("nothing to run");

  const dir = mkdtempSync(join(tmpdir(), "bench-"));
  const server = await startServer(1);
  try {
    const work: Work = {
      url: server.url,
      seconds: Number(values.duration),
      connections: Number(values.connections),
      dir,
    };
    const stolenMax = Number(values.stolen) / 100;
    const rows = await inTurns(present, work, server, Number(values.rounds), stolenMax);
    const judged = promises(rows);
    console.log(`\n${table(rows)}\n\n${promisesText(judged)}`);
    const isWhole = only.length === 0 && present.some((tool) => tool.name === "hyperscale");
    if (isWhole) await writeResults(rows, work, server, missing);
    if (judged.some(({ isKept }) => !isKept)) process.exitCode = 1;
  } finally {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Round after round, each tool once in each: what drifts on the machine drifts for all. */
async function inTurns(
  present: readonly Tool[],
  work: Work,
  server: Server,
  rounds: number,
  stolenMax: number,
): Promise<readonly Row[]> {
  const taken = new Map<Tool, Round[]>(present.map((tool) => [tool, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const tool of present) {
      const name = tool.name.padEnd(20);
      const result = await undisturbed(
        () => once(tool, work, server),
        stolenMax,
        ({ perSecond }, stolenShare) => log(`taken again: ${name} ${saying(perSecond, stolenShare)}`),
      );
      taken.get(tool)?.push(result);
      log(`round ${round}/${rounds}  ${name} ${saying(result.perSecond, result.stolenShare)}`);
    }
  }
  return present.map((tool) => ({
    tool,
    version: versionOf(tool),
    command: commandText(tool, work),
    rounds: taken.get(tool) ?? [],
  }));
}

function saying(perSecond: number, stolenShare: number): string {
  return `${perSecond.toFixed(0).padStart(7)}/s, ${(100 * stolenShare).toFixed(1)} % stolen`;
}

async function once(tool: Tool, work: Work, server: Server): Promise<Omit<Round, "stolenShare">> {
  const before = await server.requests();
  const run = await measured([tool.path ?? "", ...tool.args(work)], {
    core: 0,
    cwd: work.dir,
    deadlineMs: (work.seconds + 60) * 1_000,
  });
  const served = (await server.requests()) - before;
  const { cpuSeconds, residentBytesMax } = run;
  return { ...(await tool.report(work, run.stdout)), served, cpuSeconds, residentBytesMax };
}

async function writeResults(
  rows: readonly Row[],
  work: Work,
  server: Server,
  missing: readonly string[],
): Promise<void> {
  const versions = rows.map((row) => `- ${row.tool.name} ${row.version}: \`${row.command}\``);
  const text = `# Results of \`bun run bench\`

${machine()}
- nginx ${server.version}, one worker on core 1, 12-byte answer, no access log
- every generator alone on core 0 (\`taskset -c 0\`)
- ${work.connections} connections or VUs, ${work.seconds}
  s a run, ${rows[0]?.rounds.length ?? 0} rounds in turns; medians
- of a core's time the host took at most ${(100 * stolenMost(rows)).toFixed(1)} % in a turn that counts
- not installed: ${missing.length === 0 ? "none" : missing.join(", ")}

${table(rows)}

CPU is user and system time of the whole process tree, start-up included, over the requests the server saw. Ratios
are hyperscale's number over the tool's: a rate above 1 and a CPU below 1 are in hyperscale's favour. "served -
reported" is nginx's own count less the tool's, for each round: tools that drop their open requests at the end
show up to ${work.connections}.

## Promises

${promisesText(promises(rows))}

## Versions and command lines

${versions.join("\n")}
`;
  await Bun.write(join(ROOT, "bench/results.md"), text);
  log("written to bench/results.md");
}

function stolenMost(rows: readonly Row[]): number {
  return Math.max(0, ...rows.flatMap((row) => row.rounds.map((round) => round.stolenShare)));
}

/** The command line as a reader can repeat it: no path of this machine, no port of this run. */
function commandText(tool: Tool, work: Work): string {
  const words = [tool.path ?? "", ...tool.args(work)].map((word) => {
    if (word.startsWith(`${ROOT}/`)) return relative(ROOT, word).replace("bench/.peers/bin/", "");
    return word.replace(`${work.dir}/`, "").replace(work.url.slice(0, -1), "http://127.0.0.1:8080");
  });
  return words.join(" ").replace(/^\/usr\/(local\/)?s?bin\//, "");
}

function log(text: string): void {
  console.error(text);
}

await main();
