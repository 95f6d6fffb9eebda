// Before a node trusts TLS it looks whether TLS keeps strangers out here and now: runtimes have accepted foreign
// certificates before. Takes about 20 ms of CPU.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { HyperscaleError } from "../../base/error.ts";
import { NetError } from "../net-error.ts";
import type { Address, Clock, Connection, Streams } from "../world.ts";
import { createAuthority, issueLeaf } from "./certificate.ts";
import { CLOCK_ALLOWANCE_MS, type Credentials } from "./credentials.ts";
import { type IdentityRole, isVisitor } from "./peer-identity.ts";
import { createTlsStreams } from "./tls.ts";

const HERE: Address = { host: "127.0.0.1", port: 0 };
const TIMEOUT_MS = 5_000;
/** Strangers at the door. One would not do: a fault that was seen accepted only some. */
const STRANGERS = 8;

/**
 * Throws `cluster` when a stranger gets in, or a member does not: then nothing of this node may listen. In: what makes
 * streams of credentials, the real ones by default.
 */
export async function selfTest(options: {
  readonly credentials: Credentials;
  readonly clock: Pick<Clock, "epochMs">;
  readonly streamsOf?: (credentials: Credentials) => Streams;
}): Promise<void> {
  const { credentials, clock } = options;
  const streamsOf = options.streamsOf ?? ((own) => createTlsStreams({ credentials: own, clock }));
  const own = streamsOf(credentials);

  const asNode = streamsOf(forged(credentials, "manager", clock));
  if ((await whyNotIn(asNode, own)) === null) throw failed("took a stranger for a node");
  // A client has nothing that listens, and its certificate is not good for it.
  if (isVisitor(credentials.identity.role)) return;

  const strangers = streamsOf(forged(credentials, credentials.identity.role, clock));
  if ((await whyNotIn(own, strangers, STRANGERS)) === null) throw failed("let a stranger in");
  const why = await whyNotIn(own, own);
  if (why !== null) throw failed(`did not let its own node in: ${why}`);
}

/** Why none of so many is connected; null when either side believes that one is. */
async function whyNotIn(listening: Streams, connecting: Streams, count = 1): Promise<string | null> {
  const accepted: Connection[] = [];
  const listener = await listening.listen(HERE, (connection) => {
    connection.handle({ onBytes: () => {}, onDrain: () => {}, onClose: () => {} });
    accepted.push(connection);
  });
  try {
    const whys = await Promise.all(Array.from({ length: count }, () => whyNotAt(listener.address, connecting)));
    return accepted.length > 0 || whys.includes(null) ? null : (whys[0] ?? null);
  } finally {
    listener.close();
    for (const connection of accepted) connection.destroy();
  }
}

/** Why who connects is not let in; null when it is. */
async function whyNotAt(address: Address, connecting: Streams): Promise<string | null> {
  try {
    const connection = await connecting.connect(address, { timeoutMs: TIMEOUT_MS });
    connection.handle({ onBytes: () => {}, onDrain: () => {}, onClose: () => {} });
    connection.destroy();
    return null;
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    return error.message;
  }
}

/** The same names and dates, by an authority that only calls itself the same. */
function forged(credentials: Credentials, role: IdentityRole, clock: Pick<Clock, "epochMs">): Credentials {
  const newKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const identity = { ...credentials.identity, role };
  const privateKey = newKey();
  const certificate = issueLeaf(createAuthority(`hyperscale cluster ${identity.cluster}`, newKey()), {
    identity,
    privateKey,
    beginMs: clock.epochMs() - CLOCK_ALLOWANCE_MS,
    endMs: clock.epochMs() + CLOCK_ALLOWANCE_MS,
    serial: randomBytes(16),
  });
  return {
    ...credentials,
    identity,
    certificate,
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

function failed(what: string): HyperscaleError {
  return new HyperscaleError("cluster", `this node does not run: in its self-test TLS ${what}`, {
    hint: "is the clock right? Else the runtime of this executable is at fault: use a released one, and report it",
  });
}
