// Goal: only datagrams of the cluster's members arrive, each once, and keys can be changed while traffic flows. Method:
// sealers with a seeded random port; every way in which a datagram can be wrong, each with its reason; mutations by the
// hundred thousand.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, nextU32 } from "../../../src/base/prng.ts";
import { REPLAY_WINDOW_COUNTERS } from "../../../src/base/replay-window.ts";
import {
  createSealedDatagrams,
  createSealer,
  sealOverheadBytes,
  SENDERS_MAX,
  type Opened,
  type Sealer,
} from "../../../src/io/security/seal.ts";
import type { Address, Datagrams } from "../../../src/io/world.ts";

const KEY = new Uint8Array(32).fill(1);
const NEW_KEY = new Uint8Array(32).fill(2);
const words = (text: string): Uint8Array => new TextEncoder().encode(text);

let seed = 1;
function sealer(node: string, options: { boot?: number; keys?: readonly Uint8Array[]; seed?: number } = {}): Sealer {
  const prng = createPrng(options.seed ?? seed++, "seal");
  return createSealer({
    gossipKeys: options.keys ?? [KEY],
    node,
    bootCounter: options.boot ?? 1,
    random: { bytes: (count) => Uint8Array.from({ length: count }, () => nextU32(prng) & 0xff) },
  });
}

function reasonOf(opened: Opened): string {
  return opened.ok ? "opened" : opened.reason;
}

function textOf(opened: Opened): string {
  return opened.ok ? new TextDecoder().decode(opened.bytes) : opened.reason;
}

describe("a sealed datagram", () => {
  test("opens at another node, with its sender and start, and shows nothing of what it holds", () => {
    const sealed = sealer("a", { boot: 7 }).seal(words("probe 42"));
    expect(Buffer.from(sealed).includes("probe")).toBe(false);
    const opened = sealer("b").open(sealed);
    expect(opened).toEqual({ ok: true, node: "a", boot: 7, bytes: words("probe 42") });
  });

  test("is longer by what sealing says it adds, empty or large", () => {
    const [one, other] = [sealer("0123456789abcdef"), sealer("b")];
    for (const size of [0, 1, 1_400, 60_000]) {
      const sealed = one.seal(new Uint8Array(size));
      expect(sealed.length).toBe(size + sealOverheadBytes("0123456789abcdef"));
      expect(textOf(other.open(sealed)).length).toBe(size);
    }
  });

  test("is the same from the same random bytes, and never the same twice from one sealer", () => {
    const [one, same] = [sealer("a", { seed: 99 }), sealer("a", { seed: 99 })];
    const [first, second] = [one.seal(words("x")), one.seal(words("x"))];
    expect(Buffer.compare(first, same.seal(words("x")))).toBe(0);
    expect(Buffer.compare(first.slice(-17), second.slice(-17))).not.toBe(0);
  });

  test("does not open when any one bit of it is another", () => {
    const receiver = sealer("b");
    const sealed = sealer("a").seal(words("a probe"));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(reasonOf(receiver.open(changed))).not.toBe("opened");
    }
    expect(reasonOf(receiver.open(sealed))).toBe("opened");
  });

  test("does not open when it was cut short or made longer", () => {
    const receiver = sealer("b");
    const sealed = sealer("a").seal(words("a probe"));
    for (let length = 0; length < sealed.length; length++)
      expect(reasonOf(receiver.open(sealed.subarray(0, length)))).not.toBe("opened");
    expect(reasonOf(receiver.open(new Uint8Array([...sealed, 0])))).toBe("forged");
  });
});

