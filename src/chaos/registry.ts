// The nodes of this user on this machine that were started with --chaos: one small file each in a folder that nobody
// else can read. An entry is believed only while the process it names is still that process.

import { z } from "zod";
import { HyperscaleError } from "../base/error.ts";
import { within } from "../io/files.ts";
import { processOf } from "../io/local-process.ts";
import { openPrivateFolder, type PrivateFolder, userId } from "../io/private-folder.ts";
import { peerSchema } from "./faults.ts";

const text = z.string().min(1).max(4_096);

/** A node as it registered itself. environment: variables its start depended on. logFile: where its stderr went. */
const entrySchema = z.object({
  version: z.literal(1),
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  role: z.enum(["manager", "worker"]),
  pid: z.int().positive(),
  startTime: z.string().regex(/^\d+$/),
  argv: z.array(z.string()).min(1).readonly(),
  program: text,
  directory: text,
  environment: z.record(z.string(), z.string()),
  logFile: text.nullable(),
  /** Where it listens, and as what it is known to others. */
  addresses: z.array(peerSchema).min(1).readonly(),
  data: text,
  socket: text,
});
export type Entry = z.infer<typeof entrySchema>;

/** gone: it has ended without a goodbye. stranger: its id is another process's now; `why` says what is different. */
export type Presence =
  | { readonly kind: "running" }
  | { readonly kind: "paused" }
  | { readonly kind: "gone" }
  | { readonly kind: "stranger"; readonly why: string };

export type Registry = {
  readonly folder: PrivateFolder;
  /** All nodes that are known, also those that are gone, by role and id. */
  entries(): readonly Entry[];
  /** Another node's entry with the same data folder is taken out. */
  put(entry: Entry): void;
  /** Takes the entry out, if it is still that process's. */
  remove(entry: Entry): void;
  /** Where a node without a log file of its own writes when it is started again. */
  logFileOf(entry: Entry): string;
};

const SUFFIX = ".json";

/**
 * Opens it. In: the folder that was named (null: the user's runtime folder), and the variables of the environment.
 * Throws `invalid` when others could have placed something there.
 */
export function openRegistry(
  named: string | null,
  environment: Readonly<Record<string, string | undefined>>,
): Registry {
  const folder = openPrivateFolder(within(folderOf(named, environment), "nodes"));
  const parse = (name: string) => {
    const content = folder.read(name);
    return content === null ? null : entrySchema.safeParse(jsonOf(content));
  };
  const read = (name: string): Entry | null => {
    const parsed = parse(name);
    if (parsed === null) return null;
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new HyperscaleError(
      "invalid",
      `${folder.pathOf(name)} is no entry of a node: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
      { hint: "remove the file; the node writes it when it is started with --chaos" },
    );
  };
  return {
    folder,
    entries: () =>
      folder
        .names()
        .filter((name) => name.endsWith(SUFFIX))
        .flatMap((name) => read(name) ?? [])
        .sort((left, right) => (sortKey(left) < sortKey(right) ? -1 : 1)),
    put(entry) {
      const own = `${entry.id}${SUFFIX}`;
      for (const name of folder.names()) {
        const other = name.endsWith(SUFFIX) && name !== own ? parse(name) : null;
        // Whoever had that data folder before is no more: it was emptied, and is another node's.
        if (other?.success === true && other.data.data === entry.data) folder.remove(name);
      }
      folder.write(own, `${JSON.stringify(entry, null, 2)}\n`);
    },
    remove: (entry) => {
      const now = read(`${entry.id}${SUFFIX}`);
      if (now?.pid === entry.pid && now.startTime === entry.startTime) folder.remove(`${entry.id}${SUFFIX}`);
    },
    logFileOf: ({ id, logFile }) => logFile ?? folder.pathOf(`${id}.log`),
  };
}

/** Whether the process that registered is still there. */
export function presenceOf({ pid, startTime, argv }: Entry): Presence {
  const now = processOf(pid);
  if (now === null) return { kind: "gone" };
  if (now.startTime !== startTime)
    return {
      kind: "stranger",
      why: `process ${pid} started at tick ${now.startTime} of this machine, and the node at ${startTime}`,
    };
  if (now.argv.join("\0") !== argv.join("\0"))
    return {
      kind: "stranger",
      why: `process ${pid} is ${commandText(now.argv)}, and the node was ${commandText(argv)}`,
    };
  return { kind: now.state };
}

function folderOf(named: string | null, { XDG_RUNTIME_DIR: runtime }: Readonly<Record<string, string | undefined>>) {
  if (named !== null && named.trim() !== "") return named;
  if (runtime !== undefined && runtime !== "") return within(runtime, "hyperscale");
  return `/tmp/hyperscale-${userId()}`;
}

function sortKey({ role, addresses: [address] }: Entry): string {
  return `${role} ${address?.host ?? ""} ${String(address?.tcp ?? 0).padStart(5, "0")}`;
}

function commandText(argv: readonly string[]): string {
  return JSON.stringify(argv.slice(0, 4).join(" "));
}

function jsonOf(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    // What is no JSON is no entry either.
    return null;
  }
}
