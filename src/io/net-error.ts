// Failures of the datagram and stream ports, the same from real sockets and simulated ones.

/**
 * refused: nothing listens there. unreachable: no way there, or a name that does not resolve. timeout: no answer in
 * time. inUse: another socket is bound there. denied: the system forbids it. other: anything else of the system.
 */
export type NetErrorCode = "refused" | "unreachable" | "timeout" | "inUse" | "denied" | "other";

/** `operation host:port: reason`. */
export class NetError extends Error {
  override readonly name = "NetError";
  readonly code: NetErrorCode;

  constructor(
    code: NetErrorCode,
    operation: string,
    at: { readonly host: string; readonly port: number },
    options: { readonly reason?: string; readonly cause?: unknown } = {},
  ) {
    super(`cannot ${operation} ${at.host}:${at.port}: ${options.reason ?? REASONS[code]}`, { cause: options.cause });
    this.code = code;
  }
}

const REASONS: Readonly<Record<NetErrorCode, string>> = {
  refused: "connection refused: nothing listens there",
  unreachable: "it cannot be reached",
  timeout: "no answer in time",
  inUse: "the port is in use",
  denied: "permission denied",
  other: "the system refused",
};
