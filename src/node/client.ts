// A client of a cluster: submits with one id until the answer is known, follows, cancels. It talks to one manager at a
// time and goes on with the next when that one is gone, refuses or is silent: every request is idempotent.

import { HyperscaleError, messageOf } from "../base/error.ts";
import { seedOf } from "../base/prng.ts";
import type { Address, NodeWorld, Timer } from "../io/world.ts";
import type { JobResult } from "../load/result.ts";
import type { Change } from "../raft/raft.ts";
import { type Hello, PROTOCOL_MAJOR, PROTOCOL_MINOR } from "../wire/handshake.ts";
import { type Blobs, createBlobs, createMemoryStore } from "./blobs/blobs.ts";
import type { ClientContact, ClusterClient, ContactFailure, FollowedJob } from "./cluster-client.ts";
import { CONTENT_BYTES_MAX, type FromDesk, type SteerOrder, type ToDesk } from "./client-messages.ts";
import { noRoom, refusal, type Refused } from "./client-refusals.ts";
import { ComeAgain } from "./come-again.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { addressKey } from "./network/dialler.ts";
import { type DialFailure, type Links, openLinks } from "./network/links.ts";
import { LiveReader } from "./live-codec.ts";
import type { LiveEvent } from "./messages.ts";
import type { NodeMessage } from "./protocol.ts";
import { unpackResult } from "./result-codec.ts";
import type { JobLine, NodeStatus } from "./status.ts";
import { packSubmission, type Submission } from "./submission.ts";

/** What is not answered is said again after it. */
const REPEAT_MS = 2_000;
/** A manager that says nothing while something is asked is left after it. */
const SILENT_MS = 8_000;
/** How long a link to a manager may take to come up, before the next is tried. */
const DIAL_MS = 3_000;
/** Rest after every manager was tried in vain, the first time and at most. */
const REST_MS = 100;
const REST_MS_MAX = 2_000;
const RESULT_MS = 30_000;
/** A job that is followed is unknown for good after so many answers. */
const UNKNOWNS_MAX = 5;

export type ClientOptions = {
  readonly world: Pick<NodeWorld, "clock" | "random" | "streams" | "log">;
  /** Read again at every move: they may change. */
  readonly managers: readonly Address[];
  /** A manager is left, or could not be reached. */
  readonly onMove?: () => void;
  readonly environment: string;
  /** Others than managers may answer: for `status` alone. Default false. */
  readonly acceptsAnyNode?: boolean;
};

/** Dials a manager. Nothing is known of the cluster before the first answer. */
export async function openClient(options: ClientOptions): Promise<ClusterClient> {
  const { world, environment } = options;
  const node = world.random.bytes(8).toHex();
  const boot = `0-${world.random.bytes(4).toHex()}`;
  const hello = (): Hello => ({
    cluster: null,
    environment,
    role: "client",
    node,
    boot,
    address: { host: "client", udp: 0, tcp: 0 },
    major: PROTOCOL_MAJOR,
    minor: PROTOCOL_MINOR,
    features: [],
  });
  const links = await openLinks({ world, listen: null, hello });
  return new Client(options, links, node);
}

type Settle = {
  readonly resolve: (answer: FromDesk) => void;
  readonly reject: (error: Error) => void;
};
type Ask = Settle & { readonly request: ToDesk; readonly beganAtMs: number; unknowns: number; fulls: number };
type Packed = { readonly bytes: Uint8Array; readonly digest: string };
/** A job may be followed more than once: all hear the same. */
type Followed = {
  readonly listeners: ((event: LiveEvent) => void)[];
  readonly reader: LiveReader;
  readonly settle: PromiseWithResolvers<JobResult>;
  isFetching: boolean;
};

class Client implements ClusterClient {
  readonly #options: ClientOptions;
  readonly #links: Links;
  readonly #blobs: Blobs;
  readonly #store = createMemoryStore();
  readonly #packed = new WeakMap<Submission, Packed>();
  /** Contents that went to the present manager along with a submit. */
  readonly #given = new Set<string>();
  readonly #comeAgain: ComeAgain;
  readonly #asks = new Map<number, Ask>();
  readonly #followed = new Map<string, Followed>();
  /** Jobs that were told of since follows were last said again. */
  readonly #heard = new Set<string>();
  readonly #failures = new Map<string, ContactFailure>();
  #nextAsk = 1;
  /** Which manager is wanted, and who it turned out to be. */
  #at = 0;
  #wanted: Address | undefined;
  /** Why the last that was not decided was not. */
  #undecided: string | null = null;
  #manager: string | null = null;
  #heardAtMs: number;
  /** Managers without a part in the cluster that answered since the last look. */
  #strays = 0;
  /** Managers that could not be reached since one was. */
  #refusals = 0;
  #rest: Timer | null = null;
  readonly #look: DeadlineTimer;
  #lookAtMs: number;
  #isClosed = false;

