// What `hyperscale init` writes: an example test, the module's types and a tsconfig.json, so that an editor completes
// everything and `npx tsc --noEmit` passes in the folder. Files that exist are kept.

import { exists, isFolder, resolvePath, within, writeText } from "../io/files.ts";
import { HyperscaleError } from "../base/error.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { WORKFLOW_TYPES } from "./workflow-types.ts";

const EXAMPLE = `// A load test. Run it with:  hyperscale submit test.ts -e TARGET=http://127.0.0.1:8080
//
// The default function is one iteration of one virtual user (VU); each VU repeats it until the duration is over.
// Variables of this module are shared by the VUs that run on the same CPU core, and each core has its own copy:
// keep what belongs to one VU in \`vu.state\`, and what setup made for all of them in its return value.
import { Trend, type Options, type VU } from "hyperscale";

export const options: Options = {
  vus: 10,
  duration: "10s",
  thresholds: {
    http_req_failed: ["rate<0.01"],
    http_req_duration: ["p(95)<500"],
    checks: ["rate>0.99"],
  },
};

const pageSize = new Trend("page_size");

type Setup = { readonly target: string };

/** Runs once, before all VUs. What it returns (JSON) is the second argument of the default function. */
export function setup({ env }: VU): Setup {
  return { target: env["TARGET"] ?? "http://127.0.0.1:8080" };
}

export default async function ({ http, check, sleep }: VU, { target }: Setup) {
  const response = await http.get(\`\${target}/\`);
  check(response, {
    "status is 200": (r) => r.status === 200,
    "has a body": (r) => r.body.length > 0,
  });
  pageSize.add(response.body.length);
  await sleep(0.5); // seconds, or "500ms"
}
`;

const TSCONFIG = `{
  "compilerOptions": {
    "target": "ESNext",
    "lib": ["ESNext", "DOM"],
    "module": "Preserve",
    "moduleResolution": "bundler",
    "types": [],
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "skipLibCheck": true,
    "noEmit": true,
    "paths": { "hyperscale": ["./hyperscale.d.ts"] }
  }
}
`;

const FILES: readonly (readonly [name: string, text: string])[] = [
  ["test.ts", EXAMPLE],
  ["hyperscale.d.ts", WORKFLOW_TYPES],
  ["tsconfig.json", TSCONFIG],
];

/** Writes the files. Throws `invalid` when one is there and --force was not given; then nothing is written. */
export async function scaffold({ settings, terminal }: Invocation): Promise<number> {
  const typed = settings.positional("folder") ?? ".";
  const folder = resolvePath(terminal.directory, typed);
  if ((await exists(folder)) && !(await isFolder(folder)))
    throw new HyperscaleError("invalid", `${typed} is a file, not a folder`);
  const present: string[] = [];
  for (const [name] of FILES) if (await exists(within(folder, name))) present.push(name);
  if (present.length > 0 && !settings.is("force")) {
    throw new HyperscaleError(
      "invalid",
      `${present.join(", ")} in ${typed} would be overwritten; nothing was written`,
      {
        hint: "choose another folder, or give --force",
      },
    );
  }
  for (const [name, text] of FILES) {
    await writeText(within(folder, name), text);
    await terminal.print(`wrote ${within(typed, name)}\n`);
  }
  await terminal.print(
    `\nrun it with:\n  hyperscale submit ${shellWord(within(typed, "test.ts"))} -e TARGET=http://127.0.0.1:8080\n`,
  );
  return EXIT_OK;
}

/** A word as a shell takes it. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