describe("a receiver drops and counts", () => {
  test("what was sent in clear, or is no datagram of this form", () => {
    const receiver = sealer("b");
    for (const bytes of [words("ping"), new Uint8Array(0), new Uint8Array(1_400), words('{"kind":"ping"}'.repeat(9))])
      expect(reasonOf(receiver.open(bytes))).toBe("plain");
    expect(receiver.dropped).toMatchObject({ plain: 4, forged: 0 });
  });

  test("datagrams of another cluster", () => {
    const receiver = sealer("b");
    expect(reasonOf(receiver.open(sealer("a", { keys: [NEW_KEY] }).seal(words("x"))))).toBe("foreign");
    expect(receiver.dropped.foreign).toBe(1);
  });

  test("what it heard before, in any order, and what is too far behind", () => {
    const [one, receiver] = [sealer("a"), sealer("b")];
    const sealed = Array.from({ length: REPLAY_WINDOW_COUNTERS + 10 }, (_, at) => one.seal(words(String(at))));
    for (const at of [3, 1, 2, 5]) expect(textOf(receiver.open(sealed[at] ?? words("")))).toBe(String(at));
    for (const at of [1, 2, 3, 5]) expect(reasonOf(receiver.open(sealed[at] ?? words("")))).toBe("replayed");
    expect(textOf(receiver.open(sealed[4] ?? words("")))).toBe("4");
    expect(reasonOf(receiver.open(sealed.at(-1) ?? words("")))).toBe("opened");
    expect(reasonOf(receiver.open(sealed[0] ?? words("")))).toBe("replayed");
    expect(receiver.dropped.replayed).toBe(5);
  });

  test("what a sender said before it started anew, whether it was heard then or not", () => {
    const receiver = sealer("b");
    const before = sealer("a", { boot: 1 });
    const [heard, unheard] = [before.seal(words("alive")), before.seal(words("leaving"))];
    expect(reasonOf(receiver.open(heard))).toBe("opened");
    expect(reasonOf(receiver.open(sealer("a", { boot: 2 }).seal(words("back"))))).toBe("opened");
    expect(reasonOf(receiver.open(heard))).toBe("oldBoot");
    expect(reasonOf(receiver.open(unheard))).toBe("oldBoot");
    expect(receiver.dropped.oldBoot).toBe(2);
  });

  test("a second process under the name and start of one it knows", () => {
    const receiver = sealer("b");
    const [first, second] = [sealer("a", { boot: 3 }), sealer("a", { boot: 3 })];
    expect(reasonOf(receiver.open(first.seal(words("x"))))).toBe("opened");
    expect(reasonOf(receiver.open(second.seal(words("x"))))).toBe("twin");
    expect(reasonOf(receiver.open(first.seal(words("x"))))).toBe("opened");
  });

  test("its own datagrams when they are sent back to it, and those of another process under its name", () => {
    const one = sealer("a");
    expect(reasonOf(one.open(one.seal(words("x"))))).toBe("itself");
    expect(reasonOf(one.open(sealer("a").seal(words("x"))))).toBe("ownName");
  });

  test("a header of a member with another's words: nothing is remembered of it", () => {
    const receiver = sealer("b");
    const sealed = sealer("a", { boot: 1 }).seal(words("x"));
    const claimsLater = Uint8Array.from(sealed);
    // The start, which follows the one byte of the name: a later one would shut the sender out.
    claimsLater[7 + 7] = 200;
    expect(reasonOf(receiver.open(claimsLater))).toBe("forged");
    expect(reasonOf(receiver.open(sealed))).toBe("opened");
  });
});

describe("a change of keys", () => {
  test("loses no datagram, whichever node is at which step", () => {
    const nodes = ["a", "b", "c"].map((name) => sealer(name));
    const steps = [[KEY, NEW_KEY], [NEW_KEY, KEY], [NEW_KEY]];
    const talk = (): void => {
      for (const one of nodes)
        for (const other of nodes)
          if (one !== other) expect(textOf(other.open(one.seal(words("still here"))))).toBe("still here");
    };
    talk();
    for (const keys of steps)
      for (const node of nodes) {
        node.setKeys(keys);
        talk();
      }
    for (const { dropped } of nodes) expect(Object.values(dropped).filter((count) => count > 0)).toEqual([]);
  });

  test("shuts out the old key once it is removed, and what was heard stays heard across it", () => {
    const [one, receiver] = [sealer("a"), sealer("b")];
    const old = one.seal(words("x"));
    receiver.setKeys([NEW_KEY, KEY]);
    expect(reasonOf(receiver.open(old))).toBe("opened");
    one.setKeys([NEW_KEY, KEY]);
    expect(reasonOf(receiver.open(one.seal(words("y"))))).toBe("opened");
    expect(reasonOf(receiver.open(old))).toBe("replayed");
    const late = sealer("c").seal(words("z"));
    receiver.setKeys([NEW_KEY]);
    expect(reasonOf(receiver.open(old))).toBe("foreign");
    expect(reasonOf(receiver.open(late))).toBe("foreign");
  });

  test("needs one to four keys of 32 bytes", () => {
    for (const keys of [[], [new Uint8Array(31)], Array.from({ length: 5 }, () => KEY)])
      expect(() => sealer("a", { keys })).toThrow();
  });
});

