// Goal: values at rest are unreadable without the cluster's key, and good only where they belong. Method: sealed values
// opened with other keys, in other places, and with every bit changed.

import { describe, expect, test } from "bun:test";
import { createValueCipher } from "../../../src/io/security/value-cipher.ts";

const random = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
const KEY = new Uint8Array(32).fill(1);
const NEW_KEY = new Uint8Array(32).fill(2);
const secret = new TextEncoder().encode("password=hunter2");
const cipher = createValueCipher([KEY], random);

describe("a sealed value", () => {
  test("opens in its place, and shows nothing of itself", () => {
    const sealed = cipher.seal(secret, "job 1 context");
    expect(Buffer.from(sealed).includes("hunter2")).toBe(false);
    expect(cipher.open(sealed, "job 1 context")).toEqual(secret);
    expect(createValueCipher([KEY], random).open(sealed, "job 1 context")).toEqual(secret);
  });

  test("differs each time, so that equal values do not show", () => {
    expect(Buffer.compare(cipher.seal(secret, "p"), cipher.seal(secret, "p"))).not.toBe(0);
  });

  test("may be empty or large, in a place of any length", () => {
    const place = "é".repeat(5_000);
    for (const size of [0, 1, 1_000_000])
      expect(cipher.open(cipher.seal(new Uint8Array(size), place), place)?.length).toBe(size);
  });

  test("does not open in another place or under another key", () => {
    const sealed = cipher.seal(secret, "job 1 context");
    expect(cipher.open(sealed, "job 2 context")).toBe(null);
    expect(createValueCipher([NEW_KEY], random).open(sealed, "job 1 context")).toBe(null);
  });

  test("does not open when a bit of it is another, or bytes are missing", () => {
    const sealed = cipher.seal(secret, "p");
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(cipher.open(changed, "p")).toBe(null);
    }
    for (let length = 0; length < sealed.length; length++)
      expect(cipher.open(sealed.subarray(0, length), "p")).toBe(null);
  });

  test("outlives a change of keys while the old key is in the ring", () => {
    const sealed = cipher.seal(secret, "p");
    const both = createValueCipher([NEW_KEY, KEY], random);
    expect(both.open(sealed, "p")).toEqual(secret);
    expect(cipher.open(both.seal(secret, "p"), "p")).toBe(null);
  });
});
