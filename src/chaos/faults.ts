// What a node can be ordered to suffer, and the orders and answers on its admin socket: one JSON line each, checked.
// What the faults do is in the faulty-*.ts files.

import { z } from "zod";
import { formatDuration } from "../base/units.ts";
import { type NodeStatus, nodeStatusSchema } from "../node/status.ts";

/** A fault ends by itself after so long, whatever becomes of who ordered it. */
export const FAULT_MS_DEFAULT = 30_000;
export const FAULT_MS_MAX = 600_000;
/** The longest delay of a message or a sync. */
export const DELAY_MS_MAX = 60_000;

const port = z.int().min(0).max(65_535);
/** Where a node is; it may have several names. */
export const peerSchema = z.strictObject({ host: z.string().min(1).max(256), tcp: port, udp: port });
const ms = z.number().min(0).max(DELAY_MS_MAX);

/**
 * cut: nothing passes between this node and the peers (null: anybody), in the given direction as this node sees it.
 * delay: what this node sends arrives later. loss: a part (0..1) of its datagrams is lost, and its streams wait for
 * what would be sent again. diskSlow: every sync takes so much longer. diskBroken: every operation fails. diskFull:
 * nothing can be written. slowCores: engine threads stand still for a part (0..1) of the time.
 */
export const faultSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("cut"),
    peers: z.array(peerSchema).max(1_024).nullable(),
    direction: z.enum(["in", "out", "both"]),
  }),
  z.strictObject({ kind: z.literal("delay"), ms }),
  z.strictObject({ kind: z.literal("loss"), ratio: z.number().min(0).max(1) }),
  z.strictObject({ kind: z.literal("diskSlow"), ms }),
  z.strictObject({ kind: z.literal("diskBroken") }),
  z.strictObject({ kind: z.literal("diskFull") }),
  z.strictObject({ kind: z.literal("slowCores"), ratio: z.number().min(0).max(0.99) }),
]);
export type Fault = z.infer<typeof faultSchema>;
export type Peer = z.infer<typeof peerSchema>;

const forMs = z.number().min(1).max(FAULT_MS_MAX);

/** brace: the process is about to be stopped by a signal; it sees to it that it is woken. woken: that is over. */
export const orderSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("tell") }),
  z.strictObject({ kind: z.literal("inflict"), fault: faultSchema, forMs }),
  z.strictObject({ kind: z.literal("heal") }),
  z.strictObject({ kind: z.literal("crashCore") }),
  z.strictObject({ kind: z.literal("brace"), forMs }),
  z.strictObject({ kind: z.literal("woken") }),
]);
export type Order = z.infer<typeof orderSchema>;

const activeFaultSchema = z.object({ fault: faultSchema, leftMs: z.number() });
/** A fault that is there, and how long still. */
export type ActiveFault = z.infer<typeof activeFaultSchema>;

const isStatus = (value: unknown): boolean => nodeStatusSchema.safeParse(value).success;

/** done: how many things it hit (cores ended, faults healed). */
export const answerSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("refused"), message: z.string() }),
  z.object({ kind: z.literal("done"), count: z.int().nonnegative() }),
  z.object({
    kind: z.literal("told"),
    status: z.custom<NodeStatus>(isStatus),
    faults: z.array(activeFaultSchema).readonly(),
  }),
]);
export type Answer =
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "done"; readonly count: number }
  | { readonly kind: "told"; readonly status: NodeStatus; readonly faults: readonly ActiveFault[] };

/** "cut off from 2 nodes", "syncs 2s slower": for people. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case "cut": {
      const who = fault.peers === null ? "everybody" : `${fault.peers.length} address${plural(fault.peers.length)}`;
      const how = { both: "cut off from", out: "not heard by", in: "deaf to" }[fault.direction];
      return `${how} ${who}`;
    }
    case "delay":
      return `sends ${formatDuration(fault.ms)} late`;
    case "loss":
      return `loses ${percent(fault.ratio)} of what it sends`;
    case "diskSlow":
      return `syncs ${formatDuration(fault.ms)} slower`;
    case "diskBroken":
      return "disk fails";
    case "diskFull":
      return "disk is full";
    case "slowCores":
      return `cores stand still ${percent(fault.ratio)} of the time`;
  }
}

function plural(count: number): string {
  return count === 1 ? "" : "es";
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 1_000) / 10} %`;
}
