// `hyperscale init`: writes a first test with what an editor needs to complete it. The files' texts are in
// cli/scaffold.ts.

import { defineCommand, type ArgsDef } from "citty";
import { invocationOf, type CommandText, type OptionTable } from "../command.ts";

export const text: CommandText = {
  name: "init",
  summary: "Write an example test with types for your editor",
  details: [
    "Writes test.ts, hyperscale.d.ts and tsconfig.json. Files that are there already are kept unless --force is given.",
  ],
  examples: [{ line: "hyperscale init my-test", text: "into the folder my-test, made where missing" }],
};

export const options = {
  folder: {
    type: "positional",
    required: false,
    valueHint: "FOLDER",
    completion: "folder",
    description: "where to write; default the current folder",
  },
  force: {
    type: "boolean",
    alias: ["f"],
    isFlagOnly: true,
    section: "Options",
    description: "Overwrite files that are there",
  },
} as const satisfies OptionTable;

export default defineCommand<ArgsDef>({
  meta: { name: text.name, description: text.summary },
  args: options,
  run: async (context) => {
    const { scaffold } = await import("../scaffold.ts");
    return scaffold(invocationOf(context));
  },
});
