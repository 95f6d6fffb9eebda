// Streams under mutual TLS 1.3: the same connections as in clear (../streams.ts), handed over once both sides have
// proved who they are. Who may say what is the business of whoever gets the connection; `peer` tells.
//
// The first bytes inside are the listener's verdict, so that whoever connects learns that it was accepted, or why not:
// 1, or 0 and a sentence (length u8, UTF-8). Under TLS 1.3 the connecting side would not know otherwise.

import { rethrowLater } from "../callback-error.ts";
import { beginConnect, plainBytes } from "../connect-attempt.ts";
import { NetError, netError } from "../net-error.ts";
import { SocketConnection } from "../streams.ts";
import type { Address, Clock, Connection, Listener, Streams } from "../world.ts";
import { NODE_SERVER_NAME } from "./certificate.ts";
import { timeText, type Credentials } from "./credentials.ts";
import { anIdentity, describeIdentity, identityOf, type PeerIdentity } from "./peer-identity.ts";

/**
 * Strangers that may be at their handshake at once. One more, and the one there for longest has to go: a member is done
 * in milliseconds, so that those who only stand there keep nobody out.
 */
const HANDSHAKES_MAX = 128;
/** Time a stranger has to prove who it is. */
const HANDSHAKE_MS_MAX = 5_000;

const ACCEPTED = 1;
const REFUSED = 0;
const SENTENCE_BYTES_MAX = 255;
/** The longest that a timer can wait: 24.8 days. Who is connected longer is looked at again. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export type TlsOptions = {
  readonly credentials: Credentials;
  /** For the words of a refusal alone. */
  readonly clock: Pick<Clock, "epochMs">;
  /** Someone who connected was refused, and why: for the log. Not called for one who leaves by itself. */
  readonly onRefused?: (from: Address, why: string) => void;
  /** Other than HANDSHAKES_MAX and HANDSHAKE_MS_MAX. */
  readonly limits?: { readonly handshakes: number; readonly handshakeMs: number };
};

/**
 * What hangs on a socket. `remote`: as it was when it opened. `handshakeTimer`: while it has not proved who it is;
 * `endTimer`: when its certificate ends.
 */
type Holder = {
  remote: Address | null;
  endTimer: ReturnType<typeof setTimeout> | null;
  connection: SocketConnection | null;
  handshakeTimer: ReturnType<typeof setTimeout> | null;
};
type Socket = Bun.Socket<Holder>;
const NOTHING: Holder = { remote: null, endTimer: null, connection: null, handshakeTimer: null };

/**
 * Streams of the holder of these credentials. `connect` fails with a NetError `denied` when one side does not accept
 * the other.
 */
export function createTlsStreams(options: TlsOptions): Streams {
  return {
    listen: (at, accept) => listen(options, at, accept),
    connect: (to, { timeoutMs }) => connect(options, to, timeoutMs),
  };
}

async function listen(options: TlsOptions, at: Address, accept: (connection: Connection) => void): Promise<Listener> {
  const limits = options.limits ?? { handshakes: HANDSHAKES_MAX, handshakeMs: HANDSHAKE_MS_MAX };
  const strangers = new Set<Socket>();
  const leave = (socket: Socket): void => {
    if (socket.data.handshakeTimer !== null) clearTimeout(socket.data.handshakeTimer);
    socket.data.handshakeTimer = null;
    strangers.delete(socket);
  };
  const refuse = (socket: Socket, why: string, sentence: Uint8Array | null = null): void => {
    const from = socket.data.remote ?? { host: "an unknown host", port: 0 };
    leave(socket);
    // Breaking it could overtake the sentence.
    if (sentence === null) socket.terminate();
    else socket.end(sentence);
    options.onRefused?.(from, why);
  };
  const socketHandlers: Bun.SocketHandler<Holder> = {
    open: (socket) => {
      // One object is given for all sockets of a listener.
      const remote = { host: socket.remoteAddress, port: socket.remotePort };
      socket.data = { ...NOTHING, remote };
      const [longest] = strangers;
      if (longest !== undefined && strangers.size >= limits.handshakes)
        refuse(longest, `it had not proved who it is when ${limits.handshakes} others had come after it`);
      strangers.add(socket);
      socket.data.handshakeTimer = setTimeout(
        () => refuse(socket, `no handshake in ${limits.handshakeMs / 1_000} s`),
        limits.handshakeMs,
      );
    },
    handshake: (socket, isDone, error) => {
      if (!strangers.has(socket)) return;
      const judgement = judge(options, socket, isDone ? error : (error ?? new Error("no handshake")));
      if (!judgement.ok) {
        refuse(socket, judgement.why, judgement.mayTell ? refusalOf(judgement.why) : null);
        return;
      }
      leave(socket);
      const connection = opened(options, socket, judgement.peer);
      connection.write(Uint8Array.of(ACCEPTED));
      accept(connection);
    },
    data: (socket, bytes) => {
      if (socket.data.connection !== null) socket.data.connection.receive(plainBytes(bytes));
      else if (strangers.has(socket)) refuse(socket, "it spoke before it had proved who it is");
    },
    drain: (socket) => socket.data.connection?.flush(),
    close: (socket, error) => {
      leave(socket);
      if (socket.data.endTimer !== null) clearTimeout(socket.data.endTimer);
      socket.data.connection?.receiveClose(error);
    },
  };
  try {
    const listener = Bun.listen<Holder>({
      hostname: at.host,
      port: at.port,
      data: { ...NOTHING },
      tls: { ...tlsOf(options.credentials), requestCert: true },
      socket: guarded(socketHandlers),
    });
    return { address: { host: at.host, port: listener.port }, close: () => listener.stop() };
  } catch (error) {
    throw netError("listen at", at, error);
  }
}

