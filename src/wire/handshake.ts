// The first word on a stream, the same from both sides, and the judgement about it: both sides judge alike, so that
// both know why nothing comes of it. Pure; the exchange is channel.ts.

import * as z from "../base/schema.ts";

/** Changes of the major number do not talk to each other; within one, the smaller minor is spoken. */
export const PROTOCOL_MAJOR = 1;
export const PROTOCOL_MINOR = 0;

const word = z.string().min(1).max(64);
const port = z.int().min(0).max(65_535);

/**
 * Who speaks. `cluster`: null while it belongs to none (a blank manager, a worker, a client). `node`: its data folder's
 * id; `boot`: this start of it. `address`: where others reach it. < 1 KiB.
 */
export const helloSchema = z
  .object({
    cluster: word.nullable(),
    environment: word,
    role: z.enum(["manager", "worker", "gate", "client"]),
    node: word,
    boot: word,
    address: z.object({ host: z.string().min(1).max(253), udp: port, tcp: port }).readonly(),
    major: z.int().min(0).max(65_535),
    minor: z.int().min(0).max(65_535),
    features: z.array(word).max(64).readonly(),
    /** Its datacenter, for people. */
    dc: word.optional(),
  })
  .readonly();

export type Hello = z.infer<typeof helloSchema>;

/** identity: it says it is who its certificate does not name (channel.ts asks). */
export type HandshakeRefusal = "self" | "environment" | "cluster" | "version" | "identity";

/** `minor`: the one both speak. `message`: a sentence with both sides' values. */
export type Judgement =
  | { readonly ok: true; readonly minor: number }
  | { readonly ok: false; readonly code: HandshakeRefusal; readonly message: string };

/** Whether the two go together. The same from either side, but for whose values are named first. */
export function judge(own: Hello, theirs: Hello): Judgement {
  if (own.node === theirs.node)
    return no("self", `node ${own.node} met itself at ${theirs.address.host}:${theirs.address.tcp}`);
  if (own.environment !== theirs.environment)
    return no(
      "environment",
      `this node is of environment "${own.environment}", ${named(theirs)} of "${theirs.environment}"`,
    );
  if (own.major !== theirs.major)
    return no(
      "version",
      `this node speaks protocol ${own.major}.${own.minor}, ${named(theirs)} ${theirs.major}.${theirs.minor}: ` +
        "run the same version of hyperscale on both",
    );
  if (own.cluster !== null && theirs.cluster !== null && own.cluster !== theirs.cluster)
    return no("cluster", `this node is of cluster ${own.cluster}, ${named(theirs)} of cluster ${theirs.cluster}`);
  return { ok: true, minor: Math.min(own.minor, theirs.minor) };
}

function named({ role, node, address }: Hello): string {
  return `${role} ${node} at ${address.host}:${address.tcp}`;
}

function no(code: HandshakeRefusal, message: string): Judgement {
  return { ok: false, code, message };
}
