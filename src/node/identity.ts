// Who a node is, kept in its data folder: a random id for the life of the folder, a counter of its starts. Not its
// address, which is a hint, and not its cluster, which consensus keeps in its own log.

import * as z from "../base/schema.ts";
import { HyperscaleError } from "../base/error.ts";
import { parseJson } from "../base/json.ts";
import { DiskError, diskErrorCode } from "../io/disk-error.ts";
import { within } from "../io/files.ts";
import { isIdentityWord } from "../io/security/peer-identity.ts";
import type { NodeWorld } from "../io/world.ts";
import { writeAll } from "../io/write-all.ts";

export type NodeRole = "manager" | "worker" | "gate";

/**
 * `node`: 16 hex digits, or the word its credentials name. `boot`: starts of this folder, from 1. `bootId`: `boot` and
 * 8 random hex digits.
 */
export type Identity = { readonly node: string; readonly boot: number; readonly bootId: string };

const FILE_NAME = "node.json";
const FILE_BYTES_MAX = 4_096;

const fileSchema = z.object({
  version: z.literal(1),
  role: z.enum(["manager", "worker", "gate"]),
  environment: z.string().min(1).max(64),
  node: z.string().refine(isIdentityWord),
  boot: z
    .int()
    .min(1)
    .max(2 ** 39),
});

/**
 * Reads the folder's id and counts this start, durably, before it returns; makes both in an empty folder. Throws
 * `storage`: the folder is another role's or environment's, its file is damaged, or the disk fails. `pinned`: the id
 * that the node's credentials are for; left out or null: any.
 */
export async function openIdentity(options: {
  readonly world: Pick<NodeWorld, "disk" | "random">;
  readonly directory: string;
  readonly role: NodeRole;
  readonly environment: string;
  readonly pinned?: string | null;
  /** The folder is this node's: others may begin to use it while its start is being written down. */
  readonly checked?: () => void;
}): Promise<Identity> {
  const { world, directory, role, environment, pinned = null } = options;
  try {
    await world.disk.makeDirectory(directory);
    const before = await read(world, directory);
    if (before !== null && before.role !== role)
      throw foreign(directory, `belongs to a ${before.role}, and this is a ${role}`);
    if (before !== null && before.environment !== environment)
      throw foreign(directory, `is of environment "${before.environment}", and this node of "${environment}"`);
    if (before !== null && pinned !== null && before.node !== pinned)
      throw foreign(directory, `belongs to node ${before.node}, and its credentials are for node ${pinned}`);
    options.checked?.();
    const node = before?.node ?? pinned ?? hex(world.random.bytes(8));
    const boot = (before?.boot ?? 0) + 1;
    await write(world, directory, { version: 1, role, environment, node, boot });
    return { node, boot, bootId: `${boot}-${hex(world.random.bytes(4))}` };
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    throw new HyperscaleError("storage", `the data folder ${directory}: ${error.message}`, { cause: error });
  }
}

/**
 * The next start of this folder counts from `boot` on: others know so many. Throws `storage` as `openIdentity`, and
 * lowers nothing.
 */
export async function raiseBoot(world: Pick<NodeWorld, "disk">, directory: string, boot: number): Promise<void> {
  try {
    const before = await read(world, directory);
    if (before !== null && before.boot < boot) await write(world, directory, { ...before, boot });
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    throw new HyperscaleError("storage", `the data folder ${directory}: ${error.message}`, { cause: error });
  }
}

type IdentityFile = z.infer<typeof fileSchema>;

async function read({ disk }: Pick<NodeWorld, "disk">, directory: string): Promise<IdentityFile | null> {
  const path = within(directory, FILE_NAME);
  const file = await disk.open(path, "read").catch((error: unknown) => {
    if (diskErrorCode(error) === "missing") return null;
    throw error;
  });
  if (file === null) return null;
  try {
    const text = new TextDecoder().decode(await file.read(0, FILE_BYTES_MAX));
    const parsed = fileSchema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new HyperscaleError("storage", `${path} is damaged or of a version that is not known here`, {
      hint: "restore it from a copy, or start with an empty data folder: that is another node to the cluster",
    });
  } finally {
    await file.close();
  }
}

/** Whole under its name or not at all. */
async function write({ disk }: Pick<NodeWorld, "disk">, directory: string, content: IdentityFile): Promise<void> {
  const unfinished = within(directory, `${FILE_NAME}.tmp`);
  if ((await disk.list(directory)).includes(`${FILE_NAME}.tmp`)) await disk.remove(unfinished);
  const file = await disk.open(unfinished, "create");
  try {
    await writeAll(file, 0, new TextEncoder().encode(`${JSON.stringify(content)}\n`));
    await file.syncData();
  } finally {
    await file.close();
  }
  await disk.rename(unfinished, within(directory, FILE_NAME));
  await disk.syncDirectory(directory);
}

function foreign(directory: string, what: string): HyperscaleError {
  return new HyperscaleError("storage", `the data folder ${directory} ${what}`, {
    hint: "every node needs a data folder of its own",
  });
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The counter in a boot id; 0 for one of another form. */
export function bootNumber(boot: string): number {
  const number = Number.parseInt(boot, 10);
  return Number.isSafeInteger(number) ? number : 0;
}
