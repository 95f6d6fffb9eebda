// Goal: what nodes have in common is read from their options, and a wrong value is named. Method: settings of flags.

import { describe, expect, test } from "bun:test";
import { parseArgs } from "../../src/cli/args.ts";
import { Invocation } from "../../src/cli/command.ts";
import { options } from "../../src/cli/commands/manager.ts";
import { nodeSettings, type NodeSettings } from "../../src/cli/node-settings.ts";
import { resolveSettings } from "../../src/cli/settings.ts";
import { failureOf } from "./errors.ts";
import { fakeTerminal, noWorld } from "./fake-terminal.ts";

function settingsOf(...args: readonly string[]): NodeSettings {
  const settings = resolveSettings({ table: options, args: parseArgs(options, args), env: {}, config: null });
  return nodeSettings(new Invocation(settings, fakeTerminal([]), noWorld), "manager");
}

describe("--advertise", () => {
  for (const host of ["10.0.0.5", "manager-1.example", "::1", "[fd00::5]", "::ffff:10.0.0.5"])
    test(`${host} is a host`, () => expect(settingsOf("--advertise", host).advertise).toBe(host.replace(/[[\]]/g, "")));
  for (const text of ["10.0.0.5:9000", "manager-1:9000", "a b", "", "http://x"])
    test(`${JSON.stringify(text)} is none`, () =>
      expect(failureOf(() => settingsOf(`--advertise=${text}`))).toMatchObject({
        code: "invalid",
        message: expect.stringContaining("is no host"),
      }));
});
