// What an owner commits of the attempts of its job: the seal of one that ended, in the order of the values it provided,
// and every few seconds a checkpoint of those that run.

import type { End, Proposal } from "../../ledger/entries.ts";
import type { AttemptId } from "../../load/share.ts";
import type { Ownership } from "./ownership.ts";
import { closeAttempt, notesOf, type RunAttempt } from "./run.ts";
import { checkpointEntry, sealEntry } from "./seal-entry.ts";
import type { Kept } from "./vault.ts";

/** Running attempts are kept this often. */
const CHECKPOINT_MS = 5_000;

export class Seals {
  readonly #own: Ownership;
  /** Values proposed and not yet applied, and seals that wait for them, by attempt token. */
  readonly #providing = new Map<number, number>();
  readonly #due = new Map<number, () => void>();
  #isKeeping = false;

  constructor(own: Ownership) {
    this.#own = own;
    if (own.ports.doesCheckpoint) this.#armCheckpoint();
  }

  /** A value counts only before its attempt's seal, and proposals may be applied in another order. */
  provide(proposal: Extract<Proposal, { kind: "provide" }>): void {
    const { attemptToken } = proposal;
    this.#providing.set(attemptToken, (this.#providing.get(attemptToken) ?? 0) + 1);
    this.#own.propose(proposal, (outcome) => {
      const left = (this.#providing.get(attemptToken) ?? 1) - 1;
      this.#providing.set(attemptToken, left);
      if (left === 0) {
        this.#providing.delete(attemptToken);
        this.#due.get(attemptToken)?.();
        this.#due.delete(attemptToken);
      }
      if (outcome.kind !== "applied") return;
      for (const effect of outcome.effects ?? [])
        if (effect.kind === "refused" && effect.code === "limit") this.#own.warn(effect.message);
    });
  }

  /** Commits the end of an attempt with the newest snapshot held: the last one that will ever count. */
  seal(id: AttemptId, end: End): void {
    const { run, ports } = this.#own;
    const attempt = closeAttempt(run, id.token);
    if (attempt === null) return;
    const held = attempt.held;
    const propose = (name: string): void => {
      attempt.keptAs = name;
      if (this.#providing.has(id.token)) this.#due.set(id.token, () => this.#propose(attempt, end, name));
      else this.#propose(attempt, end, name);
    };
    if (held === null && !run.unheard.has(id.token)) return propose("");
    const attempts = held === null ? [] : [{ held, errors: attempt.errors }];
    const kept: Kept = { notes: notesOf(run), attempts };
    this.#own.keep(() => ports.vault.keep(kept), propose);
  }

  #propose(attempt: RunAttempt, end: End, snapshot: string): void {
    const own = this.#own;
    const { id } = attempt;
    own.propose(sealEntry(attempt, own.token, end, snapshot), (outcome) => {
      if (outcome.kind === "applied" || own.isClosed || !own.isLive(id)) return;
      if (outcome.code === "expired") return this.#propose(attempt, end, snapshot);
      const message = `its end could not be committed: ${outcome.message}`;
      const isTooLarge = end.kind === "closed" && (end.valueJson !== null || end.thrown !== null);
      if (isTooLarge) this.#propose(attempt, { kind: "closed", valueJson: null, thrown: message }, snapshot);
    });
  }

  #armCheckpoint(): void {
    this.#own.arm(CHECKPOINT_MS, () => {
      this.#armCheckpoint();
      void this.checkpoint();
    });
  }

  /** All running attempts in one blob and one entry. Resolves when it is proposed, or could not be kept. */
  async checkpoint(): Promise<void> {
    const { run, ports, token } = this.#own;
    const job = this.#own.job();
    const running = [...run.attempts.values()].filter(
      ({ id, held, isSealing, offsetMs }) => held !== null && !isSealing && offsetMs !== null && this.#own.isLive(id),
    );
    if (job === null || this.#isKeeping || running.length === 0) return;
    this.#isKeeping = true;
    const attempts = running.flatMap(({ held, errors }) => (held === null ? [] : [{ held, errors }]));
    const cuts = attempts.map(({ held }) => held);
    try {
      const snapshot = await ports.vault.keep({ notes: notesOf(run), attempts });
      this.#own.propose(checkpointEntry({ job: job.id, ownerToken: token }, cuts, snapshot));
    } catch {
      // It is tried again at its time.
    } finally {
      this.#isKeeping = false;
    }
  }
}
