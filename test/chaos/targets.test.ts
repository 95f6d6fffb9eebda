// Goal: a word means the nodes it says, and one that means none is answered with what there is. Method: a made-up cluster
// as its nodes tell it.

import { describe, expect, test } from "bun:test";
import { HyperscaleError } from "../../src/base/error.ts";
import type { Presence } from "../../src/chaos/registry.ts";
import { inState, leaderOf, resolveTarget, type SeenNode } from "../../src/chaos/targets.ts";
import type { JobLine } from "../../src/node/status.ts";
import { managerPicture } from "../tui/statuses.ts";

type Told = { readonly leader?: string | null; readonly term?: number; readonly jobs?: readonly JobLine[] };

/** "aa11" listens at 9011. */
const portOf = (id: string): number => 9_000 + Number(id.slice(2));

function node(
  id: string,
  role: "manager" | "worker",
  told: Told | null = {},
  kind: Presence["kind"] = "running",
): SeenNode {
  const status = managerPicture({ leader: told?.leader ?? null, term: told?.term ?? 1, jobs: told?.jobs ?? [] });
  return {
    entry: {
      version: 1,
      id,
      role,
      pid: 1,
      startTime: "1",
      argv: ["hyperscale"],
      program: "/hyperscale",
      directory: "/",
      environment: {},
      logFile: null,
      addresses: [{ host: "127.0.0.1", tcp: portOf(id), udp: portOf(id) + 1 }],
      data: "/data",
      socket: "/socket",
    },
    presence: kind === "stranger" ? { kind, why: "it is vi" } : { kind },
    told: told === null ? null : { status, faults: [] },
  };
}

const job = (id: string, owner: string, state: JobLine["state"]): JobLine => ({
  id,
  state,
  outcome: null,
  isPaused: false,
  cores: 1,
  owner,
  result: null,
  live: null,
});

const CLUSTER: readonly SeenNode[] = [
  node("aa11", "manager", {
    leader: "bb22",
    term: 7,
    jobs: [job("old", "aa11", "open"), job("new", "cc33", "open"), job("done", "aa11", "finished")],
  }),
  node("bb22", "manager", { leader: "bb22", term: 7 }),
  // Cut off: it still believes in an older term.
  node("cc33", "manager", { leader: "aa11", term: 6 }),
  node("dd44", "worker"),
  node("dd55", "worker", null, "paused"),
  node("ee66", "worker", null, "gone"),
];

const ids = (word: string, nodes = CLUSTER, withGone = false): readonly string[] =>
  resolveTarget(word, nodes, withGone).map(({ entry }) => entry.id);

function refusal(word: string, nodes = CLUSTER): HyperscaleError {
  try {
    resolveTarget(word, nodes);
  } catch (error) {
    if (error instanceof HyperscaleError) return error;
    throw error;
  }
  throw new Error(`${word} was found`);
}

describe("a word", () => {
  const words: readonly (readonly [word: string, expected: readonly string[]])[] = [
    ["leader", ["bb22"]],
    ["follower", ["aa11"]],
    ["followers", ["aa11", "cc33"]],
    ["owner", ["cc33"]],
    ["manager", ["aa11"]],
    ["managers", ["aa11", "bb22", "cc33"]],
    ["worker", ["dd44"]],
    ["workers", ["dd44"]],
    ["all", ["aa11", "bb22", "cc33", "dd44", "dd55"]],
    ["bb", ["bb22"]],
    ["ee66", ["ee66"]],
    ["127.0.0.1:9022", ["bb22"]],
    ["127.0.0.1:9066", ["ee66"]],
  ];
  for (const [word, expected] of words)
    test(`${word} means ${expected.join(", ")}`, () => expect(ids(word)).toEqual([...expected]));

  test("an address means who is there now", () =>
    expect(ids("127.0.0.1:9066", [...CLUSTER, node("ff66", "worker")])).toEqual(["ff66"]));
  test("all means those that are gone too where that is asked", () =>
    expect(ids("all", CLUSTER, true)).toHaveLength(6));
  test("the leader is the one of the highest term that anybody knows", () => expect(leaderOf(CLUSTER)).toBe("bb22"));
});

describe("of those that are paused or gone", () => {
  const mixed = [
    ...CLUSTER,
    node("dd66", "worker", null, "paused"),
    node("ff77", "manager", null, "paused"),
    node("ff88", "manager", null, "gone"),
  ];
  const found = (word: string, state: "paused" | "gone"): readonly string[] =>
    inState(word, mixed, state).map(({ entry }) => entry.id);

  test("a role means the first, and its plural all", () => {
    expect(found("worker", "paused")).toEqual(["dd55"]);
    expect(found("workers", "paused")).toEqual(["dd55", "dd66"]);
    expect(found("all", "paused")).toEqual(["dd55", "dd66", "ff77"]);
    expect(found("worker", "gone")).toEqual(["ee66"]);
    for (const word of ["manager", "managers", "leader", "follower", "followers", "owner"])
      expect(found(word, "gone")).toEqual(["ff88"]);
  });
  test("an id means none of them", () => expect(found("dd55", "paused")).toEqual([]));
});

describe("what means nothing is refused:", () => {
  test("no node runs with --chaos", () => {
    expect(refusal("leader", []).message).toBe("no node on this machine runs with --chaos");
    expect(refusal("leader", []).hint).toContain("start managers and workers with --chaos");
  });
  test("an unknown word, with what is like it and what there is", () => {
    const error = refusal("laeder");
    expect(error.message).toBe('"laeder" is no node that runs with --chaos');
    expect(error.hint).toContain("did you mean leader?");
    expect(error.hint).toContain("aa11, bb22");
  });
  test("the beginning of several ids, with all of them", () => {
    const error = refusal("dd");
    expect(error.message).toBe('"dd" is the beginning of 2 ids');
    expect(error.hint).toContain("dd44, dd55");
  });
  test("an empty word", () => expect(refusal("").message).toContain("is no node"));
  test("a role that nobody has now", () => {
    const alone = [node("aa11", "manager", { leader: null, term: 3 })];
    expect(refusal("leader", alone).message).toBe("no node knows a leader now");
    expect(refusal("worker", alone).message).toBe("no worker runs with --chaos");
    expect(refusal("owner", alone).message).toContain("no job runs");
  });
  test("a leader or owner that is paused or gone, of whom the others know no successor yet", () => {
    const jobs = [job("new", "bb22", "open")];
    for (const [kind, words] of [
      ["paused", "is paused"],
      ["gone", "is gone"],
    ] as const) {
      const nodes = [node("aa11", "manager", { leader: "bb22", term: 3, jobs }), node("bb22", "manager", null, kind)];
      for (const part of ["leader", "owner"])
        expect(refusal(part, nodes).message).toBe(
          `the ${part} as the others know it, bb22, ${words}: there is no other yet`,
        );
    }
  });
  test("a leader that runs elsewhere", () => {
    const here = [node("aa11", "manager", { leader: "ff99", term: 3 })];
    expect(refusal("leader", here).message).toBe("the leader ff99 runs elsewhere or without --chaos");
  });
});
