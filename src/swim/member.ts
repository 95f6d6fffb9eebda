// Who is a member and which of two statements about it is newer. Plain data and the order of statements; no tables.
// Sources: Das, Gupta, Motivala, "SWIM" (DSN 2002), section 4.2; Lifeguard (arXiv 1707.00788).

/** The random id of a node's data directory, never an address: a wiped disk is another node. */
export type NodeId = string;
/** Milliseconds of the node's monotonic clock. */
export type Ms = number;
/** All roles of a pool are members alike; nothing here depends on it. */
export type Role = "manager" | "worker" | "gate";

/** Where a node is reached: datagrams on `udp`, streams on `tcp`. A hint; the id is what counts. */
export type Address = { readonly host: string; readonly udp: number; readonly tcp: number };

/**
 * Age of a statement about a node: which start of it (a counter on its disk), then how often it refuted since. Only
 * the node itself raises it, so a restarted node is above everything said of its former life.
 */
export type Incarnation = { readonly boot: number; readonly count: number };

/** `left`: said goodbye itself. `dead`: declared by others. */
export type Status = "alive" | "suspect" | "dead" | "left";

/** Small opaque bytes a node says of itself (cores, load). `version` starts at 1 with every boot. */
export type Payload = { readonly version: number; readonly bytes: Uint8Array };

/** One statement about one node, complete in itself, so that updates may come in any order. */
export type Update = {
  readonly id: NodeId;
  readonly address: Address;
  readonly role: Role;
  readonly incarnation: Incarnation;
  readonly status: Status;
  /** Who accuses (suspect) or declared it (dead); empty otherwise. */
  readonly by: readonly NodeId[];
  /** Null: not said in this update (accusations leave it out). */
  readonly payload: Payload | null;
};

/** What this node holds about another, or about itself. */
export type Member = {
  readonly id: NodeId;
  address: Address;
  role: Role;
  incarnation: Incarnation;
  status: Status;
  /** Since when it has this status here. */
  statusAt: Ms;
  payload: Payload | null;
  /** It spoke to this very node, in this incarnation's boot. What others say of it does not count. */
  isConfirmed: boolean;
  learnedAt: Ms;
  /** Probes it left unanswered while unconfirmed. */
  failures: number;
};

/** How a status is shown: an alive member that never spoke to this node is `unconfirmed`. */
export type ShownStatus = Status | "unconfirmed";

/** Largest boot counter and refutation counter: sums stay far below 2^53, and a varint of 6 bytes holds them. */
export const BOOT_MAX = 2 ** 40;
export const COUNT_MAX = 2 ** 31;

const RANK: Readonly<Record<Status, number>> = { alive: 0, suspect: 1, dead: 2, left: 3 };

/** Position of a status among statements of one incarnation: alive 0, suspect 1, dead 2, left 3. */
export function rankOf(status: Status): number {
  return RANK[status];
}

/** Above 0 when `a` is newer, below 0 when older, 0 when equal. */
export function compareIncarnations(a: Incarnation, b: Incarnation): number {
  return a.boot - b.boot || a.count - b.count;
}

type Statement = { readonly incarnation: Incarnation; readonly status: Status };

/**
 * The total order of statements about one node, above 0 when `a` wins: boot, then left (a node that left comes back
 * only with a new boot), then count, then dead > suspect > alive. Merging keeps the greater, so order and
 * repetition of updates do not matter.
 */
export function compareStatements(a: Statement, b: Statement): number {
  return (
    a.incarnation.boot - b.incarnation.boot ||
    Number(a.status === "left") - Number(b.status === "left") ||
    a.incarnation.count - b.incarnation.count ||
    rankOf(a.status) - rankOf(b.status)
  );
}

/** The lowest incarnation above the given one; null when there is none. */
export function nextIncarnation({ boot, count }: Incarnation): Incarnation | null {
  if (count < COUNT_MAX) return { boot, count: count + 1 };
  return boot < BOOT_MAX ? { boot: boot + 1, count: 0 } : null;
}

/** True while the node counts as running: alive or suspect. */
export function isRunning(member: { readonly status: Status }): boolean {
  return member.status === "alive" || member.status === "suspect";
}

export function shownStatus(member: Member): ShownStatus {
  return member.status === "alive" && !member.isConfirmed ? "unconfirmed" : member.status;
}

export function isSameAddress(a: Address, b: Address): boolean {
  return a.host === b.host && a.udp === b.udp && a.tcp === b.tcp;
}
