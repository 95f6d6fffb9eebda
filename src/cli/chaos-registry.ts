// Where nodes register that take fault orders.

import { openRegistry, type Registry } from "../chaos/registry.ts";
import type { Invocation } from "./command.ts";

/** The registry of this user's nodes on this machine. Throws `invalid` and `storage`. */
export function registryOf({ settings, terminal }: Invocation): Registry {
  return openRegistry(settings.one("runtime-dir")?.text ?? null, terminal.env);
}
