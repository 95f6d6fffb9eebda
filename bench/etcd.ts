// etcd's put beside our submits: three nodes of Debian's etcd-server on loopback with TLS, loaded by etcdctl's own
// performance check. Where they are not installed nothing is measured.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Out: a sentence with what it reached, null where it is not installed. In: the first of twelve ports. */
export async function measureEtcd(port: number): Promise<string | null> {
  if (Bun.which("etcd") === null || Bun.which("etcdctl") === null) return null;
  const dir = mkdtempSync(join(tmpdir(), "etcd-"));
  const nodes = [0, 1, 2].map((at) => ({ name: `e${at}`, client: port + 2 * at, peer: port + 2 * at + 1 }));
  const cluster = nodes.map(({ name, peer }) => `${name}=https://127.0.0.1:${peer}`).join(",");
  const children = nodes.map(({ name, client, peer }) =>
    Bun.spawn(
      [
        ...["etcd", "--name", name, "--data-dir", join(dir, name), "--logger", "zap", "--log-level", "error"],
        ...["--listen-client-urls", `https://127.0.0.1:${client}`],
        ...["--advertise-client-urls", `https://127.0.0.1:${client}`],
        ...["--listen-peer-urls", `https://127.0.0.1:${peer}`],
        ...["--initial-advertise-peer-urls", `https://127.0.0.1:${peer}`],
        ...["--initial-cluster", cluster, "--auto-tls", "--peer-auto-tls"],
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    ),
  );
  try {
    const endpoint = ["--endpoints", `https://127.0.0.1:${nodes[0]?.client}`];
    const tls = ["--insecure-skip-tls-verify", "--insecure-transport=false"];
    await healthy([...endpoint, ...tls]);
    const check = Bun.spawnSync(
      ["etcdctl", ...endpoint, ...tls, "--command-timeout", "120s", "check", "perf", "--load", "l"],
      {
        env: { ...process.env, ETCDCTL_API: "3" },
      },
    );
    const said = `${check.stdout.toString()}${check.stderr.toString()}`;
    const { rate, slowest, deviation } = perfOf(said);
    if (rate === null) return `etcd said nothing of its throughput: ${said.slice(-400)}`;
    return (
      `etcd (${version()}, three nodes, TLS, the same machine and run; \`etcdctl check perf --load l\`, ` +
      `500 in flight for 60 s): **${rate} puts a second**, slowest ${slowest ?? "?"} s, deviation ${deviation ?? "?"} s.`
    );
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.exited));
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * What `etcdctl check perf` found, passed or failed: "Slowest request took 0.5s", "Slowest request took too long:
 * 0.5s". Writes a second, and seconds, as it wrote them; null for what it did not say.
 */
export function perfOf(said: string): {
  readonly rate: string | null;
  readonly slowest: string | null;
  readonly deviation: string | null;
} {
  return {
    rate: /throughput\D*(\d+) writes\/s/i.exec(said)?.[1] ?? null,
    slowest: /slowest request took[^\d\n]*([\d.]+)s/i.exec(said)?.[1] ?? null,
    deviation: /stddev[^\d\n]*([\d.]+)s/i.exec(said)?.[1] ?? null,
  };
}

async function healthy(args: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const ended = Bun.spawnSync(["etcdctl", ...args, "endpoint", "health"], {
      env: { ...process.env, ETCDCTL_API: "3" },
      stderr: "ignore",
    });
    if (ended.exitCode === 0) return;
    await Bun.sleep(200);
  }
  throw new Error("etcd does not get healthy");
}

function version(): string {
  return Bun.spawnSync(["etcd", "--version"]).stdout.toString().split("\n")[0]?.replace("etcd Version: ", "") ?? "?";
}
