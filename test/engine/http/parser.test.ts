// Goal: the parser reads every response the same however it is cut, agrees with two other parsers, and survives
// anything. Method: a corpus, cut at every byte and byte by byte; a naive parser and llhttp (inside the runtime) as
// references; a million mutated responses from a seed (HYPERSCALE_FUZZ_ROUNDS=n for another number).

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, type Prng } from "../../../src/base/prng.ts";
import { HeadMemo } from "../../../src/engine/http/head-memo.ts";
import { readFields } from "../../../src/engine/http/head.ts";
import { DONE, FAILED, HEAD_BYTES_MAX, MORE, ResponseParser } from "../../../src/engine/http/parser.ts";
import { CORPUS, type CorpusEntry } from "./corpus.ts";
import { parseWithLlhttp } from "./llhttp.ts";
import { parseReference, type Outcome } from "./reference-parser.ts";

const FUZZ_ROUNDS = Number(process.env["HYPERSCALE_FUZZ_ROUNDS"] ?? 1_000_000);

/** What the parser under test makes of `bytes`, cut at `cuts` (ascending), on a connection that then ends. */
function parse(bytes: Buffer, isHead: boolean, cuts: readonly number[], parser = new ResponseParser()): Outcome {
  parser.begin(isHead, true);
  let from = 0;
  let state: number = MORE;
  for (const cut of [...cuts, bytes.length]) {
    // A copy, so that a parser that looked beyond its chunk, or kept a view of a reused one, would be caught.
    if (cut > from) state = parser.push(Buffer.from(bytes.subarray(from, cut)));
    from = cut;
  }
  if (state === MORE) state = parser.end();
  return outcomeOf(parser, state);
}

function outcomeOf(parser: ResponseParser, state: number): Outcome {
  if (state !== DONE) return { kind: "failed", error: parser.errorKind };
  const fields: [string, string][] = [];
  for (const line of parser.head
    .toString("latin1", parser.headStart, parser.headEnd)
    .replace(/(?:[ \t]*\r?\n[ \t]+)+/g, " ")
    .split(/\r?\n/)
    .slice(1, -2)) {
    fields.push([
      line.slice(0, line.indexOf(":")).toLowerCase(),
      line.slice(line.indexOf(":") + 1).replace(/^[ \t]+|[ \t]+$/g, ""),
    ]);
  }
  return {
    kind: "ok",
    status: parser.status,
    minor: parser.minorVersion,
    fields: JSON.stringify(fields),
    body: parser.body?.toString("latin1", parser.bodyStart, parser.bodyEnd) ?? "",
    keepsAlive: parser.keepsAlive,
    leftover: parser.leftover,
  };
}

const bytesOf = (entry: CorpusEntry): Buffer => Buffer.from(entry.text, "latin1");

describe("corpus", () => {
  test("every response ends as the corpus says, and as the naive parser says", () => {
    expect(CORPUS.length).toBeGreaterThanOrEqual(60);
    for (const entry of CORPUS) {
      const outcome = parse(bytesOf(entry), entry.isHead ?? false, []);
      expect([entry.name, outcome.kind === "ok" ? "ok" : outcome.error]).toEqual([entry.name, entry.outcome]);
      expect([entry.name, outcome]).toEqual([entry.name, parseReference(entry.text, entry.isHead ?? false)]);
    }
  });

  test("every response is read the same when cut in two at any byte", () => {
    for (const entry of CORPUS) {
      const bytes = bytesOf(entry);
      const whole = parse(bytes, entry.isHead ?? false, []);
      // The 64 KiB ones are cut everywhere near their ends and at every 97th byte between.
      for (let cut = 1; cut < bytes.length; cut += cut > 600 && cut < bytes.length - 200 ? 97 : 1) {
        const outcome = parse(bytes, entry.isHead ?? false, [cut]);
        if (!Bun.deepEquals(outcome, whole)) expect([entry.name, cut, outcome]).toEqual([entry.name, cut, whole]);
      }
    }
  });

  test("every response is read the same byte by byte, by one parser for all", () => {
    const parser = new ResponseParser();
    for (const entry of CORPUS) {
      const bytes = bytesOf(entry);
      const cuts = Array.from({ length: Math.max(0, bytes.length - 1) }, (_, index) => index + 1);
      expect([entry.name, parse(bytes, entry.isHead ?? false, cuts, parser)]).toEqual([
        entry.name,
        parse(bytes, entry.isHead ?? false, []),
      ]);
    }
  });

  test("llhttp agrees, but where the corpus says why not", () => {
    const differing: string[] = [];
    for (const entry of CORPUS) {
      const ours = parse(bytesOf(entry), entry.isHead ?? false, []);
      const theirs = parseWithLlhttp(bytesOf(entry), entry.isHead ?? false);
      const isSame =
        ours.kind === "ok"
          ? theirs !== null && theirs.status === ours.status && theirs.body === ours.body
          : theirs === null;
      if (isSame === (entry.unlikeLlhttp !== undefined))
        differing.push(`${entry.name}: ours ${JSON.stringify(ours)}, llhttp ${JSON.stringify(theirs)}`);
    }
    expect(differing).toEqual([]);
  });
});

