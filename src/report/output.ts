// What every -o output is: a stream of lines written second by second while the job runs. Here are its life, its
// bounded buffer, gzip and what happens when the disk refuses; what the lines say is in json-lines.ts and csv.ts.

import { HyperscaleError, messageOf } from "../base/error.ts";
import type { Summary } from "./summary-schema.ts";
import type { Second } from "./told-seconds.ts";

/** Where bytes go: the caller opens it. A rejected `write` ends the output, never the run. */
export interface FileSink {
  write(chunk: string | Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * One output of a running job. Calls come in this order: start, second per whole second and maybe one for those that
 * never came, finish.
 */
export interface Output {
  start(): Promise<void>;
  /** Never blocks and never throws: lines wait in a bounded buffer. */
  second(window: Second): void;
  /**
   * Writes what is left and closes the file. Throws HyperscaleError("storage") naming the file, the cause and where the
   * file ends, if anything could not be written; the numbers of the run are not touched by that.
   */
  finish(summary: Summary): Promise<void>;
  /** Why this output stopped before the run did; null while it is well. */
  failure(): HyperscaleError | null;
}

/** How an output lays a second out as text, whole lines each with its line feed. */
export interface LineFormat {
  /** Once, before anything else; "" for none. */
  head(): string;
  second(window: Second): string;
}

export type OutputOptions = {
  /** As the user named it: for messages, and `.gz` at its end asks for gzip. */
  readonly path: string;
  readonly format: LineFormat;
  readonly sink: FileSink;
  /**
   * Characters that may wait for the disk, 64 Mi unless told. Beyond it the output stops: a file with silent holes
   * would mislead.
   */
  readonly pendingMax?: number;
};

const PENDING_MAX = 64 * 1024 * 1024;

/** An output that writes `format` into `sink`, through gzip where the path ends in .gz. */
export function createOutput(options: OutputOptions): Output {
  return new LineOutput(options);
}

class LineOutput implements Output {
  readonly #path: string;
  readonly #format: LineFormat;
  readonly #sink: FileSink;
  readonly #pendingMax: number;
  #pending: string[] = [];
  #pendingLength = 0;
  #seconds = 0;
  #failure: HyperscaleError | null = null;
  #draining: Promise<void> | null = null;

  constructor(options: OutputOptions) {
    this.#path = options.path;
    this.#format = options.format;
    this.#sink = options.path.endsWith(".gz") ? gzipSink(options.sink) : options.sink;
    this.#pendingMax = options.pendingMax ?? PENDING_MAX;
  }

  async start(): Promise<void> {
    this.#push(this.#format.head());
    await this.#draining;
  }

  second(window: Second): void {
    if (this.#failure !== null) return;
    this.#push(this.#format.second(window));
    this.#seconds = window.second + 1;
  }

  async finish(_summary: Summary): Promise<void> {
    await this.#draining;
    try {
      await this.#sink.close();
    } catch (thrown) {
      this.#fail(thrown);
    }
    if (this.#failure !== null) throw this.#failure;
  }

  failure(): HyperscaleError | null {
    return this.#failure;
  }

  #push(text: string): void {
    if (text === "" || this.#failure !== null) return;
    if (this.#pendingLength + text.length > this.#pendingMax) {
      this.#fail(new Error(`the disk is too slow: over ${this.#pendingMax} characters wait to be written`));
      return;
    }
    this.#pending.push(text);
    this.#pendingLength += text.length;
    this.#draining ??= this.#drain();
  }

  /** One writer at a time; what came meanwhile goes out as one chunk. Never rejects. */
  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      const text = this.#pending.join("");
      this.#pending = [];
      try {
        await this.#sink.write(text);
      } catch (thrown) {
        this.#fail(thrown);
      }
      this.#pendingLength -= text.length;
      if (this.#failure !== null) break;
    }
    this.#draining = null;
  }

  /** The first cause is the one that is told. */
  #fail(thrown: unknown): void {
    if (this.#failure !== null) return;
    this.#pending = [];
    // A sink's own operating error names the file already.
    const isNamed = thrown instanceof HyperscaleError;
    const problem = isNamed ? thrown.message : `cannot write ${JSON.stringify(this.#path)}: ${messageOf(thrown)}`;
    const extent = `the file is incomplete from about second ${this.#seconds}`;
    this.#failure = new HyperscaleError("storage", `${problem}; ${extent}`, {
      cause: thrown,
      hint: "free space or choose another file; the run itself and its summary are not affected",
    });
  }
}

/** Compresses what is written; the trailer goes out on close. A write that failed below is told by the next call. */
function gzipSink(sink: FileSink): FileSink {
  const gzip = new CompressionStream("gzip");
  const writer = gzip.writable.getWriter();
  const encoder = new TextEncoder();
  const outcome = gzip.readable.pipeTo(new WritableStream<Uint8Array>({ write: (chunk) => sink.write(chunk) })).then(
    () => ({ ok: true as const }),
    (cause: unknown) => ({ ok: false as const, cause }),
  );
  return {
    async write(chunk) {
      await writer.write(typeof chunk === "string" ? encoder.encode(chunk) : new Uint8Array(chunk));
    },
    async close() {
      try {
        await writer.close();
        const ended = await outcome;
        if (!ended.ok) throw ended.cause;
      } finally {
        await sink.close();
      }
    },
  };
}
