// Goal: every option of every command can be a variable and a key of the config file, but for those that say otherwise,
// and means the same there. Method: each option of each command's table, from all three sources, through the merging that
// the program uses.

import { describe, expect, test } from "bun:test";
import { parseArgs } from "../../src/cli/args.ts";
import { COMMON_OPTIONS, configKey, envName, type OptionDef, type OptionTable } from "../../src/cli/command.ts";
import { COMMANDS, loadCommand } from "../../src/cli/commands.ts";
import { resolveSettings, type Settings } from "../../src/cli/settings.ts";

/** A value that the form of an option allows. */
function valueOf(def: OptionDef): string {
  if (def.type === "boolean") return "true";
  return def.pair === undefined ? "some-value" : `name${def.pair}value`;
}

const texts = (settings: Settings, name: string): readonly string[] => settings.all(name).map(({ text }) => text);

for (const command of COMMANDS) {
  const { options } = await loadCommand(command);
  const table: OptionTable = { ...options, ...COMMON_OPTIONS };
  const positionals = Object.values(options).flatMap((def) =>
    def.type === "positional" && def.required === true ? ["given"] : [],
  );
  const resolved = (args: readonly string[], env: Readonly<Record<string, string>>, config: unknown): Settings =>
    resolveSettings({
      table,
      args: parseArgs(table, [...positionals, ...args]),
      env,
      config: config === null ? null : { path: "c.json", text: JSON.stringify(config) },
    });

  describe(command, () => {
    for (const [name, def] of Object.entries(table)) {
      if (def.type === "positional" || name === "help") continue;
      const value = valueOf(def);
      const flag = def.type === "boolean" ? [`--${name}`] : [`--${name}=${value}`];
      const asConfig = { [configKey(name)]: def.type === "boolean" ? true : value };
      if (def.isFlagOnly === true) {
        test(`--${name} is a flag alone`, () => {
          expect(texts(resolved(flag, {}, null), name)).toEqual([value]);
          expect(texts(resolved([], { [envName(name)]: value }, null), name)).toEqual([]);
          expect(() => resolved([], {}, asConfig)).toThrow("is no option");
        });
        continue;
      }
      if (name === "config") {
        test("--config and HYPERSCALE_CONFIG are one, and a config file names no other", () => {
          expect(texts(resolved([], { [envName(name)]: value }, null), name)).toEqual(
            texts(resolved(flag, {}, null), name),
          );
          expect(() => resolved([], {}, asConfig)).toThrow("config in c.json is no option");
        });
        continue;
      }
      test(`--${name}, ${envName(name)} and ${configKey(name)} are one`, () => {
        const expected = texts(resolved(flag, {}, null), name);
        expect(expected).toEqual([value]);
        expect(texts(resolved([], { [envName(name)]: value }, null), name)).toEqual([...expected]);
        expect(texts(resolved([], {}, asConfig), name)).toEqual([...expected]);
      });
    }
  });
}
