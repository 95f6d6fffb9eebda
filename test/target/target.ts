// The scripted target: an HTTP server of its own process that counts every request it sees and answers as the path
// says. Prints one line of JSON with its ports and serves until it is killed or its standard input ends.
// Usage: bun test/target/target.ts [--port 0] [--tls]

import { tmpdir } from "node:os";
import { join } from "node:path";
import { mkdtempSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { listenBroken } from "./broken.ts";
import { makeCertificates, type Certificates } from "./certificates.ts";
import { listenDeaf } from "./deaf.ts";
import { Tally } from "./counts.ts";
import { makeRoutes } from "./routes.ts";

/** The line a target prints when it is ready. Ports of 127.0.0.1. */
export type TargetReady = {
  readonly port: number;
  /** Raw sockets: the paths of broken.ts. */
  readonly brokenPort: number;
  /** Takes no connection any more: a connect to it never ends. */
  readonly deafPort: number;
  /** Only with --tls. */
  readonly tls: {
    readonly caFile: string;
    readonly valid: number;
    readonly expired: number;
    readonly selfSigned: number;
    readonly wrongHost: number;
    /** Asks for a client certificate of the same authority, and refuses without. */
    readonly mutual: number;
    readonly clientCert: string;
    readonly clientKey: string;
  } | null;
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "0" }, tls: { type: "boolean", default: false } },
  });
  const tally = new Tally();
  const routes = makeRoutes(tally);
  const plain = Bun.serve({ hostname: "127.0.0.1", port: Number(values.port), idleTimeout: 0, fetch: routes });
  const broken = listenBroken(tally);
  const deafPort = listenDeaf();
  const dir = mkdtempSync(join(tmpdir(), "target-"));
  process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
  const tls = values.tls ? serveTls(await makeCertificates(dir), routes) : null;
  const ready: TargetReady = { port: plain.port ?? 0, brokenPort: broken.port, deafPort, tls };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  for await (const _ of process.stdin);
  process.exit(0);
}

function serveTls(
  certificates: Certificates,
  routes: (request: Request) => Response | Promise<Response>,
): TargetReady["tls"] {
  const serve = (tls: Bun.TLSOptions): number =>
    Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, tls, fetch: routes }).port ?? 0;
  return {
    caFile: certificates.caFile,
    valid: serve(certificates.valid),
    expired: serve(certificates.expired),
    selfSigned: serve(certificates.selfSigned),
    wrongHost: serve(certificates.wrongHost),
    mutual: serve({
      ...certificates.valid,
      ca: Bun.file(certificates.caFile),
      requestCert: true,
      rejectUnauthorized: true,
    }),
    clientCert: certificates.client.cert,
    clientKey: certificates.client.key,
  };
}

await main();
