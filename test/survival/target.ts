// A target that remembers who asked when: GET /v/VU is one request of that virtual user. Prints its port as a line of
// JSON and serves until its standard input ends. /__log tells everything, /__now its clock.
// Usage: bun test/survival/target.ts [host]

/** One request: ms of the target's clock, the VU as it names itself, the port it came from. */
export type Seen = readonly [atMs: number, vu: number, port: number];

function main(): void {
  const seen: Seen[] = [];
  const server = Bun.serve({
    hostname: process.argv[2] ?? "127.0.0.1",
    port: 0,
    // A request on a connection that is being closed for its idleness is one of which nobody knows whether it was seen.
    idleTimeout: 0,
    fetch(request, { requestIP }) {
      const { pathname } = new URL(request.url);
      if (pathname === "/__now") return Response.json(performance.now());
      if (pathname === "/__log") return Response.json(seen);
      const vu = Number(/^\/v\/(\d+)$/.exec(pathname)?.[1] ?? Number.NaN);
      seen.push([performance.now(), vu, requestIP.call(server, request)?.port ?? 0]);
      return new Response("ok\n");
    },
  });
  console.log(JSON.stringify({ port: server.port }));
  process.stdin.on("end", () => process.exit(0)).resume();
}

if (import.meta.main) main();
