// The ledger of a manager in a cluster: the port of ledger-port.ts over consensus. Entries are committed by a majority
// and applied here in order; a follower's proposals go to the leader, which stamps them with ledger time.
//
// A command is the ledger time (f64, little endian), then the proposal in the codec's bytes.

import { HyperscaleError } from "../../base/error.ts";
import type { Address, NodeWorld, Timer } from "../../io/world.ts";
import { apply } from "../../ledger/apply.ts";
import { type Proposal, proposalSchema, stamped } from "../../ledger/entries.ts";
import { createLedger, type LedgerState } from "../../ledger/job.ts";
import { exportLedger, importLedger } from "../../ledger/snapshot.ts";
import type { CommandEntry, RaftConfig } from "../../raft/raft.ts";
import { decode, decoderOf, encode } from "../../wire/codec.ts";
import type { Hello } from "../../wire/handshake.ts";
import { type Consensus, openConsensus } from "./consensus.ts";
import type { PreparedLog } from "./consensus-log.ts";
import type { Identity } from "../identity.ts";
import type { Applied, LedgerPort, ProposalOutcome } from "../ledger-port.ts";
import type { Links, NodeId } from "../network/links.ts";
import type { Machine, ProposalAnswer } from "./machine.ts";
import { PeerCircuits } from "../network/circuits.ts";
import { Passing } from "./passing.ts";
import { type Open, Proposals } from "./proposals.ts";
import type { BodyOf, NodeMessage } from "../protocol.ts";

export type ReplicaOptions = {
  readonly world: Pick<NodeWorld, "clock" | "random" | "process" | "log">;
  /** Of consensus alone; its own from here on. */
  readonly log: PreparedLog;
  readonly identity: Identity;
  readonly links: Links;
  /** Every manager as configured, with or without this one; all are kept linked. */
  readonly peers: readonly Address[];
  /** How many managers form the cluster, where they are found and not listed. */
  readonly expect?: number;
  /** A preset of raft/limits.ts. */
  readonly config: (self: NodeId) => RaftConfig;
  /** Left out: those of this replica alone. */
  readonly circuits?: PeerCircuits;
};

export type Replica = LedgerPort & {
  readonly consensus: Consensus;
  /** The cluster this node is of; null while it is blank. For its hello. */
  readonly cluster: string | null;
  /** Who leads changed, as this node knows; again when this node leads and has applied what was before its term. */
  onTurn(handle: (leader: NodeId | null) => void): void;
  /** Closes the log; proposals that wait are given up. Idempotent. */
  stop(): Promise<void>;
};

/** Goes on from what is on disk. Throws `storage`. In: links that are open. */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const replica = new LedgerReplica(options);
  await replica.open();
  return replica;
}

const STAMP_BYTES = 8;

const readProposal = decoderOf(proposalSchema);
/** How often waiting proposals are looked at. */
const RETRY_MS = 250;
/** How often a blank node looks whether all its peers are known. */
const FORM_MS = 500;
/** Proposers a leader answers; the one asked longest ago is forgotten, and asks again. */
const ROUTES_MAX = 64;

class LedgerReplica implements Replica, Machine {
  readonly #options: ReplicaOptions;
  readonly #config: RaftConfig;
  readonly #proposals: Proposals;
  readonly #passing: Passing;
  #consensus: Consensus | null = null;
  #state: LedgerState = createLedger();
  /** Ledger time is the clock plus this. It only grows: no entry is ever ahead of it. */
  #offsetMs: number;
  readonly #appliedHandlers: ((applied: Applied) => void)[] = [];
  readonly #resetHandlers: (() => void)[] = [];
  readonly #turnHandlers: ((leader: NodeId | null) => void)[] = [];
  /** Whom to answer, by client. */
  readonly #routes = new Map<string, NodeId>();
  readonly #stamp = new DataView(new ArrayBuffer(STAMP_BYTES));
  #leader: NodeId | null = null;
  #wasCaughtUp = false;
  /** This node leads, and has applied what was before its term. */
  #isOpened = false;
  #clients = 0;
  #isPushing = false;
  #timer: Timer | null = null;
  #formTimer: Timer | null = null;
  #isOver = false;

