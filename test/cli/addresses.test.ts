// Goal: addresses of nodes are read as people write them; a wrong one is `invalid` and names its source. Method: tables.

import { addressText } from "../../src/base/address.ts";
import { describe, expect, test } from "bun:test";
import { addressesOf, addressOf, portOf } from "../../src/cli/addresses.ts";
import type { Setting } from "../../src/cli/settings.ts";
import { failureOf } from "./errors.ts";

const of = (text: string): Setting => ({ text, source: "--peers" });

describe("an address", () => {
  const cases: readonly (readonly [text: string, host: string, tcp: number, udp: number])[] = [
    ["127.0.0.1:9000", "127.0.0.1", 9_000, 9_001],
    [" load-1.example.org:9002 ", "load-1.example.org", 9_002, 9_003],
    ["10.0.0.5:9000/9400", "10.0.0.5", 9_000, 9_400],
    ["[::1]:9000", "::1", 9_000, 9_001],
    ["[fe80::1]:9000/7", "fe80::1", 9_000, 7],
  ];
  for (const [text, host, tcp, udp] of cases) {
    test(`${text}: its UDP port is stated or the next one`, () => {
      expect(addressOf(of(text))).toEqual({ host, tcp, udp });
    });
  }

  const wrong: readonly string[] = ["", "host", ":9000", "host:", "host:x", "::1:9000", "http://a:1", "a:1/", "a b:1"];
  for (const text of wrong) {
    test(`${JSON.stringify(text)} is none`, () => {
      expect(failureOf(() => addressOf(of(text)))).toMatchObject({ code: "invalid" });
    });
  }

  test("ports are 1 to 65535, the UDP port that follows from one too", () => {
    for (const text of ["a:0", "a:65536", "a:1/0", "a:65535"])
      expect(failureOf(() => addressOf(of(text))).message).toContain("65535");
    expect(addressOf(of("a:65535/1")).tcp).toBe(65_535);
  });

  test("is written as it is read", () => {
    for (const text of ["127.0.0.1:9000", "[::1]:9000"]) expect(addressText(addressOf(of(text)))).toBe(text);
  });
});

test("a list has each address once, and not two UDP ports for one", () => {
  expect(addressesOf([of("a:1"), of(" "), of("b:1"), of("a:1")]).map(addressText)).toEqual(["a:1", "b:1"]);
  expect(failureOf(() => addressesOf([of("a:1"), of("a:1/9")]))).toMatchObject({ code: "invalid" });
});

test("a port to listen at may be 0", () => {
  expect(portOf(of("0"))).toBe(0);
  expect(portOf(of("9000"))).toBe(9_000);
  for (const text of ["", "-1", "65536", "9e3", "x"])
    expect(failureOf(() => portOf(of(text)))).toMatchObject({ code: "invalid" });
});
