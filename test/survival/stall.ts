// Runs a command on a machine that stalls: again and again all its processes stand still, as under a host that takes
// the CPU away. Ends with the command's exit code (128 + N after signal N). Linux as root.
// Usage: bun run stall [--seed 1] [--run 50-500] [--freeze 20-500] -- bun test test/engine

import { constants } from "node:os";
import { parseArgs } from "node:util";
import { createPrng, nextFloat, type Prng } from "../../src/base/prng.ts";
import { Freezer, freezerProblem } from "./freezer.ts";

/** Ms, both ends included. */
export type Span = { readonly minMs: number; readonly maxMs: number };
/** `run`, `freeze`: how long it runs and stands by turns. */
export type StallOptions = {
  readonly seed: number;
  readonly run: Span;
  readonly freeze: Span;
  readonly command: readonly string[];
};

const USAGE = "usage: bun run stall [--seed 1] [--run 50-500] [--freeze 20-500] -- COMMAND ...";

/** Throws what is wrong. `bun run stall -- --seed 1 -- COMMAND` has one `--` more, which is as good as none. */
export function stallOptions(argv: readonly string[]): StallOptions {
  const rest = argv[0] === "--" ? argv.slice(1) : argv;
  const { values, positionals } = parseArgs({
    args: [...rest],
    options: { seed: { type: "string" }, run: { type: "string" }, freeze: { type: "string" } },
    allowPositionals: true,
  });
  if (positionals.length === 0) throw new Error("no command");
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`--seed is a whole number, not "${values.seed}"`);
  return {
    seed,
    run: span("--run", values.run ?? "50-500"),
    freeze: span("--freeze", values.freeze ?? "20-500"),
    command: positionals,
  };
}

/** Ms within a span, of the stream. */
export function drawMs(prng: Prng, { minMs, maxMs }: Span): number {
  return minMs + nextFloat(prng) * (maxMs - minMs);
}

function span(name: string, text: string): Span {
  const [, min, max] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  const [minMs, maxMs] = [Number(min), Number(max)];
  if (!(minMs >= 1 && minMs <= maxMs)) throw new Error(`${name} is MIN-MAX in ms, not "${text}"`);
  return { minMs, maxMs };
}

async function main(): Promise<number> {
  const options = optionsHere();
  if (options === null) return 2;
  const { seed, run, freeze, command } = options;
  const problem = freezerProblem();
  if (problem !== null) {
    console.error(problem);
    return 1;
  }
  const prng = createPrng(seed, "stall");
  const freezer = new Freezer();
  const frozen = { count: 0, ms: 0, longestMs: 0 };
  const startedMs = performance.now();
  try {
    // A session of its own: Ctrl+C reaches it once, through here.
    const child = Bun.spawn([...freezer.within(command)], {
      detached: true,
      stdio: ["inherit", "inherit", "inherit"],
    });
    const ended = child.exited;
    // A signal is the command's, which cannot hear it while it stands: from then on it runs.
    const stopped = Promise.withResolvers<void>();
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.on(signal, () => {
        stopped.resolve();
        freezer.thaw();
        child.kill(signal);
      });
    const isOver = Promise.race([ended, stopped.promise]).then(() => true);
    const passes = (ms: number): Promise<boolean> => Promise.race([isOver, Bun.sleep(ms).then(() => false)]);
    while (!(await passes(drawMs(prng, run)))) {
      const sinceMs = performance.now();
      freezer.freeze();
      await passes(drawMs(prng, freeze));
      freezer.thaw();
      const ms = performance.now() - sinceMs;
      frozen.count++;
      frozen.ms += ms;
      frozen.longestMs = Math.max(frozen.longestMs, ms);
    }
    await ended;
    return child.exitCode ?? 128 + numberOf(child.signalCode);
  } finally {
    await freezer.close();
    const tookMs = performance.now() - startedMs;
    console.error(
      `stall: seed ${seed}; stood ${frozen.count} times for ${seconds(frozen.ms)} of ${seconds(tookMs)}, ` +
        `${seconds(frozen.longestMs)} at most`,
    );
  }
}

function optionsHere(): StallOptions | null {
  try {
    return stallOptions(process.argv.slice(2));
  } catch (thrown) {
    console.error(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${USAGE}`);
    return null;
  }
}

function numberOf(signal: Bun.Subprocess["signalCode"]): number {
  return Object.entries(constants.signals).find(([name]) => name === signal)?.[1] ?? 0;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

if (import.meta.main) process.exit(await main());
