// What this node has proposed and not seen applied: numbered, said to whoever leads, said again after any doubt. Raft's
// sessions apply each number once; here is only what still waits, and when it is due.

import type { ProposalOutcome } from "../ledger-port.ts";

/** A name for numbers: one boot of a proposer, and a commit index it knew before it used the name. */
export type Client = { readonly client: string; readonly since: number };

/** A proposal under way, in the codec's bytes. `settled` is told once, by whoever takes it. */
export type Open = Client & {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** It ends when the disk of the leader is full; others wait for space. */
  readonly isRefusable: boolean;
  readonly settled: ((outcome: ProposalOutcome) => void) | undefined;
};

type Waiting = Pick<Open, "bytes" | "isRefusable" | "settled">;
type Said = { readonly open: Open; saidAtMs: number | null; isAppended: boolean };

/** Without an answer it is said again after this; once appended, after longer: it waits for its commit. */
const UNANSWERED_MS = 500;
const UNCOMMITTED_MS = 5_000;

export class Proposals {
  readonly #nextClient: () => Client;
  readonly #openMax: number;
  #client: Client | null = null;
  #sequence = 0;
  readonly #said = new Map<string, Said>();
  readonly #waiting: Waiting[] = [];

  /**
   * `nextClient`: a name never used before, for the first numbers and after `rename`. `openMax`: numbers of one name
   * that may be open (raft's sequencesMax).
   */
  constructor(options: { readonly nextClient: () => Client; readonly openMax: number }) {
    this.#nextClient = options.nextClient;
    this.#openMax = options.openMax;
  }

  /** Proposals that are not over. */
  get size(): number {
    return this.#said.size + this.#waiting.length;
  }

  add(proposal: Waiting): void {
    this.#waiting.push(proposal);
  }

  /** Another leader or term: what was said before may be lost. */
  turn(): void {
    for (const said of this.#said.values()) {
      said.saidAtMs = null;
      said.isAppended = false;
    }
  }

  /** Later numbers get a new name: the present one may be forgotten. */
  rename(): void {
    this.#client = null;
  }

  /** What is to be said now; it counts as said. */
  due(nowMs: number): readonly Open[] {
    while (this.#said.size < this.#openMax) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (this.#client === null) {
        this.#client = this.#nextClient();
        this.#sequence = 0;
      }
      const open = { ...next, ...this.#client, sequence: ++this.#sequence };
      this.#said.set(keyOf(open.client, open.sequence), { open, saidAtMs: null, isAppended: false });
    }
    const due: Open[] = [];
    for (const said of this.#said.values()) {
      const afterMs = said.isAppended ? UNCOMMITTED_MS : UNANSWERED_MS;
      if (said.saidAtMs !== null && nowMs - said.saidAtMs < afterMs) continue;
      said.saidAtMs = nowMs;
      said.isAppended = false;
      due.push(said.open);
    }
    return due;
  }

  /** A leader has it in its log. */
  appended(client: string, sequence: number): void {
    const said = this.#said.get(keyOf(client, sequence));
    if (said !== undefined) said.isAppended = true;
  }

  find(client: string, sequence: number): Open | null {
    return this.#said.size === 0 ? null : (this.#said.get(keyOf(client, sequence))?.open ?? null);
  }

  /** It is over. Out: null when it was not open. */
  take(client: string, sequence: number): Open | null {
    if (this.#said.size === 0) return null;
    const key = keyOf(client, sequence);
    const said = this.#said.get(key);
    if (said === undefined) return null;
    this.#said.delete(key);
    return said.open;
  }
}

function keyOf(client: string, sequence: number): string {
  return `${client} ${sequence}`;
}
