// `status --watch`: a cluster's picture kept up to date on a terminal, or as a line of JSON a second elsewhere, until
// Ctrl+C. It goes on with another node when the one it asks is gone.

import { HyperscaleError } from "../base/error.ts";
import type { NodeWorld, Timer } from "../io/world.ts";
import type { JobView } from "../load/result.ts";
import type { NodeStatus } from "../node/status.ts";
import { type Change, changesBetween } from "../tui/cluster-changes.ts";
import { Painter } from "../tui/painter.ts";
import { type Watched, watchLines } from "../tui/watch-lines.ts";
import type { Cluster } from "./cluster.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { usesColor } from "./progress.ts";

const ASK_MS = 1_000;
/** What is shown is called old when nobody answered for so long. */
const OLD_MS = 3_000;
/** Jobs whose rates are followed at once. */
const FOLLOWED_MAX = 16;
const EVENTS_MAX = 100;

/** Shows the cluster until a signal. Throws `cluster` when nobody answers at first. */
export async function watchCluster(invocation: Invocation, cluster: Cluster, world: NodeWorld): Promise<number> {
  const { settings, terminal } = invocation;
  const isJson = settings.is("json");
  if (!isJson && !terminal.output.isTerminal)
    throw new HyperscaleError("invalid", "--watch draws on a terminal, and standard output is none", {
      hint: "with --json it prints a line a second",
    });
  const painter = isJson ? null : new Painter(terminal.output);
  const color = usesColor(terminal, settings, "output");
  const interrupted = Promise.withResolvers<void>();
  const unwatch = terminal.onInterrupt(() => interrupted.resolve());
  const forget = painter === null ? () => {} : terminal.onExit(() => painter.close());
  const watch = new Watch(cluster, world);
  try {
    watch.see(await cluster.answer(cluster.client.status()));
    watch.go(() => {
      const { watched } = watch;
      if (watched === null) return;
      if (painter !== null) painter.paint(watchLines(watched, { ...terminal.output.size(), color }));
      else if (watch.isNew()) terminal.output.write(`${JSON.stringify(watched.status)}\n`);
    });
    await interrupted.promise;
    return EXIT_OK;
  } finally {
    watch.close();
    painter?.close();
    forget();
    unwatch();
  }
}

/** Asks once a second, follows what runs, and keeps what happened. */
class Watch {
  readonly #cluster: Cluster;
  readonly #world: NodeWorld;
  readonly #views = new Map<string, JobView>();
  readonly #followed = new Set<string>();
  #events: readonly (Change & { readonly atMs: number })[] = [];
  #status: NodeStatus | null = null;
  #seenAtMs = 0;
  #isAsking = false;
  #isNew = false;
  #show = (): void => {};
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(cluster: Cluster, world: NodeWorld) {
    this.#cluster = cluster;
    this.#world = world;
  }

  get watched(): Watched | null {
    if (this.#status === null) return null;
    const nowMs = this.#world.clock.nowMs();
    const ageMs = nowMs - this.#seenAtMs;
    const events = this.#events.map(({ atMs, ...change }) => ({ ...change, ageMs: nowMs - atMs }));
    const problem = ageMs < OLD_MS ? null : `nobody answers: this is ${Math.floor(ageMs / 1_000)} s old`;
    return { status: this.#status, views: this.#views, events, problem };
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
    // Nodes differ in what they know: only what one node says twice is a change.
    if (before !== null && before.node.id === status.node.id)
      this.#events = [...this.#events, ...changesBetween(before, status).map((change) => ({ ...change, atMs }))].slice(
        -EVENTS_MAX,
      );
    this.#status = status;
    this.#seenAtMs = atMs;
    this.#isNew = true;
    for (const { id, state } of status.jobs) if (state !== "finished") this.#follow(id);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
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

  #follow(id: string): void {
    if (this.#followed.has(id) || this.#followed.size >= FOLLOWED_MAX) return;
    this.#followed.add(id);
    const over = (): void => {
      this.#views.delete(id);
      this.#followed.delete(id);
    };
    const { client } = this.#cluster;
    client
      .follow(id, (event) => (event.kind === "view" ? this.#views.set(id, event.view) : undefined))
      .result.then(over, over);
  }
}
