// The border between the HTTP client and the rest of the engine: what a finished exchange tells, and what the
// client asks of the VU that owns it. Types only, apart from how a stopped request ends; the client itself
// is client.ts (one per VU) over core.ts (one per engine thread and job).

/** One HTTP exchange as measured, the hot input of the metrics. A redirect chain is several. Response implements it. */
export interface Exchange {
  readonly method: string;
  /** The absolute URL that was sent, without credentials and fragment. */
  readonly url: string;
  /** Value of the `name` tag: the URL, the template of http.url, or params.tags.name. */
  readonly name: string;
  /** 0 when no response came. */
  readonly status: number;
  /** 0, or a code of errors.ts. */
  readonly errorCode: number;
  /** "" when a response came. */
  readonly error: string;
  /**
   * What the response callback said of the status (200 to 399 unless set); false without a response; null: the test
   * wants nothing said (k6: no http_req_failed, no tag expected_response).
   */
  readonly isExpected: boolean | null;
  /** The first byte was handed to a socket. False: counted as unsent. */
  readonly isSent: boolean;
  /** Closed by the client because the test stopped. */
  readonly isInterrupted: boolean;
  /** On the wire (before TLS), head included. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Phases in ms, 0 where the phase did not happen. http_req_duration is sending + waiting + receiving. */
  readonly blockedMs: number;
  readonly connectingMs: number;
  readonly tlsMs: number;
  readonly sendingMs: number;
  readonly waitingMs: number;
  readonly receivingMs: number;
  /** params.tags. */
  readonly tags: Readonly<Record<string, string>> | null;
}

/** The VU that owns a client. */
export interface HttpOwner {
  /** True once no new request may start: http.* then rejects with InterruptedError, and nothing is recorded. */
  readonly isStopping: boolean;
  /** Called exactly once for each finished exchange: answered, failed, timed out or interrupted. Hot. */
  record(exchange: Exchange): void;
}

/** What the promise of a request rejects with when the test stopped it, or stopped before it could start. */
export class InterruptedError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "InterruptedError";
  }
}

/**
 * Rejects with InterruptedError, a moment later: a loop that swallows what is thrown and tries again would otherwise
 * never let timers and sockets have their turn.
 */
export function interruptedSoon(reason: string): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  setTimeout(() => reject(new InterruptedError(reason)), 1);
  return promise;
}
