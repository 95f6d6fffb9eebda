// An HTTP server on loopback that answers everything at once and counts requests by path: the witness of what was
// really sent. Not a load target for measurements.

/** Counts of everything received so far. */
export type CountingServer = {
  /** "http://127.0.0.1:PORT", without a slash at the end. */
  readonly url: string;
  /** Requests received for that path. */
  count(path: string): number;
  close(): void;
};

/** Starts one on a free port. `delayMs`: before each answer. */
export function startCountingServer(delayMs: number): CountingServer {
  const counts = new Map<string, number>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      counts.set(pathname, (counts.get(pathname) ?? 0) + 1);
      if (delayMs > 0) await Bun.sleep(delayMs);
      return new Response("counted\n");
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    count: (path) => counts.get(path) ?? 0,
    close: () => void server.stop(true),
  };
}
