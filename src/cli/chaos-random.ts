// `chaos random` from its settings to its exit code. What it does is chaos/random/'s.

import { HyperscaleError } from "../base/error.ts";
import { Operator } from "../chaos/operator.ts";
import { type ProfileName, PROFILES } from "../chaos/random/fault-plan.ts";
import { type RandomOutcome, runRandom } from "../chaos/random/run.ts";
import { WORKFLOW_SOURCE } from "../chaos/random/submits.ts";
import type { SeenNode } from "../chaos/targets.ts";
import { bundleSource } from "../engine/bundle.ts";
import { startCountingServer } from "../io/counting-server.ts";
import { verdictLines } from "../tui/verdict-lines.ts";
import { stderrLog } from "./asking.ts";
import { type Cluster, openCluster, placeAt, placeOf } from "./cluster.ts";
import { registryInUse } from "./chaos-registry.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK, EXIT_UNPROVEN, EXIT_VIOLATED } from "./exit.ts";
import { usesColor } from "./progress.ts";
import { countOf, durationOf, rateOf, refuse } from "./values.ts";

const FOR_MS = 60_000;
const FOR_MS_MIN = 10_000;
const PER_SECOND = 2;
/** How long the target takes for an answer: a job of twenty requests lasts a moment. */
const ANSWER_MS = 20;

/** Hurts the cluster and judges it. Out: 0 held, 1 violated, 3 proves nothing. */
export async function chaosRandom(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  const asked = settingsOf(invocation);
  const world = { ...(await invocation.openWorld()), log: stderrLog(invocation) };
  const operator = new Operator({
    registry: await registryInUse(invocation),
    clock: world.clock,
    environment: terminal.env,
  });
  const managers = requireCluster(await operator.look());
  const place = placeOf(invocation) ?? placeAt(invocation, managers);
  const source = await bundleSource(WORKFLOW_SOURCE, "chaos.js", terminal.directory);
  const clusters: Cluster[] = [];
  const server = startCountingServer(ANSWER_MS);
  const progress = (atMs: number, text: string): void => {
    if (!settings.is("quiet")) terminal.progress.write(`${(atMs / 1_000).toFixed(1).padStart(6)} s  ${text}\n`);
  };
  try {
    for (let at = 0; at < managers.length; at++) clusters.push(await openCluster(world, place));
    const outcome = await runRandom({
      ...asked,
      world,
      operator,
      server,
      clients: clusters.map(({ client }) => client),
      bundle: { code: source.code, entry: source.entry, files: {} },
      note: progress,
    });
    const { verdict, faults, durationMs } = outcome;
    const { profile, seed, forMs } = asked;
    await terminal.print(
      settings.is("json")
        ? `${JSON.stringify({ version: 1, profile, seed, forMs, durationMs, ...verdict, faults }, null, 2)}\n`
        : `${verdictLines({ ...verdict, profile, seed }, usesColor(terminal, settings, "output")).join("\n")}\n`,
    );
    return exitOf(outcome);
  } finally {
    for (const cluster of clusters) cluster.close();
    server.close();
  }
}

function exitOf({ verdict: { verdict } }: RandomOutcome): number {
  switch (verdict) {
    case "held":
      return EXIT_OK;
    case "violated":
      return EXIT_VIOLATED;
    case "invalid":
      return EXIT_UNPROVEN;
  }
}

function settingsOf({ settings }: Invocation) {
  const [forSetting, seedSetting, rateSetting] = [
    settings.one("for"),
    settings.one("seed"),
    settings.one("submit-rate"),
  ];
  const forMs = forSetting === null ? FOR_MS : durationOf(forSetting);
  if (forSetting !== null && forMs < FOR_MS_MIN) refuse(forSetting, `is less than ${FOR_MS_MIN / 1_000}s`);
  const { rate, timeUnitMs } = rateSetting === null ? { rate: PER_SECOND, timeUnitMs: 1_000 } : rateOf(rateSetting);
  return {
    profile: profileOf(settings.one("profile")),
    seed: seedSetting === null ? 1 : countOf(seedSetting, 0),
    forMs,
    perSecond: (rate / timeUnitMs) * 1_000,
  };
}

function profileOf(setting: ReturnType<Invocation["settings"]["one"]>): ProfileName {
  if (setting === null) return "mixed";
  switch (setting.text) {
    case "mixed":
    case "network":
    case "process":
    case "disk":
      return setting.text;
    default:
      return refuse(setting, "is no profile", `profiles: ${Object.keys(PROFILES).join(", ")}`);
  }
}

/** Where the managers are. Throws `invalid` when there is nothing to hurt. */
function requireCluster(nodes: readonly SeenNode[]) {
  const running = nodes.filter(({ presence }) => presence.kind === "running");
  const of = (role: "manager" | "worker"): readonly SeenNode[] => running.filter(({ entry }) => entry.role === role);
  const [managers, workers] = [of("manager"), of("worker")];
  if (managers.length < 3 || workers.length < 1)
    throw new HyperscaleError(
      "invalid",
      `chaos random needs three managers and a worker with --chaos on this machine; ${managers.length} and ` +
        `${workers.length} run`,
      { hint: "start them with --chaos; hyperscale chaos list shows them" },
    );
  return managers.flatMap(({ entry }) => entry.addresses.slice(0, 1));
}
