// Clusters of the built executable on loopback: managers and workers as processes with folders of their own, started,
// killed and started again by name. Whoever waits, waits for a line that a node says, or for its status. Not a test.

import { expect } from "bun:test";
import { join } from "node:path";
import { type NodeStatus, nodeStatusSchema } from "../../src/node/status.ts";
import { cleanEnv, executable, freshDir, run, type Run, type RunOptions, submitArgs, type SubmitRun } from "./run.ts";
import type { Summary } from "./summary.ts";

const DEADLINE_MS = 30_000;
const MANAGERS = 3;
const WORKERS = 2;
/** Below the ports that the system gives to outgoing connections, so that a node finds its own free again. */
const PORT_MIN = 15_000;
const PORT_MAX = 30_000;

type NodeName = `m${number}` | `w${number}`;

/** Where a node runs: its address, what its command line begins with, and what it needs to be there. */
export type Place = { readonly host: string; readonly prefix: readonly string[]; readonly args: readonly string[] };

const HERE: Place = { host: "127.0.0.1", prefix: [], args: [] };

export class Node {
  readonly name: NodeName;
  readonly place: Place;
  readonly port: number;
  readonly #args: readonly string[];
  readonly #dir: string;
  #child: Bun.Subprocess<"ignore", "ignore", "pipe"> | null = null;
  #said = "";
  #heard = Promise.withResolvers<void>();
  /** It ended, and nobody asked it to. */
  #isGone = false;

  constructor(options: {
    readonly name: NodeName;
    readonly place?: Place;
    readonly port: number;
    readonly args: readonly string[];
    readonly dir: string;
  }) {
    this.name = options.name;
    this.place = options.place ?? HERE;
    this.port = options.port;
    this.#args = options.args;
    this.#dir = options.dir;
  }

  /** Of the process; 0 while none runs. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Everything since its first start. */
  get said(): string {
    return this.#said;
  }

