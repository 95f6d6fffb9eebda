// `status --watch`: a cluster's picture kept up to date on a terminal, or as a line of JSON a second elsewhere, until
// q or Ctrl+C. It goes on with another node when the one it asks is gone.

import { HyperscaleError } from "../base/error.ts";
import type { Terminal } from "../io/terminal.ts";
import type { NodeWorld, Timer } from "../io/world.ts";
import type { NodeStatus } from "../node/status.ts";
import { type Change, changesBetween } from "../tui/cluster-changes.ts";
import { FullScreen } from "../tui/full-screen.ts";
import { keysOf } from "../tui/keys.ts";
import { type Gaze, gazeAfter, type Watched, watchLines } from "../tui/watch-lines.ts";
import type { Cluster } from "./cluster.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { usesColor } from "./progress.ts";

const ASK_MS = 1_000;
/** What is shown is called old when nobody answered for so long. */
const OLD_MS = 3_000;
/** Seconds of a job's rate that are kept, and what happened that is kept. */
const HISTORY_MAX = 60;
const EVENTS_MAX = 500;

/** What is needed of a cluster, and of the world. */
type Asked = Pick<Cluster, "answer"> & { readonly client: Pick<Cluster["client"], "status"> };
type Clocked = Pick<NodeWorld, "clock">;

/** Shows the cluster until it is left, or nobody reads on. Throws `cluster` when nobody answers at first. */
export async function watchCluster(invocation: Invocation, cluster: Asked, world: Clocked): Promise<number> {
  const { settings, terminal } = invocation;
  const isJson = settings.is("json");
  if (!isJson && !terminal.output.isTerminal)
    throw new HyperscaleError("invalid", "--watch draws on a terminal, and standard output is none", {
      hint: "with --json it prints a line a second",
    });
  const watch = new Watch(cluster, world);
  const left = Promise.withResolvers<void>();
  const unwatch = terminal.onInterrupt(() => left.resolve());
  const stage = isJson ? null : new Stage(terminal, usesColor(terminal, settings, "output"), left.resolve);
  try {
    watch.see(await cluster.answer(cluster.client.status()));
    watch.go(() => {
      const { watched } = watch;
      if (watched === null) return;
      if (terminal.output.isGone()) return left.resolve();
      if (stage !== null) stage.show(watched);
      else if (watch.isNew()) terminal.output.write(`${JSON.stringify(watched.status)}\n`);
    });
    await left.promise;
    return EXIT_OK;
  } finally {
    watch.close();
    stage?.close();
    unwatch();
  }
}

/** The whole terminal, and what its keys do. */
class Stage {
  readonly #terminal: Terminal;
  readonly #color: boolean;
  readonly #screen: FullScreen;
  readonly #undo: readonly (() => void)[];
  #gaze: Gaze = { view: "cluster", top: 0 };
  #watched: Watched | null = null;

  constructor(terminal: Terminal, color: boolean, leave: () => void) {
    this.#terminal = terminal;
    this.#color = color;
    this.#screen = new FullScreen(terminal.output);
    this.#undo = [
      terminal.onExit(() => this.#screen.close()),
      terminal.onResize(() => this.#draw()),
      terminal.onInput((text) => {
        for (const key of keysOf(text)) {
          const next = gazeAfter(this.#gaze, key, Math.max(1, terminal.output.size().rows - 10));
          if (next === null) return leave();
          this.#gaze = next;
        }
        this.#draw();
      }),
    ];
  }

  show(watched: Watched): void {
    this.#watched = watched;
    this.#draw();
  }

  close(): void {
    for (const undo of this.#undo) undo();
    this.#screen.close();
  }

  #draw(): void {
    if (this.#watched === null) return;
    const { lines, gaze } = watchLines(this.#watched, this.#gaze, {
      ...this.#terminal.output.size(),
      color: this.#color,
    });
    this.#gaze = gaze;
    this.#screen.paint(lines);
  }
}

/** Asks once a second, and keeps what happened. */
class Watch {
  readonly #cluster: Asked;
  readonly #world: Clocked;
  readonly #history = new Map<string, readonly number[]>();
  #events: readonly (Change & { readonly atMs: number })[] = [];
  #status: NodeStatus | null = null;
  #seenAtMs = 0;
  #isAsking = false;
  #isNew = false;
  #show = (): void => {};
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(cluster: Asked, world: Clocked) {
    this.#cluster = cluster;
    this.#world = world;
  }

  get watched(): Watched | null {
    if (this.#status === null) return null;
    const nowMs = this.#world.clock.nowMs();
    const ageMs = nowMs - this.#seenAtMs;
    const events = this.#events.map(({ atMs, ...change }) => ({ ...change, ageMs: nowMs - atMs }));
    const problem = ageMs < OLD_MS ? null : `nobody answers: this is ${Math.floor(ageMs / 1_000)} s old`;
    return { status: this.#status, history: this.#history, events, problem };
  }

  /** Something came since the last call. */
  isNew(): boolean {
    const isNew = this.#isNew;
    this.#isNew = false;
    return isNew;
  }

  /** Calls `show` whenever there is something new, and once a second: what is shown grows old. */
  go(show: () => void): void {
    this.#show = show;
    show();
    this.#arm();
  }

  see(status: NodeStatus): void {
    const { clock } = this.#world;
    const atMs = clock.nowMs();
    const before = this.#status;
    if (before !== null)
      this.#events = [...this.#events, ...changesBetween(before, status).map((change) => ({ ...change, atMs }))].slice(
        -EVENTS_MAX,
      );
    this.#status = status;
    this.#seenAtMs = atMs;
    this.#isNew = true;
    this.#keepRates(status);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #keepRates({ jobs }: NodeStatus): void {
    const running = new Set<string>();
    for (const { id, live } of jobs) {
      if (live === null) continue;
      running.add(id);
      this.#history.set(id, [...(this.#history.get(id) ?? []), live.requestsPerSecond].slice(-HISTORY_MAX));
    }
    for (const id of this.#history.keys()) if (!running.has(id)) this.#history.delete(id);
  }

  #arm(): void {
    this.#timer = this.#world.clock.setTimer(ASK_MS, () => {
      if (this.#isClosed) return;
      this.#arm();
      this.#ask();
      this.#show();
    });
  }

  #ask(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const done = (): void => {
      this.#isAsking = false;
    };
    this.#cluster.client
      .status()
      .then((status) => {
        if (this.#isClosed) return;
        this.see(status);
        this.#show();
      })
      .then(done, done);
  }
}
