// The memory limit as the kernel states it: cgroup v2 and v1, nested, unlimited, absent. Files are played by a record.

import { expect, test } from "bun:test";
import { constants, totalmem } from "node:os";
import { cgroupLimitBytes, createMemory } from "../../src/io/memory.ts";

function limit(files: Readonly<Record<string, string>>): number {
  return cgroupLimitBytes((path) => files[path] ?? "");
}

test("version 2: the lowest limit on the way up holds, and max is none", () => {
  const cgroup = { "/proc/self/cgroup": "0::/user/job\n" };
  expect(
    limit({ ...cgroup, "/sys/fs/cgroup/user/job/memory.max": "2000\n", "/sys/fs/cgroup/user/memory.max": "1000\n" }),
  ).toBe(1_000);
  expect(
    limit({ ...cgroup, "/sys/fs/cgroup/user/job/memory.max": "max\n", "/sys/fs/cgroup/memory.max": "3000\n" }),
  ).toBe(3_000);
  expect(limit({ ...cgroup, "/sys/fs/cgroup/user/job/memory.max": "max\n" })).toBe(Infinity);
});

test("version 1: the memory controller's limit, not another's", () => {
  expect(
    limit({
      "/proc/self/cgroup": "5:cpu,cpuacct:/a\n4:memory:/b\n",
      "/sys/fs/cgroup/memory/b/memory.limit_in_bytes": "4096\n",
      "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1\n",
    }),
  ).toBe(4_096);
});

test("no cgroups at all: no limit but the machine's", () => {
  expect(limit({})).toBe(Infinity);
  const memory = createMemory();
  expect(memory.limitBytes()).toBeLessThanOrEqual(totalmem());
  expect(memory.residentBytes()).toBeGreaterThan(1e6);
  expect(memory.residentBytes()).toBeLessThan(memory.limitBytes());
});

test("without a free descriptor the system does not tell, and the last answer holds", () => {
  const failure = Object.assign(new Error("Failed to get memory usage"), { errno: constants.errno.EMFILE });
  const answers: (() => number)[] = [
    () => 5_000,
    () => {
      throw failure;
    },
    () => {
      throw new Error("another");
    },
  ];
  const memory = createMemory(() => answers.shift()?.() ?? 0);
  expect([memory.residentBytes(), memory.residentBytes()]).toEqual([5_000, 5_000]);
  expect(() => memory.residentBytes()).toThrow("another");
});
