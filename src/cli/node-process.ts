// A node as a process: its folder locked, started, shown while it runs, drained on a signal. What a manager or a worker
// is, node/ says.

import { addressText } from "../base/address.ts";
import { HyperscaleError } from "../base/error.ts";
import type { NodeChaos } from "../chaos/node-chaos.ts";
import type { EngineReply, EngineRequest } from "../engine/messages.ts";
import { DiskError, type DiskErrorCode } from "../io/disk-error.ts";
import { within } from "../io/files.ts";
import { createLog } from "../io/log.ts";
import { NetError } from "../io/net-error.ts";
import { type Credentials, endOf, timeText } from "../io/security/credentials.ts";
import { secureWorld } from "../io/security/secure-world.ts";
import type { Interrupt, Terminal } from "../io/terminal.ts";
import type { Clock, DiskLock, NodeWorld, Timer, World } from "../io/world.ts";
import type { NodeAddress } from "../node/station.ts";
import type { NodeStatus } from "../node/status.ts";
import { nodeBlock, nodeLine } from "../tui/node-lines.ts";
import { Painter } from "../tui/painter.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK, exitCodeOf } from "./exit.ts";
import { usesColor } from "./progress.ts";

/** How often a node is looked at for something new to show. */
const LOOK_MS = 200;

/** Credentials that end within it are worth a word at the start. */
const WARN_OF_END_MS = 14 * 86_400_000;

/** A manager or worker, as far as a process is concerned. */
export type RunningNode = {
  readonly address: NodeAddress;
  status(): NodeStatus;
  /** Drains and closes. */
  stop(): Promise<void>;
};

/** What nodes are started with; engines' threads belong to it. */
type Ports = World<EngineRequest, EngineReply>;

export type NodeProcess = {
  readonly world: Ports;
  /** What it proves itself with. */
  readonly credentials: Credentials;
  readonly role: "manager" | "worker";
  readonly data: string;
  /** Where it was told to listen. */
  readonly listen: NodeAddress;
  readonly start: (world: Ports) => Promise<RunningNode>;
  /** Lines said once it listens. */
  readonly greeting: (node: RunningNode) => readonly string[];
  /** Why it should stop by itself now; null: it should not. Asked at every look. */
  readonly isOver?: (status: NodeStatus) => HyperscaleError | null;
};

/** Runs it until a signal drains it (exit code 0) or it stops by itself. Throws what keeps it from starting. */
export async function runNode(invocation: Invocation, node: NodeProcess): Promise<number> {
  const { terminal } = invocation;
  const display = createDisplay(invocation, node.world.clock);
  const secured = secureWorld({ ...node.world, log: display.log }, node.credentials);
  const chaos = await chaosOf(invocation, secured.world);
  const world = chaos?.world ?? secured.world;
  const lock = await lockFolder(world, node.data);
  const signalled = Promise.withResolvers<Interrupt | HyperscaleError>();
  let signals = 0;
  const unwatch = terminal.onInterrupt((signal) => {
    if (++signals > 1) terminal.exit(exitCodeOf("interrupted"));
    signalled.resolve(signal);
  });
  const timers = new Set<Timer>();
  let registered: { close(): void } | null = null;
  try {
    const running = await started(node, world, secured.tested);
    registered = chaos?.register({ ...node, address: running.address, status: () => running.status() }) ?? null;
    for (const line of node.greeting(running)) display.note(line);
    const endMs = endOf(node.credentials);
    if (endMs - world.clock.epochMs() < WARN_OF_END_MS)
      display.log.warn(`its credentials end at ${timeText(endMs)}, and then nobody takes it: issue new ones before`);
    if (registered !== null) display.log.warn("it takes fault orders (--chaos): not for work in earnest");
    const look = (): void => {
      const status = running.status();
      display.show(status);
      const over = node.isOver?.(status) ?? null;
      if (over !== null) signalled.resolve(over);
      timers.clear();
      timers.add(world.clock.setTimer(LOOK_MS, look));
    };
    look();
    const why = await signalled.promise;
    display.note(
      why instanceof HyperscaleError ? `${node.role} stops: ${why.message}` : `${node.role} drains (${why})`,
    );
    await running.stop();
    if (why instanceof HyperscaleError) throw why;
    display.note(`${node.role} stopped`);
    return EXIT_OK;
  } finally {
    for (const timer of timers) timer.cancel();
    unwatch();
    registered?.close();
    display.close();
    await lock.release();
  }
}

