// Goal: where managers are is read as people write it; what is no place names its source and a form that is. Method:
// tables.

import { describe, expect, test } from "bun:test";
import { placesOf, placesText } from "../../src/cli/places.ts";
import type { Setting } from "../../src/cli/settings.ts";
import type { Place } from "../../src/node/network/discovery.ts";
import { failureOf } from "./errors.ts";

const of = (text: string): Setting => ({ text, source: "--managers" });

describe("a place to look", () => {
  const cases: readonly (readonly [text: string, place: Place])[] = [
    ["dns:managers.example:9000", { kind: "name", name: "managers.example", port: 9_000 }],
    ["srv:_hyperscale._tcp.example", { kind: "service", name: "_hyperscale._tcp.example" }],
    ["10.0.0.5:9000-9010", { kind: "range", host: "10.0.0.5", from: 9_000, to: 9_010 }],
    ["[::1]:9000-9001", { kind: "range", host: "::1", from: 9_000, to: 9_001 }],
    ["load-1.example:9000-9000", { kind: "range", host: "load-1.example", from: 9_000, to: 9_000 }],
  ];
  for (const [text, place] of cases)
    test(text, () => expect(placesOf([of(text)])).toEqual({ listed: [], sought: [place] }));

  const wrong: readonly string[] = [
    "srv:",
    "srv:a b",
    "dns:managers.example",
    "dns:10.0.0.1:9000",
    "10.0.0.5:9010-9000",
    "10.0.0.5:9000-9999",
    "10.0.0.5:9000-70000",
  ];
  for (const text of wrong)
    test(`${text} is none`, () => expect(failureOf(() => placesOf([of(text)]))).toMatchObject({ code: "invalid" }));
});

test("places and plain addresses go together, and are written as they are read", () => {
  const texts = [
    "127.0.0.1:9000",
    "dns:m.example:9000",
    "srv:_h._tcp.example",
    "127.0.0.1:9002-9010",
    "[::1]:9000-9010",
  ];
  const places = placesOf(texts.map(of));
  expect(places.listed).toEqual([{ host: "127.0.0.1", tcp: 9_000, udp: 9_001 }]);
  expect(placesText(places)).toBe(texts.join(", "));
  expect(placesText(placesOf([of("[::1]:9000")]))).toBe("[::1]:9000");
});
