// What can be done to registered nodes from another process: looked at, ordered, killed, stopped, woken, started again.
// A process is only touched while it is the one that registered.

import { HyperscaleError } from "../base/error.ts";
import { exists } from "../io/files.ts";
import { processOf, signalProcess, startDetached } from "../io/local-process.ts";
import { askLine } from "../io/unix-lines.ts";
import type { Clock } from "../io/world.ts";
import { type Answer, answerSchema, type Fault, type Order, type Peer } from "./faults.ts";
import { type Entry, presenceOf, type Registry } from "./registry.ts";
import { type SeenNode, shortId } from "./targets.ts";

/** How long a node that runs has to answer; one that is starved or at its disk is not asked for more. */
const ANSWER_MS = 3_000;
/** A killed process is gone, and a stopped one stopped, within so long; a started one has registered. */
const SETTLE_MS = 5_000;
const START_MS = 20_000;
const LOOK_MS = 20;

export class Operator {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #environment: Readonly<Record<string, string | undefined>>;

  /** environment: what processes that are started again get besides what they registered with. */
  constructor(options: {
    readonly registry: Registry;
    readonly clock: Clock;
    readonly environment: Readonly<Record<string, string | undefined>>;
  }) {
    this.#registry = options.registry;
    this.#clock = options.clock;
    this.#environment = options.environment;
  }

  /** All registered nodes as they are now. Entries whose data folder is gone too are forgotten. */
  async look(): Promise<readonly SeenNode[]> {
    const seen = await Promise.all(this.#registry.entries().map((entry) => this.#see(entry)));
    return seen.flatMap((node) => (node === null ? [] : [node]));
  }

  async #see(entry: Entry): Promise<SeenNode | null> {
    const presence = presenceOf(entry);
    if (presence.kind === "running") {
      const answer = await this.#ask(entry, { kind: "tell" }).catch(() => null);
      return { entry, presence: presenceOf(entry), told: answer?.kind === "told" ? answer : null };
    }
    if (presence.kind !== "paused" && !(await exists(entry.data))) {
      this.#registry.remove(entry);
      return null;
    }
    return { entry, presence, told: null };
  }

  inflict({ entry }: SeenNode, fault: Fault, forMs: number): Promise<void> {
    return this.#order(entry, { kind: "inflict", fault, forMs });
  }

  /** Ends its faults, and wakes it if it is stopped. Out: how many faults there were. */
  async heal(node: SeenNode): Promise<number> {
    const { entry } = node;
    const wasPaused = this.#present(entry) === "paused";
    if (wasPaused) await this.resume(node);
    const answer = await this.#ask(entry, { kind: "heal" });
    return (answer.kind === "done" ? answer.count : 0) + (wasPaused ? 1 : 0);
  }

  crashCore({ entry }: SeenNode): Promise<void> {
    return this.#order(entry, { kind: "crashCore" });
  }

  /** SIGKILL. Returns when it is gone. */
  async kill({ entry }: SeenNode): Promise<void> {
    this.#present(entry);
    signalProcess(entry.pid, "SIGKILL");
    await this.#until(() => presenceOf(entry).kind === "gone", SETTLE_MS, `${nameOf(entry)} to be gone`);
  }

