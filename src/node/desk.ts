// A manager's desk for clients: any manager takes a submit or a cancel and answers when it is committed and applied
// here. What happens in a job comes from its owner, from this node or over the link to it, and is passed on.

import type { Clock, Timer } from "../io/world.ts";
import type { Effect } from "../ledger/effects.ts";
import type { Job } from "../ledger/job.ts";
import type { Change } from "../raft/raft.ts";
import type { Hello } from "../wire/handshake.ts";
import { type Admission, type Asked, askedOf } from "./admission.ts";
import type { Blobs } from "./blobs/blobs.ts";
import { clientName, operatorProblem } from "./client-name.ts";
import { type FromDesk, type ToDesk, unreadable, type WireEvent } from "./client-messages.ts";
import type { ChangeAnswer } from "./consensus/peer-changes.ts";
import type { Applied, LedgerPort, ProposalOutcome } from "./ledger-port.ts";
import type { Links } from "./network/links.ts";
import { packLive } from "./live-codec.ts";
import type { LiveEvent } from "./messages.ts";
import type { NodeMessage } from "./protocol.ts";
import { RecentSeconds } from "./recent-seconds.ts";
import { jobPage, type NodeStatus } from "./status.ts";
import { Submits } from "./submits.ts";

/**
 * How often an owner elsewhere is asked for its job's events, and how long one asking lasts. It is asked at once when
 * the job or the link to it is new, and when a client has heard nothing.
 */
const RELAY_MS = 3_000;
const RELAYED_MS = 8_000;
/** A view in which nothing changed is shown again after it: below what a client takes for silence. */
const SAME_VIEW_MS = 1_400;
/** A view older than this is none of the job as it is now. */
const SHOWN_MS_MAX = 2_000;

export type DeskPorts = {
  readonly clock: Clock;
  readonly node: string;
  readonly ledger: LedgerPort;
  readonly links: Links;
  readonly blobs: Blobs;
  readonly admission: Admission;
  /** Since this start it was, once at least, as far as a leader with a majority: before that it knows only its past. */
  readonly hasCaughtUp: () => boolean;
  /** What this node knows of the cluster. */
  readonly status: () => NodeStatus;
  /** Of who the managers are; never rejects. */
  readonly change: (change: Change, since: number) => Promise<ChangeAnswer>;
  /** Why this manager has no part in its cluster (yet); null: it has. */
  readonly problem: () => string | null;
};

type ViewEvent = Extract<WireEvent, { kind: "view" }>;
type Submit = Extract<ToDesk, { kind: "submit" }>;
type Refusal = { readonly kind: "refused"; readonly code: string; readonly message: string };

