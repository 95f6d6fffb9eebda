// Where nodes register that take fault orders.

import { HyperscaleError } from "../base/error.ts";
import { openRegistry, type Registry } from "../chaos/registry.ts";
import { isFolder } from "../io/files.ts";
import type { Invocation } from "./command.ts";

/** The registry of this user's nodes on this machine. Throws `invalid` and `storage`. */
export function registryOf({ settings, terminal }: Invocation): Registry {
  return openRegistry(settings.one("runtime-dir")?.text ?? null, terminal.env);
}

/** The same for who gives orders: a folder that was named has to be there. */
export async function registryInUse(invocation: Invocation): Promise<Registry> {
  const named = invocation.settings.one("runtime-dir");
  if (named !== null && !(await isFolder(named.text)))
    throw new HyperscaleError("invalid", `${named.source}: there is no folder ${named.text}`, {
      hint: "give the one that the nodes were started with (manager --chaos --runtime-dir DIR)",
    });
  return registryOf(invocation);
}
