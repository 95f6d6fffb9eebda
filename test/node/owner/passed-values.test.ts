// Goal: what setup and workflows hand on is sealed in the ledger and whole at the worker; limits count the JSON, not its
// seal. Method: values sealed as an owner does it, put through the ledger of an embedded log.

import { describe, expect, test } from "bun:test";
import { createValueCipher } from "../../../src/io/security/value-cipher.ts";
import { closedEnd, openValues, providedValue } from "../../../src/node/owner/passed-values.ts";
import { CLEAR_VALUES, sealedValues } from "../../../src/node/stored-values.ts";

const random = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
const sealed = sealedValues(createValueCipher([new Uint8Array(32).fill(1)], random));
const ATTEMPT = { job: "j", workflow: "w", share: 0, token: 1 };
const provide = (key: string, json: string) =>
  ({ kind: "provide", attempt: ATTEMPT, key, json, vu: 1, iteration: 0 }) as const;
const ended = (valueJson: string | null) => ({ kind: "ended", attempt: ATTEMPT, valueJson, thrown: null }) as const;

describe("a value that is passed on", () => {
  for (const [name, values] of [
    ["sealed", sealed],
    ["in clear", CLEAR_VALUES],
  ] as const)
    test(`comes back as it was, ${name}`, () => {
      const json = JSON.stringify({ token: "geheim-\u00e9\u{1f511}" });
      const value = providedValue(values, ATTEMPT, provide("token", json));
      expect(value.bytes).toBe(Buffer.byteLength(json));
      expect(value.json.includes("geheim")).toBe(name === "in clear");
      const end = closedEnd(values, ATTEMPT, ended(json));
      const setupJson = end.kind === "closed" ? end.valueJson : null;
      expect(openValues(values, "j", { context: { token: value.json }, setupJson })).toEqual({
        context: { token: json },
        setupJson: json,
      });
      expect(closedEnd(values, ATTEMPT, ended(null))).toEqual({ kind: "closed", valueJson: null, thrown: null });
    });

  test("opens for its own job and key alone", () => {
    const { json } = providedValue(sealed, ATTEMPT, provide("token", "1"));
    expect(openValues(sealed, "other", { context: { token: json }, setupJson: null })).toBe(null);
    expect(openValues(sealed, "j", { context: { other: json }, setupJson: null })).toBe(null);
    expect(openValues(sealed, "j", { context: {}, setupJson: json })).toBe(null);
    expect(openValues(sealed, "j", { context: { token: "no base64 !" }, setupJson: null })).toBe(null);
  });
});