describe("bodies", () => {
  test("an unwanted body is counted and not kept, and does not keep its chunk alive", () => {
    const parser = new ResponseParser();
    parser.begin(false, false);
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    expect(parser.push(Buffer.from(head + "x".repeat(60_000)))).toBe(MORE);
    expect(parser.push(Buffer.alloc(40_000))).toBe(DONE);
    expect(parser.bodyLength).toBe(100_000);
    expect(parser.body).toBeNull();
    expect(parser.head.length).toBe(head.length);
  });

  test("a stated length is not allocated before the bytes come", () => {
    const parser = new ResponseParser();
    parser.begin(false, true);
    parser.push(Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nab"));
    parser.push(Buffer.from("cd"));
    expect(parser.body?.length ?? 0).toBeLessThan(10_000);
  });

  test("a body in many pieces is put together", () => {
    const parser = new ResponseParser();
    parser.begin(false, true);
    const piece = Buffer.from("0123456789".repeat(1_000));
    parser.push(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${piece.length * 50}\r\n\r\n`));
    for (let at = 0; at < 49; at++) expect(parser.push(Buffer.from(piece))).toBe(MORE);
    expect(parser.push(Buffer.from(piece))).toBe(DONE);
    expect(
      parser.body
        ?.subarray(parser.bodyStart, parser.bodyEnd)
        .equals(Buffer.concat(Array.from({ length: 50 }, () => piece))),
    ).toBe(true);
  });

  test("released, the parser holds no received bytes", () => {
    const parser = new ResponseParser();
    parser.begin(false, true);
    parser.push(Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"));
    parser.release();
    expect(parser.body).toBeNull();
    expect(parser.head.length).toBe(0);
  });
});

describe("a remembered head", () => {
  const head = "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nContent-Length: 3\r\n\r\n";

  test("is shared by parsers, with another body, for HEAD, and cut after it", () => {
    const memo = new HeadMemo();
    const [one, other] = [new ResponseParser(memo), new ResponseParser(memo)];
    const expected = { status: 200, minor: 1, keepsAlive: true, leftover: 0, kind: "ok" } as const;
    expect(parse(Buffer.from(`${head}abc`), false, [], one)).toMatchObject({ ...expected, body: "abc" });
    expect(memo.length).toBe(head.length);
    expect(parse(Buffer.from(`${head}xyz`), false, [], other)).toMatchObject({ ...expected, body: "xyz" });
    expect(parse(Buffer.from(head), true, [], one)).toMatchObject({ ...expected, body: "" });
    expect(parse(Buffer.from(`${head}123`), false, [head.length, head.length + 1], other)).toMatchObject({
      ...expected,
      body: "123",
    });
    expect(parse(Buffer.from(`${head}12`), false, [], one)).toEqual({ kind: "failed", error: "truncated" });
    expect(parse(Buffer.from(`${head}1234`), false, [], one)).toMatchObject({
      body: "123",
      keepsAlive: false,
      leftover: 1,
    });
  });

  test("is not taken for one that differs in any byte", () => {
    const memo = new HeadMemo();
    const text = `${head}abc`;
    for (let at = 0; at < head.length; at++) {
      expect(parse(Buffer.from(text), false, [], new ResponseParser(memo)).kind).toBe("ok");
      const changed = Buffer.from(text);
      changed[at] = changed[at] === 51 ? 50 : 51;
      expect(parse(changed, false, [], new ResponseParser(memo))).toEqual(parse(changed, false, []));
    }
  });

  test("is given up while no head repeats, and found again when they do", () => {
    const memo = new HeadMemo();
    const parser = new ResponseParser(memo);
    for (let at = 0; at < 100; at++)
      parse(Buffer.from(`HTTP/1.1 200 OK\r\nX: ${at}\r\nContent-Length: 0\r\n\r\n`), false, [], parser);
    expect(memo.length).toBe(0);
    for (let at = 0; at < 100; at++) parse(Buffer.from(`${head}abc`), false, [], parser);
    expect(memo.length).toBe(head.length);
    expect(memo.find(Buffer.from(`${head}abc`))).toMatchObject({ status: 200, contentLength: 3, isChunked: false });
  });
});

test("fields are decoded with canonical names, repeated and folded values", () => {
  const head = Buffer.from(
    "HTTP/1.1 200 OK\r\ncontent-TYPE:  a/b \r\nx-fold: one\r\n  two\r\nset-cookie: a\r\nSet-Cookie: b\r\n\r\n",
  );
  expect([...readFields(head, 0, head.length)]).toEqual([
    ["Content-Type", ["a/b"]],
    ["X-Fold", ["one two"]],
    ["Set-Cookie", ["a", "b"]],
  ]);
});

describe("fuzz", () => {
  const small = CORPUS.filter((entry) => entry.text.length < 2_000 && entry.text.length > 0).map(bytesOf);

  /** A corpus response with a few bytes changed, removed, doubled or swapped in from another. */
  function mutate(prng: Prng): Buffer {
    let bytes = Buffer.from(small[nextBelow(prng, small.length)] ?? Buffer.alloc(1));
    for (let change = 1 + nextBelow(prng, 4); change > 0; change--) {
      const at = nextBelow(prng, bytes.length + 1);
      switch (nextBelow(prng, 5)) {
        case 0:
          if (at < bytes.length) bytes[at] = nextBelow(prng, 256);
          break;
        case 1:
          if (at < bytes.length)
            bytes[at] = "\r\n :;0123456789abcdefHTP/.,\t-"[nextBelow(prng, 29)]?.charCodeAt(0) ?? 0;
          break;
        case 2:
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + nextBelow(prng, 8))]);
          break;
        case 3:
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - nextBelow(prng, 20)))]);
          break;
        default: {
          const other = small[nextBelow(prng, small.length)] ?? bytes;
          const from = nextBelow(prng, other.length);
          bytes = Buffer.concat([
            bytes.subarray(0, at),
            other.subarray(from, from + nextBelow(prng, 40)),
            bytes.subarray(at),
          ]);
        }
      }
    }
    return bytes;
  }

  test("mutated responses end in a result, the same whole and cut; a sample as the naive parser says", () => {
    const prng = createPrng(20_261_122, "http-parser");
    const whole = new ResponseParser();
    const cut = new ResponseParser();
    let ok = 0;
    for (let round = 0; round < FUZZ_ROUNDS; round++) {
      const bytes = mutate(prng);
      const isHead = (round & 15) === 0;
      whole.begin(isHead, true);
      let state: number = whole.push(bytes);
      if (state === MORE) state = whole.end();
      const at = nextBelow(prng, bytes.length + 1);
      cut.begin(isHead, true);
      let cutState: number = at > 0 ? cut.push(bytes.subarray(0, at)) : MORE;
      if (at < bytes.length) cutState = cut.push(bytes.subarray(at));
      if (cutState === MORE) cutState = cut.end();
      const isSame =
        state === cutState && (state === FAILED ? whole.errorKind === cut.errorKind : sameMessage(whole, cut));
      if (!isSame)
        throw new Error(
          `round ${round}: ${JSON.stringify(bytes.toString("latin1"))} gives ${describeEnd(whole, state)}, ` +
            `cut at ${at} ${describeEnd(cut, cutState)}`,
        );
      if (state === DONE) ok++;
      if (round % 20 === 0)
        expect([bytes.toString("latin1"), outcomeOf(whole, state)]).toEqual([
          bytes.toString("latin1"),
          parseReference(bytes.toString("latin1"), isHead),
        ]);
    }
    // Mutants that all fail, or all pass, would prove little.
    expect(ok).toBeGreaterThan(FUZZ_ROUNDS / 10);
    expect(ok).toBeLessThan(FUZZ_ROUNDS * 0.9);
  }, 120_000);

  function sameMessage(one: ResponseParser, other: ResponseParser): boolean {
    if (
      one.status !== other.status ||
      one.keepsAlive !== other.keepsAlive ||
      one.leftover !== other.leftover ||
      one.bodyLength !== other.bodyLength
    )
      return false;
    if (one.headEnd - one.headStart !== other.headEnd - other.headStart) return false;
    const body = one.body;
    return body === null || other.body === null
      ? body === other.body
      : body.compare(other.body, other.bodyStart, other.bodyEnd, one.bodyStart, one.bodyEnd) === 0;
  }

  function describeEnd(parser: ResponseParser, state: number): string {
    return JSON.stringify(outcomeOf(parser, state));
  }

  test("random bytes never pass for a response", () => {
    const prng = createPrng(7, "noise");
    const parser = new ResponseParser();
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(Array.from({ length: 1 + nextBelow(prng, 60) }, () => nextBelow(prng, 256)));
      parser.begin(false, true);
      expect(parser.push(bytes) === MORE ? parser.end() : FAILED).toBe(FAILED);
    }
  });

  test("a head that never ends costs bounded memory", () => {
    const parser = new ResponseParser();
    parser.begin(false, true);
    let state: number = parser.push(Buffer.from("HTTP/1.1 200 OK\r\n"));
    let pushed = 0;
    while (state === MORE) {
      state = parser.push(Buffer.from("X: yyyyyyyy"));
      pushed += 11;
    }
    expect(parser.errorKind).toBe("headTooLarge");
    expect(pushed).toBeLessThan(HEAD_BYTES_MAX + 100);
  });
});
