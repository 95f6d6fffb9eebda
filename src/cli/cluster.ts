// A cluster as the command line talks to it: which managers, what it means when nobody answers, and a job that runs
// there, followed as one in this process is. How a client finds a manager and stays with the job is node/client.ts's.

import { addressText } from "../base/address.ts";
import { HyperscaleError } from "../base/error.ts";
import { mintJobId } from "../base/ids.ts";
import { formatDuration } from "../base/units.ts";
import type { Log } from "../io/log.ts";
import type { Credentials } from "../io/security/credentials.ts";
import type { CredentialsGiven } from "../io/security/bind-problem.ts";
import type { NodeWorld, Timer } from "../io/world.ts";
import type { JobResult } from "../load/result.ts";
import { openClient } from "../node/client.ts";
import type { ClientContact, ClusterClient, ContactFailure } from "../node/cluster-client.ts";
import { setPatientTimer } from "../node/deadline-timer.ts";
import type { LiveEvent } from "../node/messages.ts";
import type { Discovery } from "../node/network/discovery.ts";
import { type NodeAddress, streamsAt } from "../node/station.ts";
import type { JobStart, RunningJob, StartJob } from "./embedded.ts";
import type { Invocation } from "./command.ts";
import { credentialsGiven } from "./credentials-given.ts";
import { environmentOf } from "./node-settings.ts";
import { openDiscovery, type Places, placesOf, placesText } from "./places.ts";

/** Whoever is asked has so long to take a connection, and so long to answer. */
const REACH_MS = 10_000;
const ANSWER_MS = 45_000;
/** A job that runs is followed however long nobody answers; after so long it is said. */
const QUIET_MS = 3_000;
/** Who is linked and says nothing, for longer than twice what is asked again every 2 s, is not there either. */
const MUTE_MS = 5_000;
const LOOK_MS = 250;
/** All that answer refuse: so long it is tried again, and so long while a job is followed that they took before. */
const REFUSED_MS = 1_000;
const REFUSED_FOLLOWING_MS = 60_000;

/** What one who asks a cluster may be. */
export type Visitor = "client" | "operator";

/** Where a cluster is, and what this client proves itself with there. */
export type ClusterPlace = {
  /** Those that are written down; others are looked for. */
  readonly managers: readonly NodeAddress[];
  readonly discover: (ports: { readonly clock: NodeWorld["clock"]; readonly log: Log }) => Promise<Discovery | null>;
  /** All of them, as people write them. */
  readonly text: string;
  readonly environment: string;
  readonly given: CredentialsGiven;
  readonly credentials: (epochMs: number, role: Visitor) => Promise<Credentials>;
};

/** The managers of the settings. Out: null when none are given. Throws `invalid`. */
export function placeOf(invocation: Invocation): ClusterPlace | null {
  const { listed, sought } = placesOf(invocation.settings.all("managers"));
  return listed.length === 0 && sought.length === 0 ? null : placeAt(invocation, listed, sought);
}

/** Nodes of a cluster that are reached as the settings say. Throws `invalid`. */
export function placeAt(
  invocation: Invocation,
  managers: readonly NodeAddress[],
  sought: Places["sought"] = [],
): ClusterPlace {
  const given = credentialsGiven(invocation);
  const places = { listed: managers, sought };
  return {
    managers,
    discover: (ports) => openDiscovery(invocation.settings, places, ports),
    text: placesText(places),
    environment: environmentOf(invocation.settings),
    given,
    credentials: async (epochMs, role) => {
      const { openGiven } = await import("./credentials.ts");
      return openGiven(invocation, { given, role, host: null, epochMs });
    },
  };
}

/** The managers of the settings. Throws `invalid` when none are given. */
export function requiredPlace(invocation: Invocation): ClusterPlace {
  const place = placeOf(invocation);
  if (place !== null) return place;
  throw new HyperscaleError("invalid", "--managers: the addresses of a cluster's managers are missing", {
    hint: "give one or more, like --managers 127.0.0.1:9000, or set HYPERSCALE_MANAGERS",
  });
}

export type Cluster = {
  readonly client: ClusterClient;
  /** The answer; throws `cluster` when nobody can be reached, or nothing is decided in time. */
  answer<Answer>(asked: Promise<Answer>): Promise<Answer>;
  close(): void;
};

