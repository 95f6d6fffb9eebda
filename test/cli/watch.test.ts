// Goal: `status --watch --json` prints a line for every picture, and ends when its reader is gone. Method: virtual time,
// a cluster that answers at once, a terminal whose reader takes two lines.

import { expect, test } from "bun:test";
import { Invocation } from "../../src/cli/command.ts";
import { resolveSettings } from "../../src/cli/settings.ts";
import { watchCluster } from "../../src/cli/watch.ts";
import { options } from "../../src/cli/commands/status.ts";
import { parseArgs } from "../../src/cli/args.ts";
import { VirtualClock } from "../node/fake-world.ts";
import { managerPicture } from "../tui/statuses.ts";
import { fakeTerminal, noWorld } from "./fake-terminal.ts";

test("pictures as JSON end with their reader: status --watch --json | head -2", async () => {
  const clock = new VirtualClock();
  const terminal = fakeTerminal([], { reads: 2 });
  const args = parseArgs(options, ["--watch", "--json"]);
  const settings = resolveSettings({ table: options, args, env: {}, config: null });
  const cluster = { client: { status: async () => managerPicture() }, answer: <T>(asked: Promise<T>) => asked };
  const codes: number[] = [];
  void watchCluster(new Invocation(settings, terminal, noWorld), cluster, { clock }).then((code) => codes.push(code));
  await clock.until(() => codes.length > 0, 10_000);
  expect(codes).toEqual([0]);
  expect(terminal.stdout().trim().split("\n")).toHaveLength(2);
  expect(terminal.listeners()).toBe(0);
});
