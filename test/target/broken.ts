// The misbehaving endpoints of the scripted target, on raw sockets: each path breaks the protocol or the connection in
// one way. Requests are counted like all others; of their heads only the first line is read.

import type { Socket, TCPSocketListener } from "bun";
import type { Tally } from "./counts.ts";

type Connection = { text: string };
type Breaking = (socket: Socket<Connection>, query: URLSearchParams) => void;

const OK = "HTTP/1.1 200 OK\r\n";

const BREAKINGS: Readonly<Record<string, Breaking>> = {
  /** A whole answer: the raw listener also can behave. */
  "/": (socket) => send(socket, `${OK}content-length: 3\r\n\r\nok\n`),
  /** RST in the middle of the body. */
  "/reset": (socket) => {
    send(socket, `${OK}content-length: 100\r\n\r\nhalf`);
    socket.terminate();
  },
  /** RST instead of an answer. */
  "/resetearly": (socket) => {
    socket.terminate();
  },
  /** FIN instead of an answer. */
  "/close": (socket) => {
    socket.end();
  },
  /** Writes no more, and yet keeps reading: the connection stays half open until the client ends it. */
  "/halfclose": (socket) => {
    socket.shutdown();
  },
  /** Never answers. */
  "/hang": () => {},
  /** Answers a head and half a body, then nothing. */
  "/hangbody": (socket) => send(socket, `${OK}content-length: 100\r\n\r\nhalf`),
  "/garbage": (socket) => send(socket, "\u0000\u0001\u0002 this is no http at all \u00ff\r\n\r\nmore of it\r\n"),
  /** One header of 8 MiB (or ?bytes=). */
  "/bigheaders": (socket, query) => {
    const bytes = Number(query.get("bytes") ?? 8 * 1024 * 1024);
    sendLarge(socket, Buffer.from(`${OK}x-big: ${"a".repeat(bytes)}\r\ncontent-length: 0\r\n\r\n`));
  },
  /** Promises 100 bytes, sends 5 and closes. */
  "/shortbody": (socket) => {
    send(socket, `${OK}content-length: 100\r\n\r\nshort`);
    socket.end();
  },
  /** Promises 5 bytes, sends 25 on a connection that stays open. */
  "/longbody": (socket) => send(socket, `${OK}content-length: 5\r\n\r\nright${"wrong".repeat(4)}`),
  "/badlength": (socket) => send(socket, `${OK}content-length: many\r\n\r\nbody`),
  /** A chunk size that is no number. */
  "/badchunk": (socket) => send(socket, `${OK}transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`),
  /** Closes in the middle of a chunk. */
  "/cutchunk": (socket) => {
    send(socket, `${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nff\r\ncut`);
    socket.end();
  },
};

/** Listens on a free port of 127.0.0.1. Every path of the table breaks as it says; an unknown one is 404. */
export function listenBroken(tally: Tally): TCPSocketListener<Connection> {
  return Bun.listen<Connection>({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = { text: "" };
        tally.connect();
      },
      data(socket, chunk) {
        socket.data.text += chunk.toString("latin1");
        answerHeads(socket, tally);
      },
      drain(socket) {
        flushLarge(socket);
      },
      end(socket) {
        socket.end();
      },
      close(socket) {
        waiting.delete(socket);
      },
      error(socket) {
        waiting.delete(socket);
      },
    },
  });
}

/** Answers every whole head in the socket's text. Bodies are not expected. */
function answerHeads(socket: Socket<Connection>, tally: Tally): void {
  for (;;) {
    const end = socket.data.text.indexOf("\r\n\r\n");
    if (end < 0) return;
    const target = socket.data.text.slice(0, end).split(" ")[1] ?? "/";
    socket.data.text = socket.data.text.slice(end + 4);
    const [path = "/", query = ""] = target.split("?");
    tally.see(path);
    const breaking = BREAKINGS[path];
    if (breaking === undefined) send(socket, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    else breaking(socket, new URLSearchParams(query));
  }
}

function send(socket: Socket<Connection>, text: string): void {
  socket.write(Buffer.from(text, "latin1"));
  socket.flush();
}

/** What of a large answer the socket has not taken yet. */
const waiting = new Map<Socket<Connection>, Buffer>();

function sendLarge(socket: Socket<Connection>, bytes: Buffer): void {
  waiting.set(socket, bytes);
  flushLarge(socket);
}

function flushLarge(socket: Socket<Connection>): void {
  const left = waiting.get(socket);
  if (left === undefined) return;
  const written = Math.max(0, socket.write(left));
  if (written < left.length) waiting.set(socket, left.subarray(written));
  else waiting.delete(socket);
}
