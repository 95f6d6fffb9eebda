// Goal: a heap gives values back by ascending key. Method: random adds and takes against a sorted array.

import { expect, test } from "bun:test";
import { Heap } from "../../src/base/heap.ts";
import { createPrng, nextBelow } from "../../src/base/prng.ts";

test("values come out by ascending key, whatever the order of adds and takes", () => {
  const prng = createPrng(3);
  const heap = new Heap<{ readonly key: number }>();
  const naive: number[] = [];
  for (let round = 0; round < 20_000; round++) {
    if (nextBelow(prng, 5) < 3 || naive.length === 0) {
      const key = nextBelow(prng, 1_000);
      heap.add(key, { key });
      naive.push(key);
      naive.sort((a, b) => a - b);
    } else {
      expect(heap.least).toBe(naive[0] ?? NaN);
      expect(heap.take()?.key).toBe(naive.shift() ?? NaN);
    }
    if (naive.length > 200) naive.splice(0, 100).forEach((key) => expect(heap.take()?.key).toBe(key));
    expect(heap.size).toBe(naive.length);
  }
});

test("an empty heap has nothing to give", () => {
  const heap = new Heap<string>();
  expect(heap.take()).toBeUndefined();
  expect(heap.least).toBe(Infinity);
  heap.add(1, "only");
  expect(heap.take()).toBe("only");
  expect(heap.size).toBe(0);
});
