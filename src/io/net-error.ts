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
  /** The message without what was tried where. */
  readonly reason: string;

  constructor(
    code: NetErrorCode,
    operation: string,
    at: { readonly host: string; readonly port: number },
    options: { readonly reason?: string; readonly cause?: unknown } = {},
  ) {
    const reason = options.reason ?? REASONS[code];
    super(`cannot ${operation} ${at.host}:${at.port}: ${reason}`, { cause: options.cause });
    this.code = code;
    this.reason = reason;
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

/** Reasons of the system that say more than their code does. */
const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "no host of that name is known",
  EAI_AGAIN: "its name cannot be looked up: no name server answers",
  EADDRNOTAVAIL: "it is no address of this host",
};

const CODES: Readonly<Record<string, NetErrorCode>> = {
  ECONNREFUSED: "refused",
  ENOTFOUND: "unreachable",
  EAI_AGAIN: "unreachable",
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  ETIMEDOUT: "timeout",
  EADDRINUSE: "inUse",
  EACCES: "denied",
  EPERM: "denied",
};

/** What the system threw, as a NetError. */
export function netError(
  operation: string,
  at: { readonly host: string; readonly port: number },
  thrown: unknown,
): NetError {
  if (thrown instanceof NetError) return thrown;
  const systemCode = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const code = CODES[systemCode] ?? "other";
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  const reason = SYSTEM_REASONS[systemCode] ?? (code === "other" ? words : REASONS[code]);
  return new NetError(code, operation, at, { reason, cause: thrown });
}

/** Code of anything thrown by the ports; null for what is no NetError. */
export function netErrorCode(thrown: unknown): NetErrorCode | null {
  return thrown instanceof NetError ? thrown.code : null;
}
