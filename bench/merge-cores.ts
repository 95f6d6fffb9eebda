// Workers of a cluster whose cores measure nothing and report all the same: every second each core's snapshot, with
// trends that grow by made-up latencies. The nodes are the real ones over real sockets and TLS; only the engine's
// threads are played. A process of its own for bench/merge.ts, which tells it what to play in MERGE_CORES (JSON).

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPrng, nextFloat } from "../src/base/prng.ts";
import { Board, HEADER } from "../src/engine/board.ts";
import type { EngineReply, EngineRequest } from "../src/engine/messages.ts";
import { createLog } from "../src/io/log.ts";
import { createWorld } from "../src/io/real-world.ts";
import { openCredentials } from "../src/io/security/open-credentials.ts";
import { secureWorld } from "../src/io/security/secure-world.ts";
import type { Clock, Connection, Streams, Thread } from "../src/io/world.ts";
import { cellIndex, cellValue, emptyTrend } from "../src/load/histogram.ts";
import { type Series, seriesKey, type TrendCells } from "../src/load/series.ts";
import type { Snapshot } from "../src/load/share.ts";
import { startWorker } from "../src/node/worker-node.ts";

export type CoresPlay = {
  readonly manager: { readonly host: string; readonly tcp: number; readonly udp: number };
  readonly workers: number;
  readonly coresEach: number;
  /** Occupied cells of each trend from the first second on. */
  readonly cells: number;
  /** Values measured a second in each trend. */
  readonly perSecond: number;
};

/** Cells of as many latencies, log-normal around 20 ms with a wide spread: drawn from by all. */
const DRAWN = 65_536;

function drawn(): Int32Array {
  const prng = createPrng(1, "latencies");
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - nextFloat(prng))) * Math.cos(2 * Math.PI * nextFloat(prng));
  return Int32Array.from({ length: DRAWN }, () => cellIndex(20 * Math.exp(1.1 * normal())));
}

/** One trend of a core, counted in a plain array over the cells it can reach. */
class Growing {
  readonly #lowest: number;
  readonly #counts: Float64Array;
  readonly #values: Float64Array;
  #count = 0;
  #sum = 0;

  constructor(lowest: number, cells: number, span: number) {
    this.#lowest = lowest;
    this.#counts = new Float64Array(span);
    this.#values = Float64Array.from({ length: span }, (_, at) => cellValue(lowest + at));
    const from = Math.floor((span - cells) / 2);
    for (let at = from; at < from + cells; at++) this.#add(at);
  }