  constructor(options: ReplicaOptions) {
    const { identity, world } = options;
    this.#options = options;
    this.#offsetMs = -world.clock.nowMs();
    this.#config = options.config(identity.node);
    const { clock } = world;
    this.#passing = new Passing(clock, options.circuits ?? new PeerCircuits(clock, 1));
    this.#proposals = new Proposals({
      openMax: this.#config.limits.sequencesMax,
      nextClient: () => ({
        client: `${identity.node}.${identity.bootId}.${++this.#clients}`,
        since: this.consensus.raft.commit,
      }),
    });
  }

  async open(): Promise<void> {
    const { world, log, links, peers } = this.#options;
    this.#consensus = await openConsensus({
      world,
      log,
      config: this.#config,
      machine: this,
      send: (to, message) => {
        links.send(to, { kind: "raft", body: message });
      },
    });
    links.onMessage((from, message) => this.#hear(from, message));
    links.onUp(() => this.#form());
    links.onDown((peer, { reason }) => {
      if (reason !== "closed" && peer.role === "manager") this.consensus.peerReset(peer.node);
    });
    for (const address of peers) links.want(address);
    this.#form();
  }

  get consensus(): Consensus {
    if (this.#consensus === null) throw new HyperscaleError("storage", "the log is not open yet");
    return this.#consensus;
  }

  get cluster(): string | null {
    return this.#consensus?.raft.hard.cluster ?? null;
  }

  get state(): LedgerState {
    return this.#state;
  }

  nowMs(): number {
    // The sum of the two is rounded.
    return Math.max(this.#state.nowMs, this.#options.world.clock.nowMs() + this.#offsetMs);
  }

  propose(proposal: Proposal, settled?: (outcome: ProposalOutcome) => void): void {
    const bytes = encode(proposal);
    const { commandBytesMax } = this.#config.limits;
    if (bytes.length + STAMP_BYTES > commandBytesMax) {
      const message = `an entry "${proposal.kind}" of ${bytes.length} bytes is larger than ${commandBytesMax}`;
      queueMicrotask(() => settled?.({ kind: "refused", code: "too_large", message }));
      return;
    }
    this.#proposals.add({ bytes, isRefusable: isSubmit(proposal), settled });
    this.#push();
  }

  onApplied(handle: (applied: Applied) => void): void {
    this.#appliedHandlers.push(handle);
  }

  onReset(handle: () => void): void {
    this.#resetHandlers.push(handle);
  }

  onTurn(handle: (leader: NodeId | null) => void): void {
    this.#turnHandlers.push(handle);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#formTimer?.cancel();
    await this.#consensus?.stop();
  }

  // ── the state machine ───────────────────────────────────────────────────────────────────────────

  apply(commands: readonly CommandEntry[], through: number): void {
    const isBehind = !this.#hasCaughtUp();
    for (const command of commands) this.#apply(command);
    if (isBehind && this.#proposals.size > 0) this.#push();
    if (this.#isOpened || through < (this.consensus.raft.leading?.firstIndex ?? Infinity)) return;
    this.#isOpened = true;
    // Consensus counts it as applied right after this.
    queueMicrotask(() => {
      for (const handle of this.#turnHandlers) handle(this.#leader);
    });
  }

  #apply({ index, client, sequence, command }: CommandEntry): void {
    const applied = this.#applied(index, command);
    if (applied !== null) for (const handle of this.#appliedHandlers) handle(applied);
    this.#passing.answered(client, sequence);
    const own = this.#proposals.take(client, sequence);
    own?.settled?.(
      applied === null
        ? { kind: "refused", code: "invalid", message: "it is no entry of the ledger" }
        : { kind: "applied", index, effects: applied.effects },
    );
  }

  /** Out: null for what is no entry here: every replica of this version applies it as nothing. */
  #applied(index: number, command: Uint8Array): Applied | null {
    if (command.length < STAMP_BYTES) return null;
    const read = readProposal(command.subarray(STAMP_BYTES));
    const atMs = this.#stampOf(command);
    if (!read.ok || !(atMs >= 0 && atMs < Infinity)) {
      this.#options.world.log.warn("an entry of the ledger is none of this version", { index });
      return null;
    }
    const entry = stamped(read.value, atMs);
    const effects = apply(this.#state, index, entry);
    this.#followTime();
    return { index, entry, effects };
  }

  /** Ledger time of a command. By copy: a view over memory that is shared with others costs more than eight bytes. */
  #stampOf(command: Uint8Array): number {
    for (let at = 0; at < STAMP_BYTES; at++) this.#stamp.setUint8(at, command[at] ?? 0);
    return this.#stamp.getFloat64(0, true);
  }

  install(bytes: Uint8Array): void {
    const decoded = decode(bytes);
    const imported = importLedger(decoded.ok ? decoded.value : null);
    if (imported.ledger === null) {
      const message = "the snapshot of the ledger is of a version that is not known here";
      this.#options.world.process.exit(74, message);
      return;
    }
    this.#state = imported.ledger;
    this.#followTime();
    for (const handle of this.#resetHandlers) handle();
  }

  take(): Uint8Array {
    return encode(exportLedger(this.#state));
  }

  turned(leader: NodeId | null): void {
    const isOther = leader !== this.#leader;
    this.#leader = leader;
    this.#isOpened = false;
    this.#passing.turn();
    this.#proposals.turn();
    this.#push();
    if (isOther) for (const handle of this.#turnHandlers) handle(leader);
  }

  answered(client: string, sequence: number, answer: ProposalAnswer): void {
    if (this.#proposals.find(client, sequence) !== null) return this.#answered(client, sequence, answer);
    // What was appended just now is answered by its commit. Who asks again, because that takes long, is told.
    if (answer.kind === "appended") return;
    const to = this.#routes.get(client);
    const outcome = answer.kind === "pending" ? { ...answer, kind: "appended" as const } : answer;
    if (to !== undefined) this.#options.links.send(to, { kind: "proposed", body: { client, sequence, outcome } });
  }

  /**
   * Ledger time is never behind what was applied. A leader's only moves on: it stamps what it applies later, and would
   * lose the time between with every entry. Any other follows the leader's stamps both ways, or an owner would count
   * from a clock that runs ahead of them.
   */
  #followTime(): void {
    const stampedMs = this.#state.nowMs - this.#options.world.clock.nowMs();
    const isLeader = this.#leader === this.#options.identity.node;
    this.#offsetMs = isLeader ? Math.max(this.#offsetMs, stampedMs) : stampedMs;
  }

  // ── proposals ───────────────────────────────────────────────────────────────────────────────────

  #push(): void {
    if (this.#isPushing || this.#isOver) return;
    this.#isPushing = true;
    queueMicrotask(() => {
      this.#isPushing = false;
      if (!this.#isOver) this.#say();
    });
  }

  /** Says what is due to whoever leads, and comes again while something waits. */
  #say(): void {
    const { clock } = this.#options.world;
    const leader = this.#hasCaughtUp() ? this.#leader : null;
    if (leader !== null) for (const open of this.#proposals.due(clock.nowMs())) this.#sayTo(leader, open);
    if (this.#proposals.size === 0 || this.#timer !== null) return;
    this.#timer = clock.setTimer(RETRY_MS, () => {
      this.#timer = null;
      this.#push();
    });
  }

  /**
   * Was once, since this start, as far as a leader: a name begins with a commit index that is known, and one of a past
   * life may be so old that the name passes for a forgotten one (raft/sessions.ts).
   */
  #hasCaughtUp(): boolean {
    this.#wasCaughtUp ||= Number.isFinite(this.consensus.contact().caughtUpAtMs);
    return this.#wasCaughtUp;
  }

  #sayTo(leader: NodeId, { client, sequence, since, bytes }: Open): void {
    const { identity, links } = this.#options;
    if (leader === identity.node) this.#append({ client, sequence, since, proposal: bytes });
    else if (this.#passing.mayPass(leader, client, sequence))
      links.send(leader, { kind: "propose", body: { client, sequence, since, proposal: bytes } });
  }

  #append({ client, sequence, since, proposal }: BodyOf<"propose">): void {
    const buffer = new ArrayBuffer(STAMP_BYTES + proposal.length);
    new DataView(buffer).setFloat64(0, this.nowMs(), true);
    const command = new Uint8Array(buffer);
    command.set(proposal, STAMP_BYTES);
    this.consensus.propose({ client, sequence, since, command });
  }

  #answered(client: string, sequence: number, answer: ProposalAnswer): void {
    if (answer.kind === "appended" || answer.kind === "pending") return this.#proposals.appended(client, sequence);
    if (answer.kind === "duplicate") {
      // Applied here by a snapshot; else its entry is still to come.
      if (this.consensus.applied < answer.index) return;
      this.#proposals.take(client, sequence)?.settled?.({ kind: "applied", index: answer.index, effects: null });
      return;
    }
    const refused = this.#refusalOf(client, sequence, answer.reason);
    if (refused === null) return;
    this.#proposals.take(client, sequence)?.settled?.({ kind: "refused", ...refused });
  }

  /** Why a proposal is over. Out: null when it is only to be said again. */
  #refusalOf(
    client: string,
    sequence: number,
    reason: string,
  ): Omit<Extract<ProposalOutcome, { kind: "refused" }>, "kind"> | null {
    switch (reason) {
      case "diskFull":
        return this.#proposals.find(client, sequence)?.isRefusable === true
          ? { code: "disk_full", message: "the disk of the leading manager is full" }
          : null;
      case "tooLarge":
        return { code: "too_large", message: "the leading manager takes no entry that large" };
      case "expired":
        this.#proposals.rename();
        return { code: "expired", message: "it is not known any more whether it was applied" };
      default:
        return null;
    }
  }

  // ── peers ───────────────────────────────────────────────────────────────────────────────────────

  #hear(from: Hello, message: NodeMessage): void {
    if (this.#isOver || from.role !== "manager") return;
    switch (message.kind) {
      case "raft":
        return this.consensus.hear(from.node, message.body);
      case "propose":
        this.#route(message.body.client, from.node);
        return this.#append(message.body);
      case "proposed": {
        const { client, sequence, outcome } = message.body;
        this.#passing.answered(client, sequence);
        if (this.#proposals.find(client, sequence) !== null) this.#answered(client, sequence, answerOf(outcome));
        return;
      }
      default:
        return;
    }
  }

  #route(client: string, to: NodeId): void {
    this.#routes.delete(client);
    this.#routes.set(client, to);
    if (this.#routes.size <= ROUTES_MAX) return;
    for (const oldest of this.#routes.keys()) {
      this.#routes.delete(oldest);
      return;
    }
  }

  /** A blank node tells the core who its configured peers are, once each has said its id. */
  #form(): void {
    if (this.#isOver || this.consensus.raft.hard.standing !== "blank") return;
    const { identity, links, peers, expect } = this.#options;
    const nodes = new Set([identity.node]);
    if (expect !== undefined) {
      for (const { node, role } of links.peers()) if (role === "manager") nodes.add(node);
      // One more than expected, and nobody can say which of them are meant (standing-problem.ts).
      if (nodes.size === expect) this.consensus.form([...nodes]);
      if (nodes.size !== expect || nodes.size > 1) this.#formLater();
      return;
    }
    for (const address of peers) {
      const node = links.nodeAt(address);
      if (node === null) return this.#formLater();
      nodes.add(node);
    }
    this.consensus.form([...nodes]);
  }

  #formLater(): void {
    this.#formTimer?.cancel();
    this.#formTimer = this.#options.world.clock.setTimer(FORM_MS, () => this.#form());
  }
}

function isSubmit({ kind }: Proposal): boolean {
  return kind === "submit" || kind === "submits";
}

/** What a peer said; a reason that is not known here means "not now". */
function answerOf(outcome: BodyOf<"proposed">["outcome"]): ProposalAnswer {
  if (outcome.kind !== "refused") return outcome;
  const { reason, leader } = outcome;
  const known = (["diskFull", "tooLarge", "expired"] as const).find((one) => one === reason);
  return { kind: "refused", reason: known ?? "notLeader", leader };
}
