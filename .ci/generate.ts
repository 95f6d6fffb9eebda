// Writes every file that is made from another: completions and man pages from the option tables, JSON Schemas, the text
// of the workflow types that `init` hands out. `--check` only compares. Run by `bun run generate`; a test checks it.

import { COMMANDS, loadCommand } from "../src/cli/commands.ts";
import { manualPages } from "../src/cli/manual.ts";
import { completionScript, SHELLS } from "../src/cli/shells.ts";
import { statusJsonSchemaText } from "../src/node/status.ts";
import { summaryJsonSchemaText } from "../src/report/summary-schema.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Path from the repository's root to text, of every generated file. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const names = {
    bash: "completions/hyperscale.bash",
    zsh: "completions/_hyperscale",
    fish: "completions/hyperscale.fish",
  };
  for (const shell of SHELLS) files.set(names[shell], await completionScript(shell));
  for (const [name, page] of manualPages(await Promise.all(COMMANDS.map(loadCommand)))) files.set(`man/${name}`, page);
  files.set("src/node/status.schema.json", statusJsonSchemaText());
  files.set("src/report/summary.schema.json", summaryJsonSchemaText());
  const types = await Bun.file(`${ROOT}src/engine/hyperscale.d.ts`).text();
  files.set(
    "src/cli/workflow-types.ts",
    `// Made by \`bun run generate\` from src/engine/hyperscale.d.ts: the types that \`init\` writes. Edit that file.

/** The declarations of the module "hyperscale". */
export const WORKFLOW_TYPES = ${templateLiteral(types)};
`,
  );
  return files;
}

/** Names of generated files that differ from what is on disk. */
export async function staleFiles(): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const [path, text] of await generatedFiles()) {
    const file = Bun.file(`${ROOT}${path}`);
    if (!(await file.exists()) || (await file.text()) !== text) stale.push(path);
  }
  return stale;
}

function templateLiteral(text: string): string {
  return `\`${text.replace(/[\\`]|\$\{/g, "\\$&")}\``;
}

if (import.meta.main) {
  const stale = await staleFiles();
  if (process.argv.includes("--check")) {
    for (const path of stale) console.error(`${path} is stale: run \`bun run generate\``);
    process.exit(stale.length === 0 ? 0 : 1);
  }
  const files = await generatedFiles();
  for (const path of stale) {
    await Bun.write(`${ROOT}${path}`, files.get(path) ?? "");
    console.log(`wrote ${path}`);
  }
}