/** "listens at 127.0.0.1:9000 (TCP) and port 9001 (UDP)"; `host`: listened at, where others may know another. */
export function listeningText({ tcp, udp, host: known }: NodeAddress, host: string): string {
  const elsewhere = known === host ? "" : `, known to others as ${known}`;
  return `listens at ${addressText({ host, tcp })} (TCP) and port ${udp} (UDP)${elsewhere}`;
}

/** Ports that can be made to fail, when --chaos asks for it; null otherwise. Throws `invalid` and `storage`. */
async function chaosOf(invocation: Invocation, ports: Ports): Promise<NodeChaos<Ports> | null> {
  if (!invocation.settings.is("chaos")) return null;
  const { openNodeChaos } = await import("../chaos/node-chaos.ts");
  const { ownProcess } = await import("../io/local-process.ts");
  const { registryOf } = await import("./chaos-registry.ts");
  const { env: environment } = invocation.terminal;
  return openNodeChaos({ ports, registry: registryOf(invocation), self: ownProcess(), environment });
}

/** Takes the folder for this process. Throws `storage`: another process has it, or it cannot be made. */
async function lockFolder({ disk }: NodeWorld, data: string): Promise<DiskLock> {
  try {
    await disk.makeDirectory(data);
    const lock = await disk.lock(within(data, "node.lock"));
    if (lock !== null) return lock;
  } catch (error) {
    throw storageOf(data, error);
  }
  throw new HyperscaleError("storage", `the data folder ${data} is used by another process`, {
    hint: "every node needs a data folder of its own: give --data, or stop the other process",
  });
}

/** `tested`: rejects when the node must not run. */
async function started(node: NodeProcess, world: Ports, tested: Promise<void>): Promise<RunningNode> {
  try {
    const running = await node.start(world);
    await tested.catch(async (error: unknown) => {
      await running.stop();
      throw error;
    });
    return running;
  } catch (error) {
    if (error instanceof DiskError) throw storageOf(node.data, error);
    if (!(error instanceof NetError)) throw error;
    throw new HyperscaleError("invalid", error.message, {
      cause: error,
      hint:
        error.code === "inUse"
          ? "another node runs there; give --tcp and --udp other ports"
          : "see --host, --tcp and --udp",
    });
  }
}

const HINTS: Readonly<Partial<Record<DiskErrorCode, string>>> = {
  full: "free space there, or give --data a folder with more",
  denied: "give --data a folder that this user may write to",
  exists: "give --data a folder: there is a file of that name",
  io: "look at the disk: nothing on it is certain any more",
};

function storageOf(data: string, error: unknown): unknown {
  if (!(error instanceof DiskError)) return error;
  return new HyperscaleError("storage", `the data folder ${data}: ${error.message}`, {
    cause: error,
    hint: HINTS[error.code] ?? "see --data",
  });
}

type Display = {
  readonly log: NodeWorld["log"];
  note(text: string): void;
  show(status: NodeStatus): void;
  close(): void;
};

/**
 * A block that is kept up to date on a terminal, a line at every change elsewhere; with --quiet neither. Lines that
 * stay begin with the time (UTC): whoever looks for a cause lays the logs of several nodes side by side.
 */
function createDisplay({ terminal, settings }: Invocation, clock: Clock): Display {
  const color = usesColor(terminal, settings, "progress");
  const isQuiet = settings.is("quiet");
  const isLive = terminal.progress.isTerminal && terminal.env["TERM"] !== "dumb" && !isQuiet;
  const painter = isLive ? new Painter(terminal.progress) : null;
  const forget = painter === null ? () => {} : terminal.onExit(() => painter.close());
  let last = "";
  const stay = (text: string): void => {
    const line = `${new Date(clock.epochMs()).toISOString()} ${text}`;
    if (painter === null) terminal.progress.write(`${line}\n`);
    else painter.printAbove(line);
  };
  const log = createLog({
    level: isQuiet ? "warn" : settings.is("verbose") ? "debug" : "info",
    color,
    line: stay,
  });
  return {
    log,
    note: (text) => {
      if (!isQuiet) stay(text);
    },
    show(status) {
      if (painter !== null) {
        return painter.paint(nodeBlock(status, { columns: columnsOf(terminal), color }));
      }
      const line = nodeLine(status);
      if (isQuiet || line === last) return;
      last = line;
      stay(line);
    },
    close() {
      forget();
      painter?.close();
    },
  };
}

function columnsOf({ progress }: Terminal): number {
  return progress.size().columns;
}
