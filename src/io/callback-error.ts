// Bun hands what a socket's handler throws to the socket's `error` handler, beside errors of the system. Those of the
// system are told elsewhere (the close) or mean nothing (a datagram nobody took); the others are bugs and must not pass
// silently.

/** Throws it from a turn of its own, as uncaught, unless the system made it. */
export function rethrowLater(error: unknown): void {
  if (error instanceof Error && "syscall" in error) return;
  queueMicrotask(() => {
    throw error;
  });
}