function connect(options: TlsOptions, to: Address, timeoutMs: number): Promise<Connection> {
  const attempt = beginConnect(to, timeoutMs);
  let peer: PeerIdentity | null = null;
  let verdict: Uint8Array = new Uint8Array(0);
  const deny = (socket: Socket | null, reason: string): void => {
    attempt.fail(new NetError("denied", "connect to", to, { reason }));
    socket?.terminate();
  };
  const socketHandlers: Bun.SocketHandler<Holder> = {
    open: (socket) => {
      if (attempt.isOver) socket.terminate();
    },
    handshake: (socket, isDone, error) => {
      const judgement = judge(options, socket, isDone ? error : (error ?? new Error("no handshake")));
      if (!judgement.ok) deny(socket, judgement.why);
      else peer = judgement.peer;
    },
    data: (socket, bytes) => {
      if (socket.data.connection !== null) {
        socket.data.connection.receive(plainBytes(bytes));
        return;
      }
      if (attempt.isOver || peer === null) {
        socket.terminate();
        return;
      }
      verdict = Buffer.concat([verdict, bytes]);
      if (verdict[0] === ACCEPTED) {
        const connection = opened(options, socket, peer);
        attempt.succeed(connection);
        if (verdict.length > 1) connection.receive(verdict.slice(1));
        return;
      }
      const sentence = refusalIn(verdict);
      if (sentence !== null) deny(socket, sentence);
    },
    drain: (socket) => socket.data.connection?.flush(),
    close: (socket, error) => {
      if (socket.data.endTimer !== null) clearTimeout(socket.data.endTimer);
      if (socket.data.connection !== null) socket.data.connection.receiveClose(error);
      else deny(null, leftWords(options.credentials, peer));
    },
    // A failed connect is told by its promise.
    connectError: () => {},
  };
  Bun.connect<Holder>({
    hostname: to.host,
    port: to.port,
    data: { ...NOTHING },
    tls: { ...tlsOf(options.credentials), serverName: NODE_SERVER_NAME },
    socket: guarded(socketHandlers),
  }).catch((error: unknown) => attempt.fail(error));
  return attempt.connected;
}

function tlsOf(credentials: Credentials): Bun.TLSOptions {
  return {
    cert: credentials.certificate,
    key: credentials.privateKey,
    ca: [...credentials.authorities],
    // Said explicitly: without it an environment variable decides.
    rejectUnauthorized: true,
  };
}

/**
 * What a handler throws is a bug and goes up; the runtime's `error` then only gets what TLS says of the peer, after
 * which it closes the socket by itself.
 */
function guarded(handlers: Bun.SocketHandler<Holder>): Bun.SocketHandler<Holder> {
  const guard =
    <Arguments extends readonly unknown[]>(run: ((...given: Arguments) => unknown) | undefined) =>
    (...given: Arguments): void => {
      try {
        run?.(...given);
      } catch (error) {
        rethrowLater(error);
      }
    };
  return {
    open: guard(handlers.open),
    handshake: guard(handlers.handshake),
    data: guard(handlers.data),
    drain: guard(handlers.drain),
    close: guard(handlers.close),
    error: () => {},
    connectError: () => {},
  };
}

/** `mayTell`: the peer is of the authority, so that it may hear why. */
type Judgement =
  | { readonly ok: true; readonly peer: PeerIdentity }
  | { readonly ok: false; readonly why: string; readonly mayTell: boolean };

