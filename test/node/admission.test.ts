// Goal: each client gets its share and is told when to come again, a manager in trouble takes less, and a cancel always
// passes. Method: a clock that the test advances; lateness is a timer that fires late.

import { describe, expect, test } from "bun:test";
import type { Clock } from "../../src/io/world.ts";
import { Admission, type Asked, type Entrance, SUBMIT_RATE, type SubmitRate } from "../../src/node/admission.ts";
import { VirtualClock } from "./fake-world.ts";

const SUBMIT: Asked = { requestClass: "submit", operation: "submit" };
const STATUS: Asked = { requestClass: "stats", operation: "status" };
const CANCEL: Asked = { requestClass: "critical", operation: null };

function admission(submitRate: SubmitRate = SUBMIT_RATE): { clock: VirtualClock; admission: Admission } {
  const clock = new VirtualClock();
  return { clock, admission: new Admission({ clock, seed: 1, submitRate }) };
}

/** So many requests one after the other. Out: how many were taken, and the last refusal. */
function flood(
  to: Admission,
  count: number,
  { client = "c", asked = SUBMIT }: { readonly client?: string; readonly asked?: Asked } = {},
): { readonly taken: number; readonly refused: Extract<Entrance, { kind: "refused" }> | null } {
  let taken = 0;
  let refused: Extract<Entrance, { kind: "refused" }> | null = null;
  for (let at = 0; at < count; at++) {
    const entrance = to.enter(client, asked);
    if (entrance.kind === "refused") refused = entrance;
    else {
      taken++;
      to.leave(asked);
    }
  }
  return { taken, refused };
}

describe("one client", () => {
  test("has its burst, then its rate, and is told the limit and when to come again; another is not touched", async () => {
    const { clock, admission: to } = admission();
    const first = flood(to, 150);
    expect(first.taken).toBe(100);
    expect(first.refused?.message).toBe("this manager takes 50 submits a second from one client, 100 at once");
    await clock.advance(first.refused?.retryAfterMs ?? 0);
    expect(flood(to, 10).taken).toBe(1);
    await clock.advance(1_000);
    expect(flood(to, 100).taken).toBe(50);
    expect(flood(to, 150, { client: "d" }).taken).toBe(100);
    expect(to.view().refusedLately).toBe(50 + 9 + 50 + 50);
  });

  test.each([
    ["its own rate", 10, 20],
    ["less than one a second", 0.5, 1],
    ["no limit", null, 1_000],
  ] as const)("may be given %s", (_what, rate, taken) => {
    expect(flood(admission(rate).admission, 1_000).taken).toBe(taken);
  });

  test("that asks too often for the status is limited too; its cancels never are", () => {
    const { admission: to } = admission();
    expect(flood(to, 100, { asked: STATUS }).refused?.message).toContain("questions a second");
    expect(flood(to, 5_000, { asked: CANCEL }).taken).toBe(5_000);
  });
});

test("what is under way is bounded, by class; a cancel passes all the same", () => {
  const { admission: to } = admission(null);
  const enter = (asked: Asked): string => to.enter("c", asked).kind;
  const taken = Array.from({ length: 400 }, () => enter(SUBMIT)).filter((kind) => kind === "taken").length;
  expect(taken).toBe(300);
  expect(enter(CANCEL)).toBe("taken");
  to.leave(SUBMIT);
  expect(enter(SUBMIT)).toBe("taken");
});

/** A clock whose timers come late by so much. */
class LateClock implements Clock {
  readonly #clock = new VirtualClock();
  lateMs = 0;

  nowMs = (): number => this.#clock.nowMs();
  epochMs = (): number => this.#clock.epochMs();
  setTimer: Clock["setTimer"] = (delayMs, run) => this.#clock.setTimer(delayMs + this.lateMs, run);
  advance(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }
}

test("a loop that is late for seconds sheds questions first, then submits, never cancels; and takes them again", async () => {
  const clock = new LateClock();
  const to = new Admission({ clock, seed: 1, submitRate: null });
  clock.lateMs = 300;
  await clock.advance(8_000);
  expect(to.view()).toMatchObject({ level: "busy", lagMs: 300 });
  clock.lateMs = 3_000;
  await clock.advance(80_000);
  expect(to.view().level).toBe("overloaded");
  const submits = flood(to, 100);
  expect(submits.taken).toBe(0);
  expect(submits.refused?.message).toContain("this manager is overloaded: its loop is 3000 ms late");
  expect(submits.refused?.retryAfterMs).toBeGreaterThanOrEqual(1_000);
  expect(flood(to, 100, { asked: CANCEL }).taken).toBe(100);
  clock.lateMs = 0;
  await clock.advance(60_000);
  expect(to.view().level).toBe("healthy");
  expect(flood(to, 100).taken).toBe(100);
});

test("nothing is asked of the clock once it is closed", async () => {
  const { clock, admission: to } = admission();
  to.close();
  await clock.advance(10_000);
  expect(to.view().lagMs).toBe(0);
});
