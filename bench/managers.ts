// Three managers of the built executable on loopback, for the benches that submit to them: started, killed, started
// again, their CPU and memory read from the kernel. Data and key are in a folder of their own.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWorld } from "../src/io/real-world.ts";
import type { Log } from "../src/io/log.ts";
import { openCredentials } from "../src/io/security/open-credentials.ts";
import { secureWorld } from "../src/io/security/secure-world.ts";
import { openClient } from "../src/node/client.ts";
import type { ClusterClient } from "../src/node/cluster-client.ts";
import type { NodeStatus } from "../src/node/status.ts";

const EXECUTABLE = join(import.meta.dir, "../dist/hyperscale");
const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
/** Ticks of /proc/PID/stat a second. */
const TICKS = 100;

export type Place = { readonly dir: string; readonly ports: readonly number[] };

/** CPU seconds and resident bytes of a process so far. */
export type Usage = { readonly cpuSeconds: number; readonly residentBytes: number };

export function usageOf(pid: number): Usage {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const [, resident] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
    residentBytes: Number(resident ?? 0) * 1_024,
  };
}

/** A client of the managers at these ports; `only`: of that one alone; `first`: the one it tries first. */
export async function clientOf(
  { dir, ports }: Place,
  only: number | null = null,
  first: number | null = null,
): Promise<ClusterClient> {
  process.env["XDG_RUNTIME_DIR"] = dir;
  const world = createWorld(SILENT);
  const credentials = await openCredentials({
    ...{ given: { kind: "none" }, role: "client", host: null, node: null },
    epochMs: Date.now(),
    environment: process.env,
  });
  const { world: secured, tested } = secureWorld(world, credentials);
  await tested;
  const managers = ports.filter((_, at) => only === null || at === only).map((port) => ({ host: "127.0.0.1", port }));
  const { random } = secured;
  // Where a client begins is drawn.
  const bytes = (count: number): Uint8Array =>
    count === 1 && first !== null ? Uint8Array.of(first) : random.bytes(count);
  return openClient({ world: { ...secured, random: { bytes } }, managers, environment: "default" });
}

export class Managers {
  readonly place: Place;
  readonly #args: readonly string[];
  readonly #children = new Map<number, Bun.Subprocess>();

  constructor(options: { readonly basePort: number; readonly args: readonly string[] }) {
    const ports = [0, 2, 4].map((step) => options.basePort + step);
    this.place = { dir: mkdtempSync(join(tmpdir(), "bench-")), ports };
    this.#args = options.args;
  }

  start(at: number): void {
    const { dir, ports } = this.place;
    const peers = ports.map((port) => `127.0.0.1:${port}`).join(",");
    const child = Bun.spawn(
      [
        EXECUTABLE,
        ...["manager", "--tcp", String(ports[at]), "--peers", peers, "--data", join(dir, `m${at}`), "--quiet"],
        ...this.#args,
      ],
      { env: { ...process.env, XDG_RUNTIME_DIR: dir }, stdin: "ignore", stdout: "ignore", stderr: "inherit" },
    );
    this.#children.set(at, child);
  }

  startAll(): void {
    for (const at of this.place.ports.keys()) if (!this.#children.has(at)) this.start(at);
  }

  /** Every manager is killed at once, or that one. */
  async kill(only: number | null = null): Promise<void> {
    const killed = [...this.#children].filter(([at]) => only === null || at === only);
    for (const [at, child] of killed) {
      child.kill("SIGKILL");
      this.#children.delete(at);
    }
    await Promise.all(killed.map(([, child]) => child.exited));
  }

  usage(): readonly Usage[] {
    return [...this.#children].sort(([a], [b]) => a - b).map(([, child]) => usageOf(child.pid));
  }

  /** Which of them leads, once all that run agree on it. */
  async leader(isLeft: (status: NodeStatus) => boolean = () => true): Promise<number> {
    for (let tries = 0; tries < 600; tries++) {
      const client = await clientOf(this.place);
      const status = await Promise.race([client.status(), Bun.sleep(1_000).then(() => null)]).catch(() => null);
      client.close();
      const port = status?.members.find(({ id }) => id === status.leader)?.address.tcp;
      const at = this.place.ports.indexOf(port ?? -1);
      if (status !== null && at >= 0 && isLeft(status)) return at;
      await Bun.sleep(50);
    }
    throw new Error("nobody leads");
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.place.dir, { recursive: true, force: true });
  }
}
