// Measures how many submits a second three managers acknowledge, with etcd's put beside them in the same run, and
// whether every acknowledged job is there after all managers were killed at once; writes bench/submits.md. Built
// executable, loopback, TLS, fsync, no workers. Exit code 1 when a promised figure is not kept.
// Usage: bun bench/submits.ts [--seconds 30] [--port 21000] [--no-etcd] [--print]

import { readFileSync } from "node:fs";
import { getPriority, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { JOBS_MAX } from "../src/ledger/submissions.ts";
import { measureEtcd } from "./etcd.ts";
import { clientOf, Managers, type Usage } from "./managers.ts";
import { clientReport, type ClientReport, type ClientSettings } from "./submits-client.ts";
import { machine } from "./table.ts";

const { values: given } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    port: { type: "string", default: "21000" },
    "no-etcd": { type: "boolean", default: false },
    print: { type: "boolean", default: false },
  },
});
const FILE = join(import.meta.dir, "submits.md");
const RUN_MS = 1_000 * Number(given.seconds);
const PORT = Number(given.port);
const WARM_UP_MS = 5_000;
const IN_FLIGHT = 64;
const PROMISED = 3_000;
/** Of jobs that each have a content of their own. */
const PROMISED_DISTINCT = 1_500;
/** What one client may submit a second unless stated, and the part of it that has to be used. */
const LIMIT = 50;
const LIMIT_PART = 0.95;

type Measured = {
  readonly name: string;
  readonly client: ClientReport;
  /** Over the whole run, warm-up included; by manager, the one submitted to marked. */
  readonly cpuSeconds: readonly number[];
  readonly residentBytes: readonly number[];
  readonly restBytes: readonly number[];
  readonly leader: number;
  readonly jobs: number;
  readonly listed: number;
  readonly missing: number;
  /** From the start of all managers to the full list. */
  readonly backMs: number;
};

async function measure(
  name: string,
  options: { readonly args: readonly string[]; readonly isDistinct: boolean; readonly port: number },
): Promise<Measured> {
  const managers = new Managers({ basePort: options.port, args: options.args });
  try {
    managers.startAll();
    const leader = await managers.leader();
    const rest = managers.usage();
    const idsFile = join(managers.place.dir, "ids");
    const client = await submitTo(managers, {
      ...{ only: leader, inFlight: IN_FLIGHT, warmUpMs: WARM_UP_MS, runMs: RUN_MS },
      ...{ isDistinct: options.isDistinct, idsFile },
    });
    const after = managers.usage();
    await managers.kill();
    const killedAt = performance.now();
    managers.startAll();
    const listed = await listedJobs(managers);
    const acknowledged = readFileSync(idsFile, "utf8").split("\n").filter(Boolean);
    return {
      name,
      client,
      cpuSeconds: after.map(({ cpuSeconds }, at) => cpuSeconds - (rest[at]?.cpuSeconds ?? 0)),
      residentBytes: after.map(({ residentBytes }: Usage) => residentBytes),
      restBytes: rest.map(({ residentBytes }: Usage) => residentBytes),
      leader,
      jobs: acknowledged.length,
      listed: listed.size,
      missing: acknowledged.filter((id) => !listed.has(id)).length,
      backMs: performance.now() - killedAt,
    };
  } finally {
    await managers.end();
  }
}

/** The promise of so many a second. */
function atLeast({ name, client }: Measured, least: number): { readonly text: string; readonly isKept: boolean } {
  const perSecond = client.acknowledged / client.seconds;
  return {
    text: `${perSecond.toFixed(0)} acknowledged a second (limit ${least}; ${name})`,
    isKept: perSecond >= least,
  };
}

