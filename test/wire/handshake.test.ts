// Goal: only nodes that belong together talk, and both say why not. Method: a table of differences, judged from both
// sides.

import { describe, expect, test } from "bun:test";
import { type Hello, helloSchema, judge } from "../../src/wire/handshake.ts";

const OWN: Hello = {
  cluster: "c1",
  environment: "prod",
  role: "manager",
  node: "aaaa",
  boot: "3-00",
  address: { host: "a.example", udp: 9_001, tcp: 9_000 },
  major: 1,
  minor: 4,
  features: [],
};
const OTHER: Hello = { ...OWN, node: "bbbb", boot: "1-00", address: { host: "b.example", udp: 9_001, tcp: 9_000 } };

describe("two nodes", () => {
  const fine: readonly (readonly [name: string, other: Partial<Hello>])[] = [
    ["of one cluster", {}],
    ["of which one belongs to none yet", { cluster: null }],
    ["of other roles", { role: "client", cluster: null }],
    ["with features the other does not know", { features: ["teleport"] }],
  ];
  for (const [name, other] of fine)
    test(`${name} go together`, () => expect(judge(OWN, { ...OTHER, ...other }).ok).toBe(true));

  test("[MW-17.1.3] [LD-38.3.1] [LD-41.18.3] speak the smaller minor", () => {
    expect(judge(OWN, { ...OTHER, minor: 2 })).toEqual({ ok: true, minor: 2 });
    expect(judge({ ...OWN, minor: 2 }, OTHER)).toEqual({ ok: true, minor: 2 });
  });

  const refused: readonly (readonly [name: string, other: Partial<Hello>, code: string, values: readonly string[]])[] =
    [
      ["that are one", { node: "aaaa" }, "self", ["aaaa"]],
      ["[LD-41.23.1] of different environments", { environment: "test" }, "environment", ['"prod"', '"test"']],
      ["of different clusters", { cluster: "c2" }, "cluster", ["c1", "c2"]],
      ["[LD-41.18.5] of different major versions", { major: 2, minor: 0 }, "version", ["1.4", "2.0"]],
    ];
  for (const [name, other, code, values] of refused) {
    test(`${name} refuse each other, and both name both sides' values`, () => {
      for (const [own, theirs] of [
        [OWN, { ...OTHER, ...other }],
        [{ ...OTHER, ...other }, OWN],
      ] as const) {
        const judgement = judge(own, theirs);
        if (judgement.ok) throw new Error("it is refused");
        expect<string>(judgement.code).toBe(code);
        for (const value of values) expect(judgement.message).toContain(value);
      }
    });
  }
});

describe("a hello", () => {
  test("[MW-17.2.2] [LD-41.18.4] loses fields of later versions", () => {
    expect<unknown>(helloSchema.parse({ ...OWN, later: true })).toEqual(OWN);
  });
  const bad: readonly Partial<Record<keyof Hello, unknown>>[] = [
    { node: "" },
    { node: "x".repeat(65) },
    { role: "king" },
    { major: -1 },
    { address: { host: "a", udp: 1, tcp: 70_000 } },
    { features: new Array<string>(65).fill("f") },
    { cluster: 7 },
  ];
  for (const fields of bad)
    test(`with ${JSON.stringify(fields).slice(0, 60)} is none`, () =>
      expect(helloSchema.safeParse({ ...OWN, ...fields }).success).toBe(false));
});
