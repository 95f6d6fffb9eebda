// `hyperscale completions`: prints a completion script for a shell. How the scripts are made is cli/shells.ts.

import { defineCommand, type ArgsDef } from "citty";
import { HyperscaleError } from "../../base/error.ts";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";
import { EXIT_OK } from "../exit.ts";
import { nearest } from "../../base/suggest.ts";

export const text: CommandText = {
  name: "completions",
  summary: "Print a completion script for bash, zsh or fish",
  details: [],
  examples: [
    { line: "source <(hyperscale completions bash)", text: "in ~/.bashrc" },
    { line: 'hyperscale completions zsh > "${fpath[1]}/_hyperscale"', text: "once, for zsh" },
    { line: "hyperscale completions fish > ~/.config/fish/completions/hyperscale.fish", text: "once, for fish" },
  ],
};

export const options = {
  shell: {
    type: "positional",
    required: true,
    valueHint: "SHELL",
    completion: ["bash", "zsh", "fish"],
    description: "bash, zsh or fish",
  },
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { settings, terminal } = invocationOf(context);
    const { completionScript, SHELLS } = await import("../shells.ts");
    const typed = settings.positional("shell") ?? "";
    const shell = SHELLS.find((known) => known === typed);
    if (shell === undefined) {
      const near = nearest(typed, SHELLS);
      throw new HyperscaleError("usage", `no completions for ${JSON.stringify(typed)}`, {
        hint: near === null ? `shells: ${SHELLS.join(", ")}` : `did you mean ${near}?`,
      });
    }
    await terminal.print(await completionScript(shell));
    return EXIT_OK;
  },
});