/** In: a world whose log is shown. */
export async function openCluster(
  world: NodeWorld,
  place: ClusterPlace,
  { as = "client", ...options }: { readonly acceptsAnyNode?: boolean; readonly as?: Visitor } = {},
): Promise<Cluster> {
  const { managers, environment } = place;
  // Not loaded for a job that runs in this process.
  const { secureWorld } = await import("../io/security/secure-world.ts");
  const secured = secureWorld(world, await place.credentials(world.clock.epochMs(), as));
  await secured.tested;
  const discovery = await place.discover(world);
  const listed = managers.map(streamsAt);
  const client = await openClient({
    world: secured.world,
    get managers() {
      return discovery?.addresses ?? listed;
    },
    onMove: () => discovery?.again(),
    environment,
    ...options,
  });
  return {
    client,
    answer: (asked) => answered({ world, place, contact: () => client.contact() }, asked),
    close: () => {
      discovery?.close();
      client.close();
    },
  };
}

type Asking = {
  readonly world: Pick<NodeWorld, "clock" | "log">;
  readonly place: ClusterPlace;
  readonly contact: () => ClientContact;
};

function answered<Answer>({ world: { clock, log }, place, contact }: Asking, asked: Promise<Answer>): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const beganAtMs = clock.nowMs();
  let linkedAtMs = beganAtMs;
  let timer: Timer | null = null;
  let said = "";
  const look = (): void => {
    const nowMs = clock.nowMs();
    const now = contact();
    if (now.address !== null) linkedAtMs = nowMs;
    const silentMs = nowMs - linkedAtMs;
    const why = nowMs - beganAtMs >= QUIET_MS ? whyWaiting(now) : said;
    if (why !== said) log.warn(`waiting: ${why}`);
    said = why;
    if (silentMs >= REACH_MS || (silentMs >= REFUSED_MS && isRefused(now, place)))
      return reject(unreachable(now, place, silentMs));
    if (nowMs - beganAtMs >= ANSWER_MS) return reject(undecided(now));
    timer = clock.setTimer(LOOK_MS, look);
  };
  look();
  asked.then(resolve, reject);
  return promise.finally(() => timer?.cancel());
}

/** Why there is no answer yet. */
function whyWaiting({ address, failures, undecided: why }: ClientContact): string {
  if (why !== null) return why;
  if (address !== null) return `${placeText(address)} has not answered yet: is a majority of the managers up?`;
  return failures.length === 0 ? "nobody answers yet" : `nobody answers yet: ${tried(failures)}`;
}

function tried(failures: readonly ContactFailure[]): string {
  return failures.map(({ address, why }) => `${placeText(address)} (${why})`).join(", ");
}

function placeText({ host, port }: ContactFailure["address"]): string {
  return addressText({ host, tcp: port });
}

/** Somebody is there, and one of the two does not accept the other: waiting does not help. */
function isDenial({ failure }: ContactFailure): boolean {
  return failure === "denied" || failure === "handshake";
}

function isRefusal(failed: ContactFailure): boolean {
  return isDenial(failed) || failed.failure === "role";
}

function isRefused({ failures }: ClientContact, { managers }: ClusterPlace): boolean {
  return failures.length >= Math.max(1, managers.length) && failures.every(isRefusal);
}

function unreachable({ failures }: ClientContact, { given }: ClusterPlace, silentMs: number): HyperscaleError {
  const where = failures.length === 0 ? "" : `: ${tried(failures)}`;
  const text = failures.some(isDenial)
    ? "no node takes this client"
    : failures.some(isRefusal)
      ? "no manager answered"
      : "no node answered";
  return new HyperscaleError("cluster", `${text} within ${formatDuration(100 * Math.round(silentMs / 100))}${where}`, {
    hint: failures.some(isDenial)
      ? CREDENTIAL_HINTS[given.kind]
      : failures.some(isRefusal)
        ? "hyperscale status NODE asks any node, and shows where the managers are"
        : "are the managers running, and are these their TCP ports? hyperscale status NODE asks any node",
  });
}

const CREDENTIAL_HINTS: Readonly<Record<CredentialsGiven["kind"], string>> = {
  none:
    "without credentials a client reaches this user's own nodes on this machine alone: " +
    "give --credentials FILE (hyperscale key issue --role client), or --key-file, and --environment if it has one",
  keyFile: "is it the key file of that cluster, and --environment its environment? hyperscale key show FILE",
  issued: "are the credentials of that cluster, and --environment its environment? hyperscale key show FILE",
  certificates: "are --tls-cert and --tls-ca of that cluster, and --environment its environment?",
};

function undecided({ address, undecided: why }: ClientContact): HyperscaleError {
  const at = address === null ? "a manager" : placeText(address);
  const reason = why ?? "most managers have to run";
  return new HyperscaleError(
    "cluster",
    `${at} answered, but nothing was decided within ${formatDuration(ANSWER_MS)}: ${reason}`,
    { hint: "see hyperscale status; a submit may be said again with the same --id, it is never run twice" },
  );
}