  #add(at: number): void {
    this.#counts[at]! += 1;
    this.#count++;
    this.#sum += this.#values[at]!;
  }

  grow(latencies: Int32Array, values: number, from: number): void {
    for (let value = 0, at = from; value < values; value++, at = (at * 5 + 12_345) % DRAWN)
      this.#add(latencies[at]! - this.#lowest);
  }

  cut(): TrendCells {
    let length = 0;
    for (let at = 0; at < this.#counts.length; at++) if (this.#counts[at]! > 0) length++;
    const index = new Int32Array(length);
    const counts = new Float64Array(length);
    let to = 0;
    for (let at = 0; at < this.#counts.length; at++) {
      if (this.#counts[at]! === 0) continue;
      index[to] = this.#lowest + at;
      counts[to] = this.#counts[at]!;
      to++;
    }
    const [min, max] = [cellValue(index[0] ?? 0), cellValue(index[length - 1] ?? 0)];
    return { type: "trend", count: this.#count, sum: this.#sum, min, max, clamped: 0, index, counts };
  }
}

const TRENDS = [
  ...["duration", "blocked", "connecting", "tls_handshaking", "sending", "waiting", "receiving"].map(
    (name) => `http_req_${name}`,
  ),
  "iteration_duration",
];
const COUNTERS = ["http_reqs", "iterations", "data_sent", "data_received"];

type Prepare = Extract<EngineRequest, { kind: "prepare" }>;

/** A core that plays one share after the other. */
class PlayedCore implements Thread<EngineRequest, EngineReply> {
  readonly #clock: Clock;
  readonly #play: CoresPlay;
  readonly latencies: Int32Array;
  /** Of all cores. */
  readonly made: { snapshots: number };
  #handle: (reply: EngineReply) => void = () => {};
  #prepared: Prepare | null = null;
  /** All its trends measure the same: what that costs here is no part of the measurement. */
  #trend: Growing | null = null;
  #startMs = 0;
  #jobStartMs = 0;
  #seq = 0;
  #requests = 0;
  #isOver = false;

  constructor(clock: Clock, play: CoresPlay, { latencies, made }: Pick<PlayedCore, "latencies" | "made">) {
    this.#clock = clock;
    this.#play = play;
    this.latencies = latencies;
    this.made = made;
  }

  post(request: EngineRequest): void {
    if (request.kind === "prepare") {
      this.#prepared = request;
      this.#beat(request);
      const [lowest, highest] = this.latencies.reduce(
        ([low, high], cell): [number, number] => [Math.min(low, cell), Math.max(high, cell)],
        [Infinity, -Infinity],
      );
      this.#trend = new Growing(lowest, this.#play.cells, highest - lowest + 1);
      this.#clock.setTimer(0, () => this.#handle({ kind: "ready", token: request.attempt.token }));
    }
    if (request.kind === "start") {
      this.#startMs = request.atEpochMs;
      this.#jobStartMs = request.jobStartEpochMs;
      this.#arm();
    }
    if (request.kind === "stop") this.#end();
  }

  onReply(handle: (reply: EngineReply) => void): void {
    this.#handle = handle;
  }

  onCrash(): void {}

  terminate(): void {
    this.#isOver = true;
  }

  /** Right after the next whole second of job time, as engines do. */
  #arm(): void {
    const elapsedMs = this.#clock.epochMs() - this.#jobStartMs;
    this.#clock.setTimer((Math.floor(elapsedMs / 1_000) + 1) * 1_000 - elapsedMs + 0.5, () => {
      const prepared = this.#prepared;
      if (this.#isOver || prepared === null) return;
      this.#beat(prepared);
      const { executor } = prepared.spec;
      const isLast = executor.kind === "constant-vus" && this.#clock.epochMs() - this.#startMs >= executor.durationMs;
      this.#measure();
      if (isLast) return this.#end();
      this.#report(prepared, false);
      this.#arm();
    });
  }

  #measure(): void {
    const { perSecond } = this.#play;
    this.#trend?.grow(this.latencies, perSecond, (this.#requests * 7) % DRAWN);
    this.#requests += perSecond;
  }

  #end(): void {
    const prepared = this.#prepared;
    if (this.#isOver || prepared === null) return;
    this.#isOver = true;
    this.#report(prepared, true);
    this.#handle({ kind: "ended", token: prepared.attempt.token, value: undefined, thrown: null });
  }

  #beat({ board }: Prepare): void {
    new Board(board).words[HEADER.heartbeat] = this.#clock.epochMs();
  }

  #report(prepared: Prepare, isFinal: boolean): void {
    const elapsedMs = this.#clock.epochMs() - this.#startMs;
    const { vus } = { vus: 0, ...prepared.spec.executor };
    const mine = Math.ceil(vus / prepared.spec.shares);
    const snapshot: Snapshot = {
      attempt: prepared.attempt,
      seq: ++this.#seq,
      elapsedMs,
      content: isFinal ? "all" : "changed",
      isFinal,
      resume: { kind: "elapsed", elapsedMs, feeds: {} },
      accounting: {
        scheduled: this.#requests,
        started: this.#requests,
        completed: this.#requests,
        interrupted: 0,
        dropped: 0,
        unsent: 0,
      },
      generator: {
        seconds: this.#seq,
        saturatedSeconds: 0,
        cpuSeconds: this.#seq / 2,
        loopLagMsMax: 1,
        loopLagMsP99: 1,
        stillMs: 0,
      },
      vus: mine,
      vusMax: mine,
      series: this.#series(prepared),
    };
    this.made.snapshots++;
    this.#handle({ kind: "snapshot", snapshot });
  }

  #series({ tags }: Prepare): Series[] {
    const request = {
      ...tags,
      expected_response: "true",
      method: "GET",
      name: "http://10.0.0.1:8080/items",
      status: "200",
    };
    const of = (
      metric: string,
      cells: Series["cells"],
      more: Readonly<Record<string, string>>,
      isTime = false,
    ): Series => ({
      id: { key: seriesKey(metric, more), metric, type: cells.type, contains: isTime ? "time" : "default", tags: more },
      cells,
    });
    const count = this.#requests;
    const trend = this.#trend?.cut() ?? emptyTrend();
    return [
      ...TRENDS.map((name, at) => of(name, trend, at < 7 ? request : tags, true)),
      ...COUNTERS.map((name) =>
        of(name, { type: "counter", count, sum: count }, name === "http_reqs" ? request : tags),
      ),
      of("http_req_failed", { type: "rate", passes: 0, total: count }, request),
      ...Array.from({ length: 6 }, (_, at) =>
        of("checks", { type: "rate", passes: count, total: count }, { ...tags, check: `check ${at}` }),
      ),
      of("depth", { type: "gauge", value: count, min: 0, max: count, atMs: this.#seq * 1_000 }, tags),
    ];
  }
}

/** Counts the bytes that go out, before TLS. */
function counting(streams: Streams, count: (bytes: number) => void): Streams {
  const counted = (connection: Connection): Connection => ({
    ...connection,
    get pendingBytes() {
      return connection.pendingBytes;
    },
    write: (bytes) => {
      count(bytes.length);
      return connection.write(bytes);
    },
    handle: (handlers) => connection.handle(handlers),
    end: () => connection.end(),
    destroy: () => connection.destroy(),
  });
  return {
    listen: (at, accept) => streams.listen(at, (connection) => accept(counted(connection))),
    connect: async (to, options) => counted(await streams.connect(to, options)),
  };
}

if (import.meta.main) {
  const play: CoresPlay = JSON.parse(process.env["MERGE_CORES"] ?? "");
  const real = createWorld<EngineRequest, EngineReply>(
    createLog({ level: "warn", color: false, line: (text) => process.stderr.write(`${text}\n`) }),
  );
  const latencies = drawn();
  let bytesOut = 0;
  const made = { snapshots: 0 };
  for (let worker = 0; worker < play.workers; worker++) {
    const credentials = await openCredentials({
      given: { kind: "none" },
      role: "worker",
      host: "127.0.0.1",
      node: null,
      epochMs: real.clock.epochMs(),
      environment: process.env,
    });
    const { world } = secureWorld(
      { ...real, threads: { spawn: () => new PlayedCore(real.clock, play, { latencies, made }) } },
      credentials,
    );
    await startWorker({
      world: { ...world, streams: counting(world.streams, (bytes) => (bytesOut += bytes)) },
      data: mkdtempSync(join(tmpdir(), "hyperscale-merge-worker-")),
      listen: { host: "127.0.0.1", tcp: 0, udp: 0 },
      managers: [play.manager],
      profile: "local",
      cores: play.coresEach,
    });
  }
  process.on("SIGINT", () => process.exit(0));
  setInterval(() => process.stdout.write(`${JSON.stringify({ bytesOut, ...made })}\n`), 1_000);
}
