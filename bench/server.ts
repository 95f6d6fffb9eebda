// The target of every bench: nginx with one worker pinned to a core of its own, a 12-byte answer, no access log and
// connections that are never closed. It keeps its own count of requests, which the generators' counts are held to.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Server = {
  readonly url: string;
  readonly version: string;
  /** Requests nginx has seen so far, those for this number left out. */
  requests(): Promise<number>;
  stop(): Promise<void>;
};

/** Starts nginx on a free port of 127.0.0.1, pinned to `core`. Throws when it is not installed or does not come up. */
export async function startServer(core: number): Promise<Server> {
  const nginx = Bun.which("nginx") ?? (existsSync("/usr/sbin/nginx") ? "/usr/sbin/nginx" : null);
  if (nginx === null) throw new Error("nginx is not installed: run bench/install-peers.sh");
  const dir = mkdtempSync(join(tmpdir(), "bench-nginx-"));
  const port = freePort();
  await Bun.write(join(dir, "nginx.conf"), config(dir, port));
  const child = Bun.spawn(["taskset", "-c", String(core), nginx, "-p", dir, "-c", "nginx.conf"], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(join(dir, "stderr")),
  });
  const url = `http://127.0.0.1:${port}/`;
  // A question that finds nobody is not one: only those answered are counted.
  let asked = 0;
  const status = async (): Promise<string> => {
    const text = await (await fetch(`${url}__status`, { keepalive: false })).text();
    asked++;
    return text;
  };
  await untilUp(status, child, dir);
  return {
    url,
    version: versionOf(nginx),
    // The third number of its line "accepts handled requests" counts this question too.
    requests: async () => Number(/\n\s*\d+ \d+ (\d+)/.exec(await status())?.[1] ?? Number.NaN) - asked,
    async stop() {
      child.kill();
      await child.exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function config(dir: string, port: number): string {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${dir}/${name};`)
    .join(" ");
  return `
daemon off; ${process.getuid?.() === 0 ? "user root;" : ""} worker_processes 1; worker_rlimit_nofile 65536;
pid ${dir}/pid; error_log ${dir}/error.log;
events { worker_connections 32768; multi_accept on; }
http {
  access_log off; keepalive_requests 2000000000; keepalive_timeout 1h; ${paths}
  server {
    listen 127.0.0.1:${port} backlog=32768;
    location = / { default_type text/plain; return 200 "hello, load\\n"; }
    location = /__status { stub_status; }
  }
}
`;
}

async function untilUp(status: () => Promise<string>, child: Bun.Subprocess, dir: string): Promise<void> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    try {
      await status();
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`nginx did not come up: ${await Bun.file(join(dir, "stderr")).text()}`, { cause: error });
      }
      await Bun.sleep(20);
    }
  }
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

function versionOf(nginx: string): string {
  return /nginx\/(\S+)/.exec(Bun.spawnSync([nginx, "-v"]).stderr.toString())?.[1] ?? "unknown";
}