/** A job on a cluster, for whoever shows one. `log` hears when nobody answers, and when somebody does again. */
export function startOn(place: ClusterPlace, log: Log): StartJob {
  return (start, onEvent) => {
    const id = start.id ?? mintJobId(start.world.clock.epochMs(), start.world.random.bytes(10));
    const opened = openCluster({ ...start.world, log }, place);
    return followed({ start, place, log, id }, opened, (cluster) => {
      const { plan, bundle } = start;
      return cluster.client.submit(id, { plan, bundle, retries: 0 }, onEvent);
    });
  };
}

/** A job of the cluster that somebody submitted. */
export function followOn(
  place: ClusterPlace,
  options: { readonly world: NodeWorld; readonly id: string; readonly log: Log },
  onEvent: (event: LiveEvent) => void,
): RunningJob {
  const { world, id, log } = options;
  const opened = openCluster({ ...world, log }, place);
  return followed({ start: options, place, log, id }, opened, ({ client }) => {
    const { result } = client.follow(id, onEvent);
    // Any answer shows that somebody is there.
    return { accepted: client.jobs().then(() => {}), result };
  });
}

type Follow = {
  readonly start: Pick<JobStart, "world"> | { readonly world: NodeWorld };
  readonly place: ClusterPlace;
  readonly log: Log;
  readonly id: string;
};

function followed(
  { start, place, log, id }: Follow,
  opened: Promise<Cluster>,
  begin: (cluster: Cluster) => { readonly accepted: Promise<void>; readonly result: Promise<JobResult> },
): RunningJob {
  const job = opened.then((cluster) => ({ cluster, ...begin(cluster) }));
  const accepted = job.then(async ({ cluster, accepted: decided }) => {
    await cluster.answer(decided);
    return id;
  });
  const result = job.then(async ({ cluster, result: ended }) => {
    try {
      await accepted;
      return await watched({ clock: start.world.clock, place, log }, cluster.client, ended);
    } finally {
      cluster.close();
    }
  });
  // Whoever waits for one of the two has seen the failure there.
  accepted.catch(() => {});
  result.catch(() => {});
  return {
    survives: true,
    accepted,
    result,
    // A job that is not known yet cannot be cancelled: first it has to be accepted.
    cancel: () =>
      void accepted
        .then(() => opened)
        .then(({ client }) => client.cancel(id, "user"))
        .catch((error: unknown) =>
          log.warn(`the job could not be cancelled: ${error instanceof Error ? error.message : String(error)}`),
        ),
  };
}

/** The job does not need who followed it. */
function leftAlone({ code, message, hint = "" }: HyperscaleError): HyperscaleError {
  return new HyperscaleError(code, message, {
    hint: `a job that was accepted goes on, and hyperscale results ID will have its summary; ${hint}`,
  });
}

/**
 * Says when nobody answers for a while: what is shown is old then, and the job does not need this client. Rejects with
 * `cluster` when all managers have refused it for long: its credentials ended, or their key was changed.
 */
export function watched<Result>(
  { clock, place, log }: { readonly clock: NodeWorld["clock"]; readonly place: ClusterPlace; readonly log: Log },
  client: Pick<ClusterClient, "contact">,
  ended: Promise<Result>,
): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  let linkedAtMs = clock.nowMs();
  let takenAtMs = linkedAtMs;
  let isQuiet = false;
  let timer: Timer | null = null;
  const look = (): void => {
    const now = client.contact();
    const nowMs = clock.nowMs();
    if (now.address !== null || !isRefused(now, place)) takenAtMs = nowMs;
    if (nowMs - takenAtMs >= REFUSED_FOLLOWING_MS) return reject(leftAlone(unreachable(now, place, nowMs - takenAtMs)));
    const isMute = nowMs - now.heardAtMs >= MUTE_MS;
    if (now.address !== null && !isMute) {
      linkedAtMs = nowMs;
      if (isQuiet) log.info(`following again at ${placeText(now.address)}`);
      isQuiet = false;
    } else if (!isQuiet && (isMute || nowMs - linkedAtMs >= QUIET_MS)) {
      isQuiet = true;
      log.warn("no manager answers; trying again until one does");
    }
    timer = setPatientTimer(clock, LOOK_MS, look);
  };
  look();
  ended.then(resolve, reject);
  return promise.finally(() => timer?.cancel());
}
