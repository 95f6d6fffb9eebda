// Starts the target of target.ts, which remembers who asked when, and asks it.

import { join } from "node:path";
import { z } from "zod";
import type { Seen } from "./target.ts";

const LogSchema = z.array(z.tuple([z.number(), z.number(), z.number()]));

export type Target = {
  readonly url: string;
  /** Ms of its clock. */
  now(): Promise<number>;
  log(): Promise<readonly Seen[]>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Listens at `host`. */
export async function startTarget(host = "127.0.0.1"): Promise<Target> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "target.ts"), host], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const { port } = z.object({ port: z.number() }).parse(JSON.parse(new TextDecoder().decode(value)));
  const url = `http://${host}:${port}`;
  const ask = async (path: string): Promise<unknown> => (await fetch(`${url}${path}`)).json();
  return {
    url,
    now: async () => z.number().parse(await ask("/__now")),
    log: async () => LogSchema.parse(await ask("/__log")),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}