  constructor(options: ClientOptions, links: Links, node: string) {
    const { world, managers } = options;
    this.#options = options;
    this.#links = links;
    this.#blobs = createBlobs({ world, self: node, store: this.#store, links, voters: () => [] });
    this.#comeAgain = new ComeAgain(world.clock, seedOf(world.random.bytes(4)));
    this.#heardAtMs = world.clock.nowMs();
    // Clients of one cluster spread over its managers.
    this.#at = managers.length === 0 ? 0 : (world.random.bytes(1)[0] ?? 0) % managers.length;
    links.onUp((peer) => this.#up(peer));
    links.onDown((peer) => {
      if (peer.node === this.#manager) this.#move();
    });
    links.onRefused((address, failure, _node, why) => {
      this.#failures.set(addressKey(address), { address, failure, why });
      const wanted = this.#wanted;
      if (this.#manager === null && wanted !== undefined && addressKey(address) === addressKey(wanted)) this.#refused();
    });
    links.onMessage((from, message) => this.#hear(from, message));
    this.#want();
    this.#lookAtMs = world.clock.nowMs() + REPEAT_MS;
    // A client that stood still hears first what was said to it meanwhile: no manager was silent then.
    this.#look = new DeadlineTimer(
      world.clock,
      () => this.#lookAtMs,
      () => this.#lookAgain(),
    );
    this.#look.rearm();
  }

  submit(id: string, submission: Submission, onEvent: (event: LiveEvent) => void): FollowedJob {
    return this.#track(id, this.hand(id, submission), onEvent);
  }

  async hand(id: string, submission: Submission): Promise<void> {
    const { bytes, digest } = this.#packed.get(submission) ?? (await this.#pack(submission));
    const content = bytes.length <= CONTENT_BYTES_MAX ? bytes : null;
    await this.#ask({ kind: "submit", ask: this.#nextAsk++, id, submission: digest, content });
  }

  follow(id: string, onEvent: (event: LiveEvent) => void): FollowedJob {
    return this.#track(id, Promise.resolve(), onEvent);
  }

  async cancel(id: string, by: "user" | "other"): Promise<void> {
    await this.#ask({ kind: "cancel", ask: this.#nextAsk++, id, by });
  }

  async steer(id: string, order: SteerOrder): Promise<void> {
    await this.#ask({ kind: "steer", ask: this.#nextAsk++, id, order });
  }

  async change(change: Change, since: number): Promise<void> {
    await this.#ask({ kind: "change", ask: this.#nextAsk++, since, change });
  }

  async jobs(): Promise<readonly JobLine[]> {
    const jobs: JobLine[] = [];
    for (let after: number | null = 0; after !== null;) {
      const answer = await this.#ask({ kind: "jobs", ask: this.#nextAsk++, after });
      if (answer.kind !== "jobs") throw new HyperscaleError("cluster", "the answer is no list of jobs");
      jobs.push(...answer.jobs);
      after = answer.next;
    }
    return jobs;
  }

  async status(): Promise<NodeStatus> {
    const answer = await this.#ask({ kind: "status", ask: this.#nextAsk++ });
    if (answer.kind !== "status") throw new HyperscaleError("cluster", "the answer is no status");
    return answer.status;
  }

  contact(): ClientContact {
    return {
      address: this.#manager === null ? null : (this.#wanted ?? null),
      failures: [...this.#failures.values()],
      heardAtMs: this.#heardAtMs,
      undecided: this.#undecided,
    };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#look.close();
    this.#rest?.cancel();
    this.#comeAgain.close();
    this.#links.close();
    this.#blobs.close();
    const closed = new HyperscaleError("cluster", "the client was closed");
    for (const { reject } of this.#asks.values()) reject(closed);
    for (const { settle } of this.#followed.values()) settle.reject(closed);
    this.#asks.clear();
    this.#followed.clear();
  }

  /** Packed once, and served to managers from then on. */
  async #pack(submission: Submission): Promise<Packed> {
    const bytes = packSubmission(submission);
    const { digest } = await this.#store.put(bytes);
    const packed = { bytes, digest };
    this.#packed.set(submission, packed);
    return packed;
  }

  // ── jobs ──────────────────────────────────────────────────────────────────────────────────────

  #track(id: string, accepted: Promise<void>, onEvent: (event: LiveEvent) => void): FollowedJob {
    const settle = Promise.withResolvers<JobResult>();
    const followed: Followed = { listeners: [onEvent], reader: new LiveReader(), settle, isFetching: false };
    const refuse = (error: unknown): void => {
      settle.reject(error instanceof Error ? error : new Error(messageOf(error)));
      if (this.#followed.get(id) === followed) this.#followed.delete(id);
    };
    accepted.then(() => {
      if (this.#isClosed) return refuse(new HyperscaleError("cluster", "the client was closed"));
      const known = this.#followed.get(id);
      if (known !== undefined) {
        known.listeners.push(onEvent);
        known.settle.promise.then(settle.resolve, settle.reject);
        return;
      }
      this.#followed.set(id, followed);
      this.#ask({ kind: "follow", ask: this.#nextAsk++, id }).catch(refuse);
    }, refuse);
    // Whoever only waits for one of the two has seen the failure there.
    accepted.catch(() => {});
    settle.promise.catch(() => {});
    return {
      accepted,
      result: settle.promise,
      cancel: () => void this.cancel(id, "user").catch(() => {}),
    };
  }

  #finished(id: string, digest: string | null): void {
    const followed = this.#followed.get(id);
    if (followed === undefined || followed.isFetching) return;
    if (digest === null) {
      this.#followed.delete(id);
      followed.settle.reject(new HyperscaleError("failed", `the result of job ${id} is not kept`));
      return;
    }
    followed.isFetching = true;
    this.#blobs.pull(digest, { timeoutMs: RESULT_MS }).then(
      (bytes) => this.#deliver(id, followed, bytes),
      () => {
        // Followed again at the next look, maybe elsewhere.
        followed.isFetching = false;
      },
    );
  }

  #deliver(id: string, { settle }: Followed, bytes: Uint8Array): void {
    this.#followed.delete(id);
    try {
      settle.resolve(unpackResult(bytes));
    } catch (error) {
      settle.reject(new HyperscaleError("cluster", `the result of job ${id}: ${messageOf(error)}`));
    }
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────

  /** The answer, however many managers it takes. Rejects when the request is refused for good. */
  #ask(request: ToDesk): Promise<FromDesk> {
    const { promise, resolve, reject } = Promise.withResolvers<FromDesk>();
    if (this.#isClosed) reject(new HyperscaleError("cluster", "the client was closed"));
    else {
      this.#asks.set(request.ask, { request, resolve, reject, beganAtMs: this.#nowMs(), unknowns: 0, fulls: 0 });
      this.#comeAgain.first();
      this.#say(request);
    }
    return promise;
  }

  #say(request: ToDesk): void {
    if (this.#manager === null || this.#comeAgain.isWaiting(request.ask)) return;
    this.#links.send(this.#manager, { kind: "toDesk", body: this.#lightened(request) });
  }

  /** A content goes to a manager once: it asks for it should it not have it any more. */
  #lightened(request: ToDesk): ToDesk {
    if (request.kind !== "submit" || request.content === null) return request;
    if (this.#given.has(request.submission)) return { ...request, content: null };
    this.#given.add(request.submission);
    return request;
  }

  /** There is no room for it just now. */
  #limited(ask: Ask, { message, retryAfterMs = 0, hasTurn = false }: Refused): void {
    const { request } = ask;
    // What came along was not kept.
    if (request.kind === "submit") this.#given.delete(request.submission);
    this.#comeAgain.refused(request.ask, {
      retryAfterMs,
      hasTurn,
      // Who follows a job goes on for as long as it runs.
      beganAtMs: request.kind === "follow" ? null : ask.beganAtMs,
      say: () => this.#say(request),
      giveUp: (afterMs) => {
        this.#forget(request.ask);
        ask.reject(noRoom(request, message, afterMs));
      },
    });
  }

  #forget(ask: number): void {
    this.#asks.delete(ask);
    this.#comeAgain.forget(ask);
  }