/**
 * Whether the other side is of one of our clusters. `error` must be looked at: a certificate of a foreign authority
 * arrives as a finished handshake with an error.
 */
function judge({ credentials, clock }: TlsOptions, socket: Socket, error: Error | null): Judgement {
  const certificate = socket.getPeerX509Certificate();
  const claimed = identityOf(certificate?.subjectAltName);
  const own = `this is ${anIdentity(credentials.identity)}`;
  const no = (why: string, mayTell = false): Judgement => ({ ok: false, why, mayTell });
  if (certificate === undefined || certificate === null)
    return no(`it shows no certificate: it speaks no TLS, or has no credentials; ${own}`);
  if (error !== null && error !== undefined) {
    const who = claimed === null ? "its certificate" : `its certificate, for ${anIdentity(claimed)},`;
    const code = codeOf(error);
    const now = `the clock here says ${timeText(clock.epochMs())}`;
    if (code === "CERT_HAS_EXPIRED")
      return no(`${who} expired at ${dateOf(certificate.validTo)}, and ${now}: issue it anew, or set the clock right`);
    if (code === "CERT_NOT_YET_VALID") {
      const from = dateOf(certificate.validFrom);
      return no(`${who} is valid from ${from} on, and ${now}: set the clock right, here or where it was issued`);
    }
    return no(`${who} was not signed by an authority that is believed here (${code}); ${own}`);
  }
  // The callback's word is not enough where it has been wrong before.
  if (!socket.authorized) return no(`its certificate is not authorized; ${own}`);
  const version = socket.getTLSVersion();
  if (version !== "TLSv1.3") return no(`it speaks ${version}, and TLSv1.3 is needed`);
  if (socket.isSessionReused()) return no("it resumes an earlier session, which proves nothing now");
  if (claimed === null)
    return no(`its certificate names ${certificate.subjectAltName ?? "nobody"} and no single role; ${own}`, true);
  if (!credentials.clusters.includes(claimed.cluster))
    return no(`its certificate is for ${anIdentity(claimed)}; ${own}`, true);
  return { ok: true, peer: claimed };
}

function opened(options: TlsOptions, socket: Socket, peer: PeerIdentity): SocketConnection {
  const connection = new SocketConnection(socket, peer);
  socket.data.connection = connection;
  socket.setNoDelay(true);
  awaitEnd(options, socket, peer);
  return connection;
}

/** Breaks the connection when the other side's certificate ends: it may come again with a new one. */
function awaitEnd(options: TlsOptions, socket: Socket, peer: PeerIdentity): void {
  const endMs = Date.parse(socket.getPeerX509Certificate()?.validTo ?? "");
  if (!Number.isFinite(endMs)) return;
  const leftMs = endMs - options.clock.epochMs();
  if (leftMs <= 0) {
    const from = { host: socket.remoteAddress, port: socket.remotePort };
    options.onRefused?.(from, `the certificate of ${describeIdentity(peer)} expired at ${timeText(endMs)}`);
    socket.terminate();
    return;
  }
  const timer = setTimeout(() => awaitEnd(options, socket, peer), Math.min(leftMs + 1, TIMER_MS_MAX));
  // It keeps no process alive.
  timer.unref();
  socket.data.endTimer = timer;
}

function refusalOf(why: string): Uint8Array {
  const sentence = new TextEncoder().encode(why).subarray(0, SENTENCE_BYTES_MAX);
  return Uint8Array.of(REFUSED, sentence.length, ...sentence);
}

/** The sentence of a refusal; null while it is not whole. What is neither is a refusal too. */
function refusalIn(verdict: Uint8Array): string | null {
  if (verdict[0] !== REFUSED) return "it does not speak this protocol";
  const length = verdict[1];
  if (length === undefined || verdict.length < 2 + length) return null;
  const sentence = new TextDecoder().decode(verdict.subarray(2, 2 + length)).replace(/[^\x20-\x7e]/g, "?");
  return `the other side refused this one: ${sentence}`;
}

/** The other side closed before its verdict. */
function leftWords({ identity }: Credentials, peer: PeerIdentity | null): string {
  if (peer === null) return "it ended the connection during the handshake: it stops just now, or speaks no TLS";
  return (
    `${describeIdentity(peer)} ended the connection without accepting this ${describeIdentity(identity)}: ` +
    "the certificate here may have expired or be of another key, or a clock be far off; the log there says which"
  );
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.message;
}

function dateOf(text: string): string {
  return timeText(Date.parse(text));
}
