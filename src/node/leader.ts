// The leader's duties: as long as this manager leads, what membership and the workers themselves say becomes entries:
// who joins and leaves the pool, who owns which job, what is forgotten. What is due is ledger/duties.ts's to say.

import type { Clock, Timer } from "../io/world.ts";
import { duties, type ManagerSeen, type WorkerSeen } from "../ledger/duties.ts";
import type { MemberView, SwimView } from "../swim/swim.ts";
import type { LedgerPort } from "./ledger-port.ts";
import type { DialFailure } from "./network/links.ts";
import type { Present } from "./owner/worker-hall.ts";

/** How often a leader looks, and how often another whether it leads: it is told, too. */
const LOOK_MS = 200;
const IDLE_MS = 1_000;
/** A manager that this leader knows nothing of yet is given so long to show itself. */
const GRACE_MS = 2_000;
/** How often a dead worker's port is tried, for certainty. */
const KNOCK_MS = 1_000;

export type LeaderPorts = {
  readonly clock: Clock;
  readonly ledger: LedgerPort;
  readonly node: string;
  readonly boot: string;
  /** This node leads and has applied its own term. */
  readonly isLeading: () => boolean;
  /** The managers that vote. */
  readonly voters: () => readonly string[];
  readonly membership: () => SwimView;
  /** The life of a node at the other end of a link; null when there is none. */
  readonly bootOf: (node: string) => string | null;
  /** Workers that spoke here lately. */
  readonly present: () => readonly Present[];
  /** Says nothing to that worker, only to see whether its port refuses. */
  readonly knock: (member: MemberView, failed: (failure: DialFailure) => void) => void;
};

export class Leader {
  readonly #ports: LeaderPorts;
  /** The newest life seen of each manager and worker. */
  readonly #boots = new Map<string, string>();
  /** Of each worker the newest life whose port refused after membership had declared it dead. */
  readonly #refused = new Map<string, string>();
  readonly #knockedAtMs = new Map<string, number>();
  #sinceMs: number | null = null;
  /** Proposals of the last look that are not settled: nothing is proposed twice. */
  #pending = 0;
  /** Something changed meanwhile. */
  #isDue = false;
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(ports: LeaderPorts) {
    this.#ports = ports;
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** Something changed: looks at once. */
  look(): void {
    if (this.#isClosed) return;
    const { ledger, isLeading, clock } = this.#ports;
    if (!isLeading()) {
      this.#sinceMs = null;
      return;
    }
    if (this.#sinceMs === null) {
      this.#sinceMs = clock.nowMs();
      this.#arm();
    }
    if (this.#pending > 0) {
      this.#isDue = true;
      return;
    }
    this.#isDue = false;
    const members = new Map<string, MemberView>();
    for (const member of this.#ports.membership().members) members.set(member.id, member);
    const due = duties(ledger.state, {
      nowMs: ledger.nowMs(),
      managers: this.#managers(members),
      workers: this.#workers(members),
    });
    this.#pending = due.length;
    for (const proposal of due) {
      ledger.propose(proposal, () => {
        // What was refused is due still: it is tried again at its time, not at once.
        if (--this.#pending === 0 && this.#isDue) this.look();
      });
    }
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = this.#ports.clock.setTimer(this.#sinceMs === null ? IDLE_MS : LOOK_MS, () => {
      if (this.#isClosed) return;
      this.look();
      this.#forget();
      this.#arm();
    });
  }

  #managers(members: ReadonlyMap<string, MemberView>): ManagerSeen[] {
    const { node: self, boot: ownBoot, voters, bootOf } = this.#ports;
    return voters().map((node) => {
      if (node === self) return { node, boot: ownBoot, isAlive: true };
      const linked = bootOf(node);
      if (linked !== null) this.#boots.set(node, linked);
      const boot = linked ?? this.#boots.get(node) ?? ownerBoot(this.#ports.ledger, node) ?? "";
      return { node, boot, isAlive: boot !== "" && this.#isAlive(members.get(node), linked !== null) };
    });
  }

  #isAlive(member: MemberView | undefined, isLinked: boolean): boolean {
    const status = member?.status;
    if (status === "dead" || status === "left") return false;
    if (isLinked || status === "alive" || status === "suspect") return true;
    return this.#ports.clock.nowMs() - (this.#sinceMs ?? 0) < GRACE_MS;
  }

  #workers(members: ReadonlyMap<string, MemberView>): WorkerSeen[] {
    const seen: WorkerSeen[] = [];
    const present = new Map(this.#ports.present().map((worker) => [worker.node, worker]));
    for (const { node: worker, boot, cores, labels, isDraining } of present.values())
      seen.push({ worker, boot, cores, labels, status: isDraining ? "left" : "alive", isCertain: false });
    for (const [worker, { boot, cores, labels }] of this.#known()) {
      if (present.has(worker)) continue;
      const member = members.get(worker);
      if (member?.status !== "dead" && member?.status !== "left") continue;
      if (member.status === "dead") this.#knock(member, boot);
      const isCertain = member.status === "left" || this.#refused.get(worker) === boot;
      seen.push({ worker, boot, cores, labels, status: member.status, isCertain });
    }
    return seen;
  }

  /** What was seen of lives that nobody asks about any more. */
  #forget(): void {
    if (this.#knockedAtMs.size + this.#refused.size > 0) {
      const known = this.#known();
      for (const worker of this.#knockedAtMs.keys()) if (!known.has(worker)) this.#knockedAtMs.delete(worker);
      for (const worker of this.#refused.keys()) if (!known.has(worker)) this.#refused.delete(worker);
    }
    const voters = new Set(this.#ports.voters());
    for (const node of this.#boots.keys()) if (!voters.has(node)) this.#boots.delete(node);
  }

  /** Workers of the pool, and those gone whose attempts still wait for certainty. */
  #known(): ReadonlyMap<string, { readonly boot: string; readonly cores: number; readonly labels: Present["labels"] }> {
    const { roll, workers } = this.#ports.ledger.state;
    const known = new Map<
      string,
      { readonly boot: string; readonly cores: number; readonly labels: Present["labels"] }
    >(workers);
    for (const { workflows } of roll.owned.values()) {
      for (const { shares } of workflows.values()) {
        for (const { attempts } of shares) {
          const last = attempts.at(-1);
          if (last === undefined || last.state === "sealed" || last.lost === null || known.has(last.worker)) continue;
          known.set(last.worker, { boot: last.boot, cores: 1, labels: {} });
        }
      }
    }
    return known;
  }

  /** A refused port seen by this node too, after others declared it dead, is a fact; silence is not. */
  #knock(member: MemberView, boot: string): void {
    const nowMs = this.#ports.clock.nowMs();
    if (this.#refused.get(member.id) === boot || nowMs - (this.#knockedAtMs.get(member.id) ?? -Infinity) < KNOCK_MS)
      return;
    this.#knockedAtMs.set(member.id, nowMs);
    this.#ports.knock(member, (failure) => {
      if (failure !== "refused" || this.#isClosed) return;
      this.#refused.set(member.id, boot);
      this.look();
    });
  }
}

/** The life of a manager as its jobs name it. */
function ownerBoot({ state }: LedgerPort, node: string): string | null {
  for (const { owner } of state.roll.owned.values()) if (owner?.node === node) return owner.boot;
  return null;
}
