// How names of managers are looked up: an option of every command that is a node or talks to one. places.ts reads it.

import type { OptionTable } from "./command.ts";

export const DNS_OPTION = {
  dns: {
    type: "string",
    valueHint: "HOST:PORT,...",
    isRepeatable: true,
    isList: true,
    section: "Network",
    description: "Name servers for dns: and srv:, like 127.0.0.1:8600; default the system's",
  },
} as const satisfies OptionTable;