  /** Stops them all at nearly one instant; each is woken after `forMs`, whatever becomes of this process. */
  async pause(nodes: readonly SeenNode[], forMs: number): Promise<void> {
    for (const { entry } of nodes) this.#present(entry);
    await Promise.all(nodes.map(({ entry }) => this.#order(entry, { kind: "brace", forMs })));
    for (const { entry } of nodes) {
      this.#present(entry);
      signalProcess(entry.pid, "SIGSTOP");
    }
    await Promise.all(
      nodes.map(({ entry }) =>
        this.#until(() => presenceOf(entry).kind !== "running", SETTLE_MS, `${nameOf(entry)} to stand still`),
      ),
    );
  }

  async resume({ entry }: SeenNode): Promise<void> {
    if (this.#present(entry) !== "paused") return;
    signalProcess(entry.pid, "SIGCONT");
    await this.#order(entry, { kind: "woken" });
  }

  /**
   * Kills it if it is there, and starts it again as it was started: program, arguments, folder, log file. Returns when
   * it has registered. Throws `cluster` when it does not.
   */
  async restart(node: SeenNode): Promise<Entry> {
    const { entry } = node;
    if (presenceOf(entry).kind !== "gone") await this.kill(node);
    const logFile = this.#registry.logFileOf(entry);
    const pid = await startDetached({
      program: entry.program,
      args: entry.argv.slice(1),
      directory: entry.directory,
      environment: { ...this.#environment, ...entry.environment },
      logFile,
    });
    let started: Entry | undefined;
    await this.#until(
      () => {
        started = this.#registry.entries().find((one) => one.id === entry.id && one.pid === pid);
        return started !== undefined || processOf(pid) === null;
      },
      START_MS,
      `${nameOf(entry)} to start again; it writes to ${logFile}`,
    );
    if (started !== undefined) return started;
    throw new HyperscaleError("cluster", `${nameOf(entry)} did not start again`, { hint: `it says why in ${logFile}` });
  }

  /** Out: running or paused. Throws `invalid` when the process is gone, or another one. */
  #present(entry: Entry): "running" | "paused" {
    const presence = presenceOf(entry);
    switch (presence.kind) {
      case "gone":
        throw new HyperscaleError("invalid", `${nameOf(entry)} does not run (it was process ${entry.pid})`, {
          hint: `hyperscale chaos restart ${shortId(entry.id)} starts it again`,
        });
      case "stranger":
        throw new HyperscaleError("invalid", `${nameOf(entry)} is not touched: ${presence.why}`, {
          hint: "the node has ended, and its process id is used by something else",
        });
      default:
        return presence.kind;
    }
  }

  async #order(entry: Entry, order: Order): Promise<void> {
    if (this.#present(entry) === "paused")
      throw new HyperscaleError("invalid", `${nameOf(entry)} stands still and hears no order`, {
        hint: `hyperscale chaos resume ${shortId(entry.id)}`,
      });
    await this.#ask(entry, order);
  }

  /** Throws `invalid` when it refuses, `cluster` when it does not answer. */
  async #ask(entry: Entry, order: Order): Promise<Answer> {
    const line = await askLine(entry.socket, JSON.stringify(order), ANSWER_MS);
    const answer = line === null ? null : answerSchema.safeParse(jsonOf(line));
    if (answer === null || !answer.success)
      throw new HyperscaleError("cluster", `${nameOf(entry)} does not answer at ${entry.socket}`, {
        hint: "it may be starved, or of another version",
      });
    if (answer.data.kind === "refused")
      throw new HyperscaleError("invalid", `${nameOf(entry)}: ${answer.data.message}`);
    return answer.data;
  }

  async #until(holds: () => boolean, timeoutMs: number, what: string): Promise<void> {
    const startedAtMs = this.#clock.nowMs();
    while (!holds()) {
      if (this.#clock.nowMs() - startedAtMs > timeoutMs)
        throw new HyperscaleError("cluster", `waited ${timeoutMs / 1_000} s for ${what}`);
      await new Promise<void>((resolve) => void this.#clock.setTimer(LOOK_MS, resolve));
    }
  }
}

/** "manager 0a1b2c3d at 127.0.0.1:9000". */
export function nameOf({ id, role, addresses: [address] }: Entry): string {
  return `${role} ${shortId(id)}${address === undefined ? "" : ` at ${address.host}:${address.tcp}`}`;
}

/** Where nodes are, for a fault that names them. */
export function peersOf(nodes: readonly SeenNode[]): Peer[] {
  return nodes.flatMap(({ entry }) => entry.addresses);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
