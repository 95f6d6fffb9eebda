// Goal: a node that registered is found while it runs, and nothing else is ever taken for it. Method: a registry in a
// fresh folder, and entries of real processes: this one, one that has ended, and ones of which something is different.

import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HyperscaleError } from "../../src/base/error.ts";
import { nameOf, Operator } from "../../src/chaos/operator.ts";
import { type Entry, openRegistry, presenceOf } from "../../src/chaos/registry.ts";
import type { SeenNode } from "../../src/chaos/targets.ts";
import { createClock } from "../../src/io/clock.ts";
import { ownProcess } from "../../src/io/local-process.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "chaos-"));
  folders.push(folder);
  return folder;
}

function entryOf(changes: Partial<Entry> = {}): Entry {
  const { pid, startTime, argv, program, directory } = ownProcess();
  return {
    version: 1,
    id: "0a1b2c3d4e5f6071",
    role: "manager",
    pid,
    startTime,
    argv,
    program,
    directory,
    environment: {},
    logFile: null,
    addresses: [{ host: "127.0.0.1", tcp: 9_000, udp: 9_001 }],
    data: directory,
    socket: "/nowhere/socket",
    ...changes,
  };
}

/** A process that is there and does nothing; killed by id in the end. */
async function sleeper(): Promise<{ readonly entry: Entry; kill(): Promise<void> }> {
  const child = Bun.spawn(["sleep", "600"], { stdio: ["ignore", "ignore", "ignore"] });
  const { processOf } = await import("../../src/io/local-process.ts");
  let seen = processOf(child.pid);
  while (seen?.argv[0] !== "sleep") seen = processOf(child.pid);
  return {
    entry: entryOf({ pid: seen.pid, startTime: seen.startTime, argv: seen.argv }),
    kill: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

const failureOf = async (run: () => unknown): Promise<HyperscaleError> => {
  try {
    await run();
  } catch (error) {
    if (error instanceof HyperscaleError) return error;
    throw error;
  }
  throw new Error("it did not fail");
};

describe("the folder", () => {
  test("and what is in it is readable by its owner alone", () => {
    const named = freshFolder();
    const registry = openRegistry(named, {});
    registry.put(entryOf());
    expect(statSync(registry.folder.path).mode & 0o777).toBe(0o700);
    expect(statSync(join(registry.folder.path, "0a1b2c3d4e5f6071.json")).mode & 0o777).toBe(0o600);
  });

  test("forgets the node that had a data folder before: it was emptied, and is another node's", () => {
    const registry = openRegistry(freshFolder(), {});
    registry.put(entryOf({ id: "aaaa", data: "/data/m0" }));
    registry.put(entryOf({ id: "bbbb", data: "/data/m1" }));
    writeFileSync(registry.folder.pathOf("cccc.json"), "no entry", { mode: 0o600 });
    registry.put(entryOf({ id: "dddd", data: "/data/m0" }));
    rmSync(registry.folder.pathOf("cccc.json"));
    expect(registry.entries().map(({ id }) => id)).toEqual(["bbbb", "dddd"]);
  });

  test("is the user's runtime folder unless another is named", () => {
    const runtime = freshFolder();
    expect(openRegistry(null, { XDG_RUNTIME_DIR: runtime }).folder.path).toBe(join(runtime, "hyperscale", "nodes"));
  });

  test("that is open to others is refused, with what to do", async () => {
    const named = freshFolder();
    mkdirSync(join(named, "nodes"));
    chmodSync(join(named, "nodes"), 0o755);
    const error = await failureOf(() => openRegistry(named, {}));
    expect(error.message).toContain("is open to others than its owner (mode 755)");
    expect(error.hint).toBe(`chmod 700 ${join(named, "nodes")}`);
  });

  test("that is a link, or no folder, is refused", async () => {
    const [linked, filed] = [freshFolder(), freshFolder()];
    symlinkSync(freshFolder(), join(linked, "nodes"));
    expect((await failureOf(() => openRegistry(linked, {}))).message).toContain("is no folder");
    writeFileSync(join(filed, "nodes"), "");
    expect((await failureOf(() => openRegistry(filed, {}))).code).toBe("storage");
  });

  test("with a file that is no entry says which file, and what is wrong", async () => {
    const registry = openRegistry(freshFolder(), {});
    registry.folder.write("x.json", '{"version":1,"id":"../up"}');
    const error = await failureOf(() => registry.entries());
    expect(error.message).toContain("x.json is no entry of a node: id");
  });
});

describe("an entry", () => {
  test("is there until its own process takes it out", () => {
    const registry = openRegistry(freshFolder(), {});
    const [first, later] = [entryOf({ startTime: "1" }), entryOf({ startTime: "2" })];
    registry.put(first);
    registry.put(later);
    // The one before does not take out the one that came after it.
    registry.remove(first);
    expect(registry.entries()).toEqual([later]);
    registry.remove(later);
    expect(registry.entries()).toEqual([]);
  });

  test("of a process that runs is running", () => expect(presenceOf(entryOf())).toEqual({ kind: "running" }));

  test("of a process that has ended is gone", async () => {
    const { entry, kill } = await sleeper();
    expect(presenceOf(entry)).toEqual({ kind: "running" });
    await kill();
    expect(presenceOf(entry)).toEqual({ kind: "gone" });
  });

  test("whose process id is another process's now is a stranger, by its start", () => {
    const presence = presenceOf(entryOf({ startTime: "17" }));
    expect(presence.kind).toBe("stranger");
    if (presence.kind === "stranger") expect(presence.why).toContain("and the node at 17");
  });

  test("whose process was started otherwise is a stranger, by its arguments", () => {
    const presence = presenceOf(entryOf({ argv: ["hyperscale", "manager"] }));
    expect(presence.kind).toBe("stranger");
    if (presence.kind === "stranger") expect(presence.why).toContain('and the node was "hyperscale manager"');
  });
});

describe("an operator", () => {
  const operatorOf = (registry: ReturnType<typeof openRegistry>): Operator =>
    new Operator({ registry, clock: createClock(), environment: {} });
  const seen = (entry: Entry): SeenNode => ({ entry, presence: { kind: "running" }, told: null });

  test("never touches a process that is not the one that registered", async () => {
    const { entry, kill } = await sleeper();
    const operator = operatorOf(openRegistry(freshFolder(), {}));
    for (const stranger of [
      { ...entry, startTime: "17" },
      { ...entry, argv: ["hyperscale", "manager", "--chaos"] },
    ]) {
      const acts = [
        () => operator.kill(seen(stranger)),
        () => operator.pause([seen(stranger)], 1_000),
        () => operator.resume(seen(stranger)),
        () => operator.restart(seen(stranger)),
        () => operator.inflict(seen(stranger), { kind: "diskFull" }, 1_000),
        () => operator.heal(seen(stranger)),
      ];
      for (const act of acts)
        expect((await failureOf(act)).message).toContain(`${nameOf(stranger)} is not touched: process ${entry.pid}`);
    }
    expect(presenceOf(entry)).toEqual({ kind: "running" });
    await kill();
  });

  test("does not stop a process that cannot see to it that it is woken", async () => {
    const { entry, kill } = await sleeper();
    const operator = operatorOf(openRegistry(freshFolder(), {}));
    expect((await failureOf(() => operator.pause([seen(entry)], 1_000))).message).toContain("does not answer at");
    expect(presenceOf(entry)).toEqual({ kind: "running" });
    await kill();
  });

  test("kills, and says so of one that is gone already", async () => {
    const { entry, kill } = await sleeper();
    const operator = operatorOf(openRegistry(freshFolder(), {}));
    await operator.kill(seen(entry));
    await kill();
    expect(presenceOf(entry)).toEqual({ kind: "gone" });
    const error = await failureOf(() => operator.kill(seen(entry)));
    expect(error.message).toContain("does not run");
    expect(error.hint).toBe("hyperscale chaos restart 0a1b2c3d starts it again");
  });

  test("forgets a node that is gone with its data folder", async () => {
    const registry = openRegistry(freshFolder(), {});
    const { entry, kill } = await sleeper();
    await kill();
    const data = freshFolder();
    registry.put({ ...entry, data });
    expect((await operatorOf(registry).look()).map(({ presence }) => presence.kind)).toEqual(["gone"]);
    rmSync(data, { recursive: true });
    expect(await operatorOf(registry).look()).toEqual([]);
    expect(existsSync(join(registry.folder.path, `${entry.id}.json`))).toBeFalse();
  });
});