export class Desk {
  readonly #ports: DeskPorts;
  /** Clients of this manager, and managers that pass events on until the time given, by job. */
  readonly #followers = new Map<string, Set<string>>();
  readonly #relays = new Map<string, Map<string, number>>();
  /** The view they were all shown last, by job: somebody who joins them gets it at once. */
  readonly #shown = new Map<string, { readonly view: ViewEvent; readonly atMs: number }>();
  readonly #seconds = new RecentSeconds();
  /** Changes of the managers under way, by client and its number. */
  readonly #changes = new Set<string>();
  readonly #submits: Submits;
  /** Submits under way, by client and its number. */
  readonly #asked = new Set<string>();
  /** While somebody follows or passes on. */
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(ports: DeskPorts) {
    this.#ports = ports;
    this.#submits = new Submits(ports);
    ports.links.onMessage((from, message) => this.#hear(from, message));
    ports.links.onMisread((from, misread) => {
      const answer = unreadable(from, misread);
      if (answer !== null) this.#answer(from.node, answer);
    });
    ports.links.onUp(({ node, role }) => (role === "manager" ? this.#askOwners(node) : undefined));
    ports.links.onDown(({ node }) => this.#drop(node));
    ports.ledger.onApplied((applied) => this.#applied(applied));
    ports.ledger.onReset(() => this.#look());
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** What an owner on this node says of its job. */
  tell(job: string, event: LiveEvent): void {
    const followers = this.#followers.get(job);
    const relays = this.#relays.get(job);
    if (followers === undefined && relays === undefined) return;
    const nowMs = this.#ports.clock.nowMs();
    for (const packed of packLive(event)) {
      if (packed.kind === "second") this.#seconds.add(job, packed, nowMs);
      if (packed.kind === "view" && !this.#isNews(job, packed, nowMs)) continue;
      for (const client of followers ?? []) this.#pass(client, job, packed);
      for (const [manager, untilMs] of relays ?? []) if (nowMs < untilMs) this.#pass(manager, job, packed);
    }
  }

  /** A job that waits looks the same for long. */
  #isNews(job: string, view: ViewEvent, nowMs: number): boolean {
    const shown = this.#shown.get(job);
    if (shown?.view.viewJson === view.viewJson && nowMs - shown.atMs < SAME_VIEW_MS) return false;
    this.#shown.set(job, { view, atMs: nowMs });
    return true;
  }

  /** To one who was not there when the others were. */
  #showAlone(to: string, job: string): void {
    for (const second of this.#seconds.of(job)) this.#pass(to, job, second);
    const shown = this.#shown.get(job);
    if (shown !== undefined && this.#ports.clock.nowMs() - shown.atMs <= SHOWN_MS_MAX) this.#pass(to, job, shown.view);
  }

  // ── clients ───────────────────────────────────────────────────────────────────────────────────

  #hear(from: Hello, message: NodeMessage): void {
    if (this.#isClosed) return;
    switch (message.kind) {
      case "toDesk":
        return this.#serve(from, message.body);
      case "relay":
        return from.role === "manager" ? this.#relay(from.node, message.body.id) : undefined;
      case "live":
        if (from.role === "manager") this.#passOn(from.node, message.body);
        return;
      default:
        return;
    }
  }

  #serve(from: Hello, request: ToDesk): void {
    const { node: client } = from;
    const { ask } = request;
    const problem = request.kind === "status" ? null : this.#ports.problem();
    if (problem !== null)
      return this.#answer(client, { kind: "refused", ask, id: "managers", code: "elsewhere", message: problem });
    // Said again while it is under way: it is answered once.
    if (request.kind === "submit" && this.#asked.has(`${client} ${ask}`)) return;
    const asked = askedOf(request);
    const origin = this.#ports.links.origin(from);
    const denial = request.kind === "change" ? operatorProblem(origin) : null;
    if (denial !== null)
      return this.#answer(client, { kind: "refused", ask, id: "managers", code: "denied", message: denial });
    const entrance = this.#ports.admission.enter(asked.turn === undefined ? client : clientName(client, origin), asked);
    if (entrance.kind === "refused") {
      const { message, retryAfterMs, hasTurn } = entrance;
      const id = "id" in request ? request.id : "managers";
      return this.#answer(client, { kind: "refused", ask, id, code: "limited", message, retryAfterMs, hasTurn });
    }
    if (request.kind === "submit") return this.#submit(client, request, asked);
    try {
      this.#do(client, request);
    } finally {
      this.#ports.admission.leave(asked);
    }
  }

  #submit(client: string, { ask, id, submission: digest, content }: Submit, asked: Asked): void {
    const key = `${client} ${ask}`;
    this.#asked.add(key);
    void this.#submits.take({ client, id, digest, content }).then((answer) => {
      this.#asked.delete(key);
      this.#ports.admission.leave(asked);
      this.#answer(client, { ...answer, ask, id });
    });
  }

  #do(client: string, request: Exclude<ToDesk, Submit>): void {
    const { ask } = request;
    switch (request.kind) {
      case "cancel":
        this.#ports.ledger.propose({ kind: "cancel", job: request.id, by: request.by }, (outcome) =>
          this.#answer(client, { ...cancelAnswer(outcome), ask, id: request.id }),
        );
        return;
      case "steer":
        this.#ports.ledger.propose({ ...request.order, job: request.id, order: `${client}.${ask}` }, (outcome) =>
          this.#answer(client, { ...(refusedBy(outcome) ?? { kind: "done" }), ask, id: request.id }),
        );
        return;
      case "follow":
        return this.#follow(client, ask, request.id);
      case "jobs":
        if (!this.#ports.hasCaughtUp()) {
          const message = "this manager has not heard yet what it missed while it was away";
          return this.#answer(client, { kind: "refused", ask, id: "jobs", code: "unavailable", message });
        }
        return this.#answer(client, { kind: "jobs", ask, ...jobPage(this.#ports.ledger.state, request.after) });
      case "change":
        return this.#change(client, request);
      case "status":
        return this.#answer(client, { kind: "status", ask, status: this.#ports.status() });
    }
  }

  /** Said again while it is under way, it is the same change. */
  #change(client: string, { ask, change, since }: Extract<ToDesk, { readonly kind: "change" }>): void {
    const key = `${client} ${ask}`;
    if (this.#changes.has(key)) return;
    this.#changes.add(key);
    void this.#ports.change(change, since).then((answer) => {
      this.#changes.delete(key);
      const about = { ask, id: "managers" };
      this.#answer(client, answer.kind === "appended" ? { kind: "done", ...about } : { ...answer, ...about });
    });
  }

  #answer(client: string, message: FromDesk): void {
    if (!this.#isClosed) this.#ports.links.send(client, { kind: "fromDesk", body: message });
  }

  // ── following ─────────────────────────────────────────────────────────────────────────────────

