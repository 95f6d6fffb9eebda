// Questions and answers of one line each over a Unix socket that only its owner can open. Not for nodes of a cluster
// among themselves: they speak streams (streams.ts).

import { chmodSync, unlinkSync } from "node:fs";
import { HyperscaleError, messageOf } from "../base/error.ts";
import { rethrowLater } from "./callback-error.ts";

/** Bytes of a line at most. */
export const LINE_BYTES_MAX = 4 * 1_048_576;
/** Linux: sun_path has 108 bytes with the zero at the end. */
const PATH_BYTES_MAX = 107;

type Holder = { text: string; decoder: TextDecoder; pending: Uint8Array };

/**
 * Answers every line by one. What was left at the path by a process that is gone is replaced. Throws `storage` when the
 * socket cannot be made.
 */
export function listenLines(path: string, answer: (line: string) => Promise<string>): { close(): void } {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX)
    throw new HyperscaleError("storage", `the socket path ${path} is longer than ${PATH_BYTES_MAX} bytes`, {
      hint: "choose a shorter folder with HYPERSCALE_RUNTIME_DIR",
    });
  try {
    removeSocket(path);
    const server = Bun.listen<Holder>({
      unix: path,
      data: newHolder(),
      socket: {
        open: (socket) => {
          socket.data = newHolder();
        },
        data: (socket, bytes) => {
          const { data: holder } = socket;
          holder.text += holder.decoder.decode(bytes, { stream: true });
          if (holder.text.length > LINE_BYTES_MAX) return void socket.terminate();
          const lines = holder.text.split("\n");
          holder.text = lines.pop() ?? "";
          for (const line of lines) {
            answer(line).then(
              (said) => {
                holder.pending = Buffer.concat([holder.pending, Buffer.from(`${said}\n`)]);
                flush(socket);
              },
              (error: unknown) => {
                socket.terminate();
                rethrowLater(error);
              },
            );
          }
        },
        drain: flush,
        error: (_socket, error) => rethrowLater(error),
      },
    });
    chmodSync(path, 0o600);
    return {
      close: () => {
        server.stop(true);
        removeSocket(path);
      },
    };
  } catch (error) {
    throw new HyperscaleError("storage", `cannot make the socket ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Says a line to whoever listens there. Out: the answer; null: nobody listens, or nothing came in time. */
export function askLine(path: string, line: string, timeoutMs: number): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  let close = (): void => {};
  const settle = (answer: string | null): void => {
    clearTimeout(timer);
    resolve(answer);
    close();
  };
  const timer = setTimeout(() => settle(null), timeoutMs);
  Bun.connect<Holder>({
    unix: path,
    data: newHolder(),
    socket: {
      open: (socket) => {
        close = () => void socket.terminate();
        socket.data.pending = Buffer.from(`${line}\n`);
        flush(socket);
      },
      data: (socket, bytes) => {
        const { data: holder } = socket;
        holder.text += holder.decoder.decode(bytes, { stream: true });
        const end = holder.text.indexOf("\n");
        if (end >= 0) settle(holder.text.slice(0, end));
        else if (holder.text.length > LINE_BYTES_MAX) settle(null);
      },
      drain: flush,
      close: () => settle(null),
      connectError: () => settle(null),
      error: () => settle(null),
    },
  }).catch(() => settle(null));
  return promise;
}

function newHolder(): Holder {
  return { text: "", decoder: new TextDecoder(), pending: new Uint8Array(0) };
}

function flush(socket: Bun.Socket<Holder>): void {
  const { data: holder } = socket;
  if (holder.pending.length === 0) return;
  const taken = Math.max(0, socket.write(holder.pending));
  holder.pending = holder.pending.subarray(taken);
}

function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