test("the table of senders is bounded: the one not heard for longest makes room", () => {
  const receiver = sealer("b");
  const first = sealer("first");
  const once = first.seal(words("x"));
  const second = sealer("second");
  const heard = second.seal(words("x"));
  expect(reasonOf(receiver.open(once))).toBe("opened");
  expect(reasonOf(receiver.open(heard))).toBe("opened");
  for (let at = 2; at < SENDERS_MAX; at++) receiver.open(sealer(`n${at}`).seal(words("")));
  // Those that are known make nobody go, and the first is not the oldest any more.
  for (const known of [second, first]) expect(reasonOf(receiver.open(known.seal(words("x"))))).toBe("opened");
  for (const known of [once, heard]) expect(reasonOf(receiver.open(known))).toBe("replayed");
  for (let at = 0; at < SENDERS_MAX - 1; at++) receiver.open(sealer(`m${at}`).seal(words("")));
  expect(reasonOf(receiver.open(once))).toBe("replayed");
  expect(reasonOf(receiver.open(heard))).toBe("opened");
});

test("100,000 mutated datagrams: none opens, none throws, and the genuine ones do still", () => {
  const prng = createPrng(4, "mutations");
  const [one, receiver] = [sealer("0123456789abcdef"), sealer("b")];
  receiver.open(one.seal(words("hello")));
  let genuine = one.seal(words("a datagram of some length, to be changed"));
  for (let round = 0; round < 100_000; round++) {
    if (round % 1_000 === 0) genuine = one.seal(words("a datagram of some length, to be changed"));
    let mutated = Buffer.from(genuine);
    for (let left = 1 + nextBelow(prng, 4); left > 0; left--) {
      const at = nextBelow(prng, Math.max(1, mutated.length));
      const kind = nextBelow(prng, 4);
      if (kind === 0) mutated[at] = (mutated[at] ?? 0) ^ (1 << nextBelow(prng, 8));
      if (kind === 1) mutated[at] = nextBelow(prng, 256);
      if (kind === 2) mutated = mutated.subarray(0, at);
      if (kind === 3)
        mutated = Buffer.concat([mutated.subarray(0, at), Buffer.of(nextBelow(prng, 256)), mutated.subarray(at)]);
    }
    if (Buffer.compare(mutated, genuine) === 0) continue;
    const opened = receiver.open(mutated);
    if (opened.ok) throw new Error(`round ${round} was opened: ${mutated.toString("hex")}`);
    if (round % 1_000 === 999) expect(reasonOf(receiver.open(genuine))).toBe("opened");
  }
});

test("sealed sockets deliver what members send, and nothing else", async () => {
  const here: Address = { host: "h", port: 1 };
  const handlers: ((from: Address, bytes: Uint8Array) => void)[] = [];
  const wire: Datagrams = {
    bind: (address) =>
      Promise.resolve({
        address,
        overheadBytes: 0,
        send: (_to, bytes) => {
          for (const handle of handlers) handle(here, bytes);
        },
        onDatagram: (handle) => {
          handlers.push(handle);
        },
        close: () => {},
      }),
  };
  const heard: string[] = [];
  const dropped: string[] = [];
  const sealed = createSealedDatagrams(wire, {
    gossipKeys: [KEY],
    random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    onDropped: (from, reason) => dropped.push(`${from.host} ${reason}`),
  });
  const receiving = await sealed.bind(here, { node: "b", boot: 1 });
  expect(receiving.overheadBytes).toBe(sealOverheadBytes("b"));
  receiving.onDatagram((from, bytes) => heard.push(`${from.host} ${new TextDecoder().decode(bytes)}`));
  const sending = await sealed.bind(here, { node: "a", boot: 1 });
  sending.send(here, words("sealed"));
  (await wire.bind(here)).send(here, words("in clear"));
  expect(heard).toEqual(["h sealed"]);
  expect(dropped).toEqual(["h plain"]);
});