  #follow(client: string, ask: number, id: string): void {
    const job = this.#ports.ledger.state.jobs.get(id);
    if (job === undefined)
      return this.#answer(client, { kind: "refused", ask, id, code: "unknown", message: `there is no job ${id}` });
    this.#answer(client, { kind: "done", ask, id });
    if (job.phase === "finished") return this.#answer(client, { kind: "finished", id, result: job.result });
    const followers = this.#followers.get(id);
    if (followers === undefined) this.#followers.set(id, new Set([client]));
    else followers.add(client);
    this.#showAlone(client, id);
    this.#askOwner(job);
    this.#arm();
  }

  #applied({ effects, entry }: Applied): void {
    for (const effect of effects) if (effect.kind === "finished") this.#finished(effect.job);
    if (entry.kind !== "assign" || !this.#followers.has(entry.job)) return;
    const job = this.#ports.ledger.state.jobs.get(entry.job);
    if (job !== undefined) this.#askOwner(job);
  }

  #look(): void {
    for (const id of [...this.#followers.keys()])
      if (this.#ports.ledger.state.jobs.get(id)?.phase === "finished") this.#finished(id);
  }

  #finished(id: string): void {
    const result = this.#ports.ledger.state.jobs.get(id)?.result ?? null;
    for (const client of this.#followers.get(id) ?? []) this.#answer(client, { kind: "finished", id, result });
    this.#followers.delete(id);
    this.#relays.delete(id);
    this.#shown.delete(id);
  }

  /** An owner on another node is asked again and again: neither side has to notice that the other went. */
  #arm(): void {
    this.#timer ??= this.#ports.clock.setTimer(RELAY_MS, () => {
      this.#timer = null;
      if (this.#isClosed) return;
      const nowMs = this.#ports.clock.nowMs();
      for (const [id, relays] of this.#relays) {
        for (const [manager, untilMs] of relays) if (nowMs >= untilMs) relays.delete(manager);
        if (relays.size === 0) this.#relays.delete(id);
      }
      for (const id of this.#shown.keys()) {
        if (!this.#followers.has(id) && !this.#relays.has(id)) this.#shown.delete(id);
      }
      this.#askOwners(null);
      if (this.#followers.size > 0 || this.#relays.size > 0) this.#arm();
    });
  }

  /** Owners of what is followed here; `node`: that one alone. */
  #askOwners(node: string | null): void {
    for (const id of this.#followers.keys()) {
      const job = this.#ports.ledger.state.jobs.get(id);
      if (job !== undefined && (node === null || job.owner?.node === node)) this.#askOwner(job);
    }
  }

  #askOwner({ id, owner }: Job): void {
    if (owner !== null && owner.node !== this.#ports.node)
      this.#ports.links.send(owner.node, { kind: "relay", body: { id } });
  }

  #relay(manager: string, id: string): void {
    const relays = this.#relays.get(id) ?? new Map<string, number>();
    if (!relays.has(manager)) this.#showAlone(manager, id);
    relays.set(manager, this.#ports.clock.nowMs() + RELAYED_MS);
    this.#relays.set(id, relays);
    this.#arm();
  }

  /** Views may be skipped when somebody reads slowly: the newest is worth all before it. */
  #pass(to: string, id: string, event: WireEvent): void {
    const options = event.kind === "view" ? { key: `view ${id}` } : {};
    this.#ports.links.send(to, { kind: "live", body: { id, event } }, options);
  }

  /** From the owner on another node, to those who follow here. Who was replaced is not believed. */
  #passOn(from: string, { id, event }: { readonly id: string; readonly event: WireEvent }): void {
    if (this.#ports.ledger.state.jobs.get(id)?.owner?.node !== from) return;
    if (event.kind === "second") this.#seconds.add(id, event, this.#ports.clock.nowMs());
    const followers = this.#followers.get(id);
    if (followers === undefined) return;
    if (event.kind === "view") this.#shown.set(id, { view: event, atMs: this.#ports.clock.nowMs() });
    for (const client of followers) this.#pass(client, id, event);
  }

  #drop(node: string): void {
    for (const [id, followers] of this.#followers) {
      followers.delete(node);
      if (followers.size === 0) this.#followers.delete(id);
    }
  }
}

function cancelAnswer(outcome: ProposalOutcome): { readonly kind: "done" } | Refusal {
  const refusal = refusedBy(outcome);
  // A job that has ended already needs no cancel.
  const isNeedless = outcome.kind === "applied" && refusal?.code !== "unknown";
  return refusal === null || isNeedless ? { kind: "done" } : refusal;
}

/** Why it is not, or did nothing. Out: null when it is done. */
function refusedBy(outcome: ProposalOutcome): Refusal | null {
  if (outcome.kind === "applied") return refusalOf(outcome.effects);
  const { code, message } = outcome;
  return { kind: "refused", code: code === "expired" ? "unavailable" : code, message };
}

function refusalOf(effects: readonly Effect[] | null): Refusal | null {
  for (const effect of effects ?? [])
    if (effect.kind === "refused") return { kind: "refused", code: effect.code, message: effect.message };
  return null;
}
