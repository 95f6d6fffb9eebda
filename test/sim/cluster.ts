// Simulated hosts for tests of the simulator itself: worlds taken out of their processes, and promises of theirs that
// are run to their end.

import type { Connection, NodeWorld } from "../../src/io/world.ts";
import { SimHost, type SimHostOptions } from "../../src/sim/host.ts";
import { Kernel } from "../../src/sim/kernel.ts";
import { Network, type NetworkOptions } from "../../src/sim/network.ts";

export class Cluster {
  readonly kernel: Kernel;
  readonly network: Network;

  constructor(seed = 1, options: Partial<NetworkOptions> = {}) {
    this.kernel = new Kernel(seed);
    this.network = new Network(this.kernel, options);
  }

  /** A host with a process that does nothing, and that process's world. */
  host(name: string, options: SimHostOptions = {}): { readonly host: SimHost; readonly world: NodeWorld } {
    const host = new SimHost(this.network, name, options);
    return { host, world: this.boot(host) };
  }

  /** Starts a process that does nothing. */
  boot(host: SimHost): NodeWorld {
    const started: NodeWorld[] = [];
    host.start((world) => started.push(world));
    this.kernel.run(this.kernel.nowMs);
    const [world] = started;
    if (world === undefined) throw new Error("the process did not start");
    return world;
  }

  /** Runs for so long. */
  pass(ms: number): void {
    this.kernel.run(this.kernel.nowMs + ms);
  }

  /** Runs until the promise settled; its value, or throws its reason. */
  settled<Value>(promise: Promise<Value>, limitMs = 300_000): Value {
    const outcome = this.outcome(promise);
    this.kernel.runUntil(() => outcome() !== null, this.kernel.nowMs + limitMs);
    const state = outcome();
    if (state === null) throw new Error("it did not settle");
    if ("error" in state) throw state.error;
    return state.value;
  }

  /** What became of the promise so far: null while nothing. */
  outcome<Value>(promise: Promise<Value>): () => { readonly value: Value } | { readonly error: unknown } | null {
    let state: { readonly value: Value } | { readonly error: unknown } | null = null;
    promise.then(
      (value) => {
        state = { value };
      },
      (error: unknown) => {
        state = { error };
      },
    );
    return () => state;
  }

  /** A connection from one host to a listener on the other, and what each side sees. */
  stream(from: NodeWorld, to: NodeWorld, toName: string): { readonly near: Side; readonly far: Side } {
    const accepted: Side[] = [];
    const listener = this.settled(
      to.streams.listen({ host: toName, port: 0 }, (connection) => accepted.push(new Side(connection))),
    );
    const near = new Side(this.settled(from.streams.connect(listener.address, { timeoutMs: 10_000 })));
    this.kernel.runUntil(() => accepted.length > 0, this.kernel.nowMs + 10_000);
    listener.close();
    const [far] = accepted;
    if (far === undefined) throw new Error("nobody accepted");
    return { near, far };
  }
}

/** One side of a connection and what it saw: the bytes, the lengths they came in, drains and the reason of its close. */
export class Side {
  readonly connection: Connection;
  readonly bytes: number[] = [];
  readonly pieces: number[] = [];
  drains = 0;
  closed: string | null = null;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.handle({
      onBytes: (bytes) => {
        for (const byte of bytes) this.bytes.push(byte);
        this.pieces.push(bytes.length);
      },
      onDrain: () => this.drains++,
      onClose: (reason) => {
        this.closed = reason;
      },
    });
  }

  say(...bytes: readonly number[]): void {
    this.connection.write(Uint8Array.from(bytes));
  }
}
