// Goal: a workflow that is not placed says what it waits for, and whether anybody there can ever run it. Method: pools
// and jobs committed by hand.

import { expect, test } from "bun:test";
import { waitOf } from "../../src/ledger/waiting.ts";
import { Harness, workflow } from "./harness.ts";

function waitIn(harness: Harness, job: string, name: string): ReturnType<typeof waitOf> {
  const asked = harness.state.jobs.get(job);
  const found = asked?.workflows.get(name);
  if (asked === undefined || found === undefined) throw new Error(`there is no ${job} ${name}`);
  return waitOf(harness.state, asked, found);
}

test("with no worker at all", () => {
  const harness = new Harness();
  harness.submit([workflow("a")], { job: "j" });
  expect(waitIn(harness, "j", "a")).toEqual({ text: "no worker is there", isStuck: true });
});

test("with no worker that has its labels, and names what there is instead", () => {
  const harness = new Harness();
  harness.join("w1", 2, { labels: { region: "us", type: "build" } });
  harness.join("w2", 2);
  harness.submit([workflow("a", { requires: { region: "eu" } })], { job: "j" });
  expect(waitIn(harness, "j", "a")).toEqual({
    text: "no worker has region=eu (there is: region=us, type=build)",
    isStuck: true,
  });
});

test("with workers that have no labels at all", () => {
  const harness = new Harness();
  harness.join("w1", 2);
  harness.submit([workflow("a", { requires: { region: "eu", type: "big" } })], { job: "j" });
  expect(waitIn(harness, "j", "a")?.text).toBe(
    "no worker has region=eu, type=big; those that are there have no labels",
  );
});

test("behind others: how many cores it may use are busy, and with how many jobs", () => {
  const harness = new Harness();
  harness.join("w1", 2, { labels: { region: "eu" } });
  harness.join("w2", 3, { labels: { region: "us" } });
  harness.submit([workflow("x", { requires: { region: "eu" }, sharesMax: 1 })], { job: "j1" });
  harness.submit([workflow("y", { requires: { region: "eu" }, sharesMax: 1 })], { job: "j2" });
  harness.submit([workflow("z", { requires: { region: "us" } })], { job: "j3" });
  harness.submit([workflow("a", { requires: { region: "eu" } })], { job: "j4" });
  expect(waitIn(harness, "j4", "a")).toEqual({
    text: "2 of the 2 cores it may use are busy, with 2 other jobs",
    isStuck: false,
  });
});

test("beside cores that are free: how many its priority needs at once", () => {
  const harness = new Harness();
  harness.join("w1", 4);
  harness.submit([workflow("x", { sharesMax: 2 })], { job: "j1" });
  harness.submit([workflow("a", { priority: "high" })], { job: "j2" });
  harness.submit([workflow("b", { priority: "exclusive", sharesMax: 1 })], { job: "j3" });
  const busy = "2 of the 4 cores it may use are busy, with 1 other job";
  expect(waitIn(harness, "j2", "a")?.text).toBe(`${busy}; its priority, high, needs 3 at once`);
  expect(waitIn(harness, "j3", "b")?.text).toBe(`${busy}; its priority, exclusive, needs 4 at once`);
});

test("beside cores that are kept free for another", () => {
  const harness = new Harness();
  harness.join("w1", 4);
  harness.submit([workflow("x", { sharesMax: 2 })], { job: "j1" });
  harness.submit([workflow("a", { priority: "exclusive" })], { job: "j2" });
  harness.submit([workflow("b", { priority: "low", sharesMax: 1 })], { job: "j3" });
  expect(waitIn(harness, "j3", "b")?.text).toBe(
    "2 of the 4 cores it may use are busy, with 1 other job; the others are kept for another",
  );
});

test("one that runs waits for nothing", () => {
  const harness = new Harness();
  harness.join("w1", 1);
  harness.submit([workflow("a")], { job: "j" });
  expect(waitIn(harness, "j", "a")).toBeNull();
});