  async start(): Promise<void> {
    const child = Bun.spawn([...this.place.prefix, await executable(), ...this.#args], {
      cwd: this.#dir,
      env: cleanEnv(this.#dir),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    this.#child = child;
    this.#isGone = false;
    void this.#listen(child);
  }

  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Sends the signal and waits for the end. Out: exit code, null when the signal ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    this.#child = null;
    child.kill(signal);
    await child.exited;
    return child.exitCode;
  }

  /** Waits until it has said something of this form, from `from` on. Throws when it ends without having said so. */
  async until(form: RegExp, from = 0): Promise<void> {
    await within(`${this.name} to say ${String(form)}`, async () => {
      while (!form.test(this.#said.slice(from))) {
        if (this.#isGone) throw new Error(`${this.name} is gone`);
        await this.#heard.promise;
      }
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}; it said:\n${this.#said.slice(from)}`);
    });
  }

  async #listen(child: Bun.Subprocess<"ignore", "ignore", "pipe">): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) {
      this.#said += decoder.decode(chunk, { stream: true });
      this.#wake();
    }
    if (this.#child === child) this.#isGone = true;
    this.#wake();
  }

  #wake(): void {
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }
}

export class Cluster {
  readonly nodes = new Map<string, Node>();
  readonly managers: string;
  readonly #dir: string;

  /** What a command needs to be taken by it. */
  readonly #credentials: readonly string[];

  private constructor(ports: readonly number[], places: readonly Place[], credentials: readonly string[]) {
    this.#dir = freshDir();
    this.#credentials = credentials;
    const spots = ports.map((port, at) => ({ port, place: places[at] ?? HERE }));
    const managers = spots.slice(0, MANAGERS);
    this.managers = managers.map(({ port, place }) => `${place.host}:${port}`).join(",");
    for (const [at, { port, place }] of spots.entries()) {
      const name: NodeName = at < MANAGERS ? `m${at}` : `w${at - MANAGERS}`;
      const shared = ["--tcp", String(port), "--data", join(this.#dir, name), ...place.args];
      const args =
        at < MANAGERS
          ? ["manager", ...shared, "--peers", this.managers]
          : ["worker", ...shared, "--managers", this.managers, "--cores", "1"];
      this.nodes.set(name, new Node({ name, place, port, args, dir: this.#dir }));
    }
  }

  /**
   * Three managers and two workers of one core; resolves when a leader has all cores in the pool. `places`: of the
   * managers, then of the workers; here, where left out.
   */
  static async start(places: readonly Place[] = [], credentials: readonly string[] = []): Promise<Cluster> {
    for (;;) {
      const cluster = new Cluster(await freePorts(MANAGERS + WORKERS), places, credentials);
      const nodes = [...cluster.nodes.values()];
      await Promise.all(nodes.map((node) => node.start()));
      try {
        await cluster.ready();
        return cluster;
      } catch (thrown) {
        await cluster.stop();
        // Ports were free when they were chosen; another process may have been quicker.
        if (!nodes.some(({ said }) => said.includes("in use"))) throw thrown;
      }
    }
  }

  node(name: string): Node {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  /** All managers say that somebody leads and both workers are there, from the ends given on. */
  async ready(from: ReadonlyMap<string, number> = new Map()): Promise<void> {
    const managers = [...this.nodes.values()].filter(({ name }) => name.startsWith("m"));
    await Promise.all(
      managers.map((node) =>
        node.until(/manager: (leader|follower) of .*; 3 of 3 managers.*; 2 workers with 2 cores/, from.get(node.name)),
      ),
    );
  }

  /** Runs the executable with the cluster's managers given. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
    return run([...args, "--managers", this.managers, ...this.#credentials], options);
  }

  /** Submits the text of a workflow file; `isOn` is called once it sends. */
  submit(source: string, args: readonly string[] = [], options: RunOptions = {}): Promise<SubmitRun> {
    return submitArgs(["test.ts", ...args, "--managers", this.managers, ...this.#credentials], {
      ...options,
      files: { "test.ts": source },
    });
  }

  async status(name?: string): Promise<NodeStatus> {
    const args = name === undefined ? ["--managers", this.managers] : [this.addressOf(name)];
    const ended = await run(["status", "--json", ...args, ...this.#credentials]);
    // A machine that is slow has it say that it waits.
    expect(ended.exitCode, ended.stderr).toBe(0);
    return nodeStatusSchema.strict().parse(JSON.parse(ended.stdout));
  }

  addressOf(name: string): string {
    const { place, port } = this.node(name);
    return `${place.host}:${port}`;
  }

  /** The name of the node with that id. */
  nameOf(status: NodeStatus, id: string | null | undefined): string {
    const port = status.members.find((member) => member.id === id)?.address.tcp;
    for (const node of this.nodes.values()) if (node.port === port) return node.name;
    throw new Error(`no node has the id ${id}`);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.nodes.values()].map((node) => node.end("SIGKILL")));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Requests that the summary says were sent. */
export function sentOf({ metrics, accounting }: Summary): number {
  return (metrics["http_reqs"]?.values["count"] ?? 0) - accounting.unsent;
}

/** Asks every 50 ms until it holds. */
export function eventually(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  return within(what, async () => {
    while (!(await holds())) await Bun.sleep(50);
  });
}

/** The next port to try. Tests run side by side: a port that one was given is not free for another. */
let nextPort = PORT_MIN + 2 * Math.floor((Math.random() * (PORT_MAX - PORT_MIN)) / 2);

/** TCP ports that are free with the UDP port after them; each is given once. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = nextPort;
    nextPort = port + 2 < PORT_MAX ? port + 2 : PORT_MIN;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  try {
    const listener = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
    listener.stop(true);
    const socket = await Bun.udpSocket({ hostname: "127.0.0.1", port: port + 1 });
    socket.close();
    return true;
  } catch {
    return false;
  }
}

async function within<Value>(what: string, wait: () => Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${DEADLINE_MS} ms for ${what}`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([wait(), late]);
  } finally {
    clearTimeout(timer);
  }
}
