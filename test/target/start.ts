// Starts the scripted target for a test file and talks to it. One target may serve many tests at once only where they
// do not read its counts; a test that counts starts its own (20 ms).

import { join } from "node:path";
import { z } from "zod";
import type { Counts } from "./counts.ts";
import type { TargetReady } from "./target.ts";

export type Target = {
  /** "http://127.0.0.1:port", without a slash at the end. */
  readonly url: string;
  /** The same for the misbehaving paths. */
  readonly brokenUrl: string;
  /** A port whose connects never end. */
  readonly deafUrl: string;
  readonly ready: TargetReady;
  counts(): Promise<Counts>;
  /** Ends the process and waits for it. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

const TlsSchema = z.object({
  caFile: z.string(),
  valid: z.number(),
  expired: z.number(),
  selfSigned: z.number(),
  wrongHost: z.number(),
  mutual: z.number(),
  clientCert: z.string(),
  clientKey: z.string(),
});
const ReadySchema = z.object({
  port: z.number(),
  brokenPort: z.number(),
  deafPort: z.number(),
  tls: TlsSchema.nullable(),
});
const CountsSchema = z.object({ total: z.number(), paths: z.record(z.string(), z.number()), connections: z.number() });

/** Starts a target on free ports. Throws when it does not say it is ready. */
export async function startTarget(options: { readonly tls?: boolean } = {}): Promise<Target> {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "target.ts"), ...(options.tls === true ? ["--tls"] : [])],
    {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  const ready = ReadySchema.parse(JSON.parse(await firstLine(child.stdout)));
  const url = `http://127.0.0.1:${ready.port}`;
  const stop = async (): Promise<void> => {
    await child.stdin.end();
    await child.exited;
  };
  return {
    url,
    brokenUrl: `http://127.0.0.1:${ready.brokenPort}`,
    deafUrl: `http://127.0.0.1:${ready.deafPort}`,
    ready,
    counts: async () => CountsSchema.parse(await (await fetch(`${url}/__count`)).json()),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the target ended before it was ready: ${text}`);
    text += decoder.decode(value, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
}