  #hear(from: Hello, message: NodeMessage): void {
    if (this.#isClosed || from.node !== this.#manager) return;
    if (message.kind === "live") {
      this.#heardAtMs = this.#nowMs();
      this.#heard.add(message.body.id);
      const followed = this.#followed.get(message.body.id);
      const event = followed?.reader.read(message.body.event) ?? null;
      if (event !== null) for (const listener of followed?.listeners ?? []) listener(event);
    }
    if (message.kind !== "fromDesk") return;
    this.#heardAtMs = this.#nowMs();
    const answer = message.body;
    if (answer.kind === "finished") return this.#finished(answer.id, answer.result);
    const ask = this.#asks.get(answer.ask);
    if (ask === undefined) return;
    if (answer.kind === "refused" && isElsewhere(answer.code, ask, this.#options.managers.length)) {
      this.#undecided = answer.message;
      return this.#elsewhere();
    }
    if (answer.kind === "refused" && answer.code === "limited") return this.#limited(ask, answer);
    // Nothing was decided: it is said again, and elsewhere when that does not help.
    if (answer.kind === "refused" && isOpen(answer.code, ask)) {
      this.#undecided = answer.message;
      if (answer.code === "unavailable") this.#comeAgain.undecided(answer.ask, () => this.#say(ask.request));
      return;
    }
    this.#strays = 0;
    this.#forget(answer.ask);
    if (answer.kind === "refused") ask.reject(refusal(ask.request, answer));
    else ask.resolve(answer);
  }

  // ── managers ──────────────────────────────────────────────────────────────────────────────────

  #want(): void {
    const { managers } = this.#options;
    this.#wanted = managers[this.#at % Math.max(1, managers.length)];
    if (this.#wanted !== undefined) this.#links.want(this.#wanted);
  }

  /** That manager has no part in the cluster. */
  #elsewhere(): void {
    if (this.#rest === null) this.#moveInRounds(++this.#strays);
  }

  /** That manager cannot be reached. */
  #refused(): void {
    if (this.#rest !== null) return;
    if (this.#moveInRounds(++this.#refusals) === "rest" && this.#wanted !== undefined) this.#links.unwant(this.#wanted);
  }

  /** On to the next at once as long as one is untried; after so many that all were, after a rest that grows. */
  #moveInRounds(tried: number): "move" | "rest" {
    const rounds = tried / this.#options.managers.length;
    if (!Number.isInteger(rounds)) {
      this.#move();
      return "move";
    }
    const restMs = Math.min(REST_MS_MAX, REST_MS * 2 ** Math.min(rounds - 1, 10));
    this.#rest = this.#options.world.clock.setTimer(restMs, () => this.#move());
    return "rest";
  }

  /** On to the next manager. */
  #move(): void {
    if (this.#isClosed) return;
    this.#rest?.cancel();
    this.#rest = null;
    this.#options.onMove?.();
    const address = this.#wanted;
    const left = this.#manager;
    this.#manager = null;
    this.#at++;
    this.#heardAtMs = this.#nowMs();
    if (address !== undefined) this.#links.unwant(address);
    if (left !== null) this.#links.drop(left);
    this.#want();
    // A link that is up already says so no more.
    const known = this.#links.peers().find(({ node, role }) => role === "manager" && node !== left);
    if (known !== undefined) this.#up(known);
  }

  #up(peer: Hello): void {
    if (this.#manager !== null || peer.role === "client") return;
    const address = this.#wanted;
    if (peer.role !== "manager" && this.#options.acceptsAnyNode !== true) {
      const why = `${peer.role} ${peer.node} is there, and managers are asked for this`;
      if (address !== undefined) this.#failures.set(addressKey(address), { address, failure: "role", why });
      return this.#refused();
    }
    this.#manager = peer.node;
    this.#refusals = 0;
    this.#rest?.cancel();
    this.#rest = null;
    this.#given.clear();
    if (address !== undefined) this.#failures.delete(addressKey(address));
    this.#heardAtMs = this.#nowMs();
    this.#heard.clear();
    this.#sayAll();
  }

  /** Everything that is not answered. Of a job that the manager tells of it knows already who follows. */
  #sayAll(): void {
    for (const { request } of this.#asks.values()) this.#say(request);
    for (const [id, { isFetching }] of this.#followed) {
      if (this.#heard.has(id)) continue;
      const isAsked = [...this.#asks.values()].some(({ request }) => request.kind === "follow" && request.id === id);
      if (!isFetching && !isAsked) this.#say({ kind: "follow", ask: this.#nextAsk++, id });
    }
    this.#heard.clear();
  }

  #lookAgain(): void {
    this.#lookAtMs = this.#nowMs() + REPEAT_MS;
    this.#look.rearm();
    const isWaiting = this.#asks.size > 0 || this.#followed.size > 0;
    const silentMs = this.#nowMs() - this.#heardAtMs;
    if (isWaiting && silentMs >= (this.#manager === null ? DIAL_MS : SILENT_MS)) return this.#move();
    this.#sayAll();
  }

  #nowMs(): number {
    return this.#options.world.clock.nowMs();
  }
}

/** A refusal that is none of the next manager, maybe: one without space is not all of them. */
function isElsewhere(code: string, ask: Ask, managers: number): boolean {
  return code === "elsewhere" || (code === "disk_full" && ++ask.fulls < managers);
}

/** A refusal that may be none in a moment, or from another manager. */
function isOpen(code: string, ask: Ask): boolean {
  if (code === "unavailable") return true;
  // The manager asked may not have applied the submit yet that another has acknowledged.
  return code === "unknown" && ask.request.kind === "follow" && ++ask.unknowns < UNKNOWNS_MAX;
}
