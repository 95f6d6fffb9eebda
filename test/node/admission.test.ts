// Goal: each client gets its share and is told when to come again, a manager in trouble takes less, and a cancel always
// passes. Method: a clock that the test advances; lateness is a timer that fires late.

import { describe, expect, test } from "bun:test";
import type { Clock } from "../../src/io/world.ts";
import {
  Admission,
  type Asked,
  askedOf,
  type Entrance,
  SUBMIT_RATE,
  type SubmitRate,
} from "../../src/node/admission.ts";
import { VirtualClock } from "./fake-world.ts";

const submit = (id: string): Asked => askedOf({ kind: "submit", ask: 1, id, submission: "digest", content: null });
const SUBMIT = submit("one");
const STATUS = askedOf({ kind: "status", ask: 1 });
const JOBS = askedOf({ kind: "jobs", ask: 1, after: 0 });
const MORE_JOBS = askedOf({ kind: "jobs", ask: 1, after: 100 });
const REMOVE = askedOf({ kind: "change", ask: 1, since: 1, change: { kind: "remove", node: "m1" } });
const CANCEL = askedOf({ kind: "cancel", ask: 1, id: "one", by: "user" });

function admission(submitRate: SubmitRate = SUBMIT_RATE): { clock: VirtualClock; admission: Admission } {
  const clock = new VirtualClock();
  return { clock, admission: new Admission({ clock, seed: 1, submitRate }) };
}

let number = 0;

/** So many requests, submits of jobs never seen before where nothing else is said, one after the other. Out: how many were taken, and the last refusal. */
function flood(
  to: Admission,
  count: number,
  { client = "c", asked }: { readonly client?: string; readonly asked?: Asked } = {},
): { readonly taken: number; readonly refused: Extract<Entrance, { kind: "refused" }> | null } {
  let taken = 0;
  let refused: Extract<Entrance, { kind: "refused" }> | null = null;
  for (let at = 0; at < count; at++) {
    const one = asked ?? submit(`job ${number++}`);
    const entrance = to.enter(client, one);
    if (entrance.kind === "refused") refused = entrance;
    else {
      taken++;
      to.leave(one);
    }
  }
  return { taken, refused };
}

describe("one client", () => {
  test("has its burst, then its rate, and is told the limit and when to come again; another is not touched", async () => {
    const { clock, admission: to } = admission();
    const first = flood(to, 100);
    expect(first.taken).toBe(100);
    const second = flood(to, 1);
    expect(second.refused?.message).toBe("this manager takes 50 submits a second from one client, 100 at once");
    expect(second.refused).toMatchObject({ retryAfterMs: 20, hasTurn: true });
    expect(flood(to, 49).refused?.retryAfterMs).toBe(1_000);
    expect(flood(to, 100, { client: "d" }).taken).toBe(100);
    expect(to.view().refusedLately).toBe(50);
    await clock.advance(3_000);
    expect(flood(to, 150).taken).toBe(100);
  });

  test("[LD-41.18.1] that comes when it was told is let in, in the order in which it asked, and no turn is lost", async () => {
    const { clock, admission: to } = admission();
    flood(to, 100);
    const waiting = Array.from({ length: 64 }, (_, at) => submit(`waits ${at}`));
    const again = new Map(
      waiting.map((asked) => {
        const entrance = to.enter("c", asked);
        return [asked, entrance.kind === "refused" ? entrance.retryAfterMs : 0];
      }),
    );
    const took: number[] = [];
    for (let ms = 1; ms <= 1_300; ms++) {
      await clock.advance(1);
      // Others that ask meanwhile take no turn of theirs.
      if (ms % 100 === 0) expect(flood(to, 1).taken).toBe(0);
      for (const [asked, atMs] of again)
        if (atMs === ms) {
          expect(to.enter("c", asked).kind).toBe("taken");
          to.leave(asked);
          took.push(ms);
        }
    }
    expect(took).toEqual(Array.from({ length: 64 }, (_, at) => 20 * (at + 1)));
  });

  test("that is refused for the manager's sake after its turn came does not pay for another", async () => {
    const { clock, admission: to } = admission(1);
    const under = Array.from({ length: 300 }, (_, at) => to.enter(`c${at}`, submit("one")));
    expect(under.every(({ kind }) => kind === "taken")).toBe(true);
    const full = to.enter("c", submit("mine"));
    expect(full).toMatchObject({ kind: "refused", hasTurn: true, message: expect.stringContaining("under way") });
    to.leave(SUBMIT);
    await clock.advance(full.kind === "refused" ? full.retryAfterMs : 0);
    expect(to.enter("c", submit("mine")).kind).toBe("taken");
    to.leave(SUBMIT);
    // One of the two that it may make at once is left.
    expect(flood(to, 5).taken).toBe(1);
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

test("while its loop is late for long a manager sheds long lists, then submits; who looks after it gets through", async () => {
  const clock = new LateClock();
  const to = new Admission({ clock, seed: 1, submitRate: null });
  clock.lateMs = 300;
  await clock.advance(8_000);
  expect(to.view()).toMatchObject({ level: "busy", lagMs: 300 });
  expect(flood(to, 100, { asked: MORE_JOBS }).taken).toBeLessThan(70);
  clock.lateMs = 700;
  await clock.advance(30_000);
  expect(to.view().level).toBe("stressed");
  expect(flood(to, 100, { asked: MORE_JOBS }).taken).toBeLessThan(30);
  expect(flood(to, 100, { asked: SUBMIT }).taken).toBeLessThan(70);
  for (const asked of [STATUS, JOBS, REMOVE]) expect(flood(to, 1, { asked }).taken).toBe(1);
  clock.lateMs = 3_000;
  await clock.advance(80_000);
  expect(to.view().level).toBe("overloaded");
  for (const asked of [STATUS, JOBS, REMOVE]) {
    let tries = 1;
    for (; flood(to, 1, { asked }).taken === 0; tries++) await clock.advance(2_000);
    expect(tries).toBeLessThan(10);
  }
  const submits = flood(to, 100, { asked: SUBMIT });
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
