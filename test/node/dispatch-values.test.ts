// Goal: the values of a dispatch arrive whole, however many there are, in messages that fit a frame. Method: splits of
// any values put together again in any order, their encoded sizes, and a real Tenant that is told in parts.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { CONTEXT_BYTES_MAX, PROVIDE_BYTES_MAX } from "../../src/ledger/entries.ts";
import { PendingValues, splitValues, type Values } from "../../src/node/dispatch-values.ts";
import { VALUE_BYTES_MAX } from "../../src/node/worker-messages.ts";
import { encode } from "../../src/wire/codec.ts";
import { FRAME_BYTES_MAX } from "../../src/wire/frame.ts";
import { attemptOf, M1, TenantScene } from "../scenarios/tenant-scene.ts";

const wide = "€".repeat(PROVIDE_BYTES_MAX / 3 - 1);
const LARGEST: Values = {
  context: Object.fromEntries(
    Array.from({ length: CONTEXT_BYTES_MAX / PROVIDE_BYTES_MAX }, (_, at) => [`key ${at}`, wide]),
  ),
  setupJson: "€".repeat(VALUE_BYTES_MAX - 2),
};

test("what is small goes in one message; the largest context and setup there may be in several, each within a frame", () => {
  expect(splitValues({ context: { a: "1" }, setupJson: "2" })).toEqual([{ context: { a: "1" }, setupJson: "2" }]);
  expect(splitValues({ context: {}, setupJson: null })).toEqual([{ context: {}, setupJson: null }]);
  const parts = splitValues(LARGEST);
  expect(parts.length).toBeGreaterThan(2);
  for (const part of parts) expect(encode(part).length).toBeLessThan(FRAME_BYTES_MAX - 64 * 1_024);
});

test("put together in any order they are what was split; with one missing they are nothing", () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string(),
        fc.string({ maxLength: 50 }).map((text) => text.repeat(3_000)),
        { maxKeys: 20 },
      ),
      fc.option(fc.string()),
      fc.nat(),
      (context, setupJson, pick) => {
        const [first, ...more] = splitValues({ context, setupJson });
        if (first === undefined) throw new Error("no part");
        const order = more.map((values, part) => ({ values, part }));
        if (pick % 2 === 0) order.reverse();
        const pending = new PendingValues();
        for (const { part, values } of order) {
          expect(pending.take(7, more.length, first)).toBeNull();
          pending.keep(7, part, values);
        }
        expect(pending.take(7, more.length, first)).toEqual({ context: { ...context }, setupJson });
      },
    ),
    { numRuns: 50, seed: 1 },
  );
});

test("a worker waits for all of them, and prepares nothing when a part got lost", async () => {
  const scene = new TenantScene();
  const attempt = attemptOf(5);
  const dispatch = {
    kind: "dispatch",
    attempt,
    core: 0,
    place: { share: 0, shares: 1, resume: null, feedStripe: { index: 0, of: 1 } },
    submission: "digest",
    context: { a: "1" },
    setupJson: null,
    valueParts: 2,
    reportMs: 1_000,
  } as const;
  scene.command(M1, { kind: "values", attempt, part: 0, context: { b: "2" }, setupJson: null });
  scene.command(M1, dispatch);
  await scene.clock.advance(10);
  expect(scene.state(5)).toBeNull();
  scene.command(M1, { kind: "values", attempt, part: 0, context: { b: "2" }, setupJson: null });
  scene.command(M1, { kind: "values", attempt, part: 1, context: { c: "3" }, setupJson: "4" });
  scene.command(M1, dispatch);
  await scene.clock.advance(10);
  expect(scene.ordered).toMatchObject([{ kind: "dispatch", context: { a: "1", b: "2", c: "3" }, setupJson: "4" }]);
});