async function submitTo(managers: Managers, settings: Omit<ClientSettings, "place">): Promise<ClientReport> {
  const all: ClientSettings = { place: { dir: managers.place.dir, ports: [...managers.place.ports] }, ...settings };
  const child = Bun.spawn(["bun", join(import.meta.dir, "submits-client.ts"), JSON.stringify(all)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  return clientReport.parse(JSON.parse(await new Response(child.stdout).text()));
}

async function listedJobs(managers: Managers): Promise<ReadonlySet<string>> {
  await managers.leader();
  const client = await clientOf(managers.place);
  const jobs = await client.jobs();
  client.close();
  return new Set(jobs.map(({ id }) => id));
}

function row({ name, client, cpuSeconds, leader, jobs, missing, backMs, residentBytes, restBytes }: Measured): string {
  const perSecond = client.acknowledged / client.seconds;
  const share = (seconds: number): string => ((100 * seconds) / (client.seconds + WARM_UP_MS / 1_000)).toFixed(0);
  const cpu = cpuSeconds.map((seconds, at) => `${share(seconds)}${at === leader ? " (leads)" : ""}`).join(", ");
  const grown = residentBytes.map((bytes, at) => (bytes - (restBytes[at] ?? 0)) / Math.max(1, jobs) / 1_024);
  return `| ${[
    name,
    client.seconds.toFixed(0),
    perSecond.toFixed(0),
    client.p50Ms.toFixed(1),
    client.p99Ms.toFixed(1),
    client.refused,
    cpu,
    ((100 * client.cpuSeconds) / client.seconds).toFixed(0),
    jobs,
    missing,
    (backMs / 1_000).toFixed(1),
    `${Math.max(...residentBytes.map((bytes) => bytes / 1e6)).toFixed(0)}, ${Math.max(...grown).toFixed(2)}`,
  ].join(" | ")} |`;
}

const HEAD = [
  "| submits | seconds | acknowledged/s | p50 ms | p99 ms | given up | CPU of managers % | CPU of client % | " +
    "jobs acknowledged | missing after kill -9 of all | back after s | resident MB, KiB a job |",
  "| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | --- |",
];

const load = loadavg()
  .map((value) => value.toFixed(1))
  .join(", ");
const etcd = given["no-etcd"] ? null : await measureEtcd(PORT + 100);
const off = ["--submit-rate", "off"];
const same = await measure("of one content, --submit-rate off", { args: off, isDistinct: false, port: PORT });
const distinct = await measure("each its own content, --submit-rate off", {
  args: off,
  isDistinct: true,
  port: PORT + 20,
});
const limited = await measure("of one content, default limits", { args: [], isDistinct: false, port: PORT + 40 });
const all = [same, distinct, limited];
const promised = [
  atLeast(same, PROMISED),
  atLeast(distinct, PROMISED_DISTINCT),
  atLeast(limited, LIMIT_PART * LIMIT),
  {
    text: `${limited.client.refused} given up by a client that keeps ${IN_FLIGHT} in flight (${limited.name})`,
    isKept: limited.client.refused === 0,
  },
  ...all.map(({ name, missing, jobs }) => ({
    text: `${missing} of ${jobs} acknowledged jobs missing after all managers were killed (${name})`,
    isKept: missing === 0,
  })),
];
const toldText = limited.client.refusals
  .map((refusal) => `\nUnder the default limits the client was told, in the end: ${refusal}\n`)
  .join("");
const text = `# Submits, measured

Generated by \`bun bench/submits.ts\`: three managers of the built executable on loopback, TLS and fsync on, no workers,
${IN_FLIGHT} submits of a small job in flight from one client to the leader for ${RUN_MS / 1_000} s after
${WARM_UP_MS / 1_000} s of warm-up, or until ${JOBS_MAX} jobs live, as many as may. Then all managers are killed and
started again, and the jobs are listed.

${machine()}
- load of the machine before: ${load}; these processes ran at niceness ${getPriority()}

${[...HEAD, ...all.map(row)].join("\n")}

${etcd === null ? "etcd was not measured." : etcd}
${toldText}
## Promised figures

${promised.map(({ text: what, isKept }) => `- ${isKept ? "kept" : "BROKEN"}: ${what}`).join("\n")}
`;
console.log(text);
if (!given.print) await Bun.write(FILE, text);
process.exit(promised.every(({ isKept }) => isKept) ? 0 : 1);
