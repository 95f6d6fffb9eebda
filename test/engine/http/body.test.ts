// Goal: bodies survive coding and decoding, hostile ones are refused in words.
// Method: round trips, planted damage, a bomb.

import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { compress, decompress, encodeBody, type Coding } from "../../../src/engine/http/body.ts";

const CODINGS: readonly Coding[] = ["gzip", "deflate", "br", "zstd"];
const text = Buffer.from("some text, some text, some text ".repeat(100));

describe("content codings", () => {
  for (const coding of CODINGS) {
    test(`${coding} and back`, () => {
      const small = compress(text, coding);
      expect(small.length).toBeLessThan(text.length / 5);
      expect(decompress(small, coding.toUpperCase())).toEqual(text);
    });

    test(`${coding} that is damaged, cut short or too long is refused in words`, () => {
      const small = compress(text, coding);
      for (const cut of [1, 8, 20]) expect(decompress(small.subarray(0, small.length - cut), coding)).toBeString();
      expect(decompress(Buffer.from("plain text"), coding)).toBeString();
      expect(decompress(small, coding, 1_000)).toBe(`the body is longer than 1000 bytes after ${coding}`);
    });
  }

  test("several are undone from the last; identity and none do nothing; an unknown one is named", () => {
    expect(decompress(compress(compress(text, "gzip"), "br"), "gzip, br")).toEqual(text);
    expect(decompress(text, "identity")).toEqual(text);
    expect(decompress(text, "")).toEqual(text);
    expect(decompress(text, "compress")).toBe('content-encoding "compress" is not supported');
  });

  test("zstd in many blocks, in several frames and with runs is whole", () => {
    const long = Buffer.concat([
      Buffer.alloc(300_000),
      Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * index) % 251)),
    ]);
    const frames = Buffer.concat([compress(long, "zstd"), compress(text, "zstd")]);
    expect(decompress(frames, "zstd")).toEqual(Buffer.concat([long, text]));
    expect(decompress(frames.subarray(0, frames.length - 1), "zstd")).toBeString();
  });

  test("a bomb is not unpacked beyond the limit", () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const before = process.memoryUsage.rss();
    expect(decompress(bomb, "gzip", 1_000_000)).toBeString();
    expect(process.memoryUsage.rss() - before).toBeLessThan(30_000_000);
  });
});

describe("request bodies", () => {
  test("nothing is no body; empty text is one", () => {
    expect([encodeBody(null), encodeBody(undefined)]).toEqual([null, null]);
    expect(encodeBody("")?.bytes.length).toBe(0);
  });

  test("bytes are not copied", () => {
    const bytes = new Uint8Array([1, 2, 3, 4]);
    expect(encodeBody(bytes.subarray(1, 3))?.bytes.buffer).toBe(bytes.buffer);
  });

  test("views of any kind are their bytes; lists repeat their field; URLSearchParams are a form", () => {
    expect(encodeBody(new Float32Array(10))?.bytes.length).toBe(40);
    expect(encodeBody(new DataView(new ArrayBuffer(8), 2, 3))?.bytes.length).toBe(3);
    const form = "application/x-www-form-urlencoded";
    const listed = encodeBody({ a: ["x", 2], b: true, none: [] });
    expect([listed?.bytes.toString(), listed?.contentType]).toEqual(["a=x&a=2&b=true", form]);
    const params = encodeBody(new URLSearchParams({ q: "1 2" }));
    expect([params?.bytes.toString(), params?.contentType]).toEqual(["q=1+2", form]);
  });

  test("what would be sent as something else or as nothing is refused by its kind", () => {
    const encode: (body: never) => unknown = encodeBody;
    const refused = [[1, 2], new Map([[1, 2]]), new Date(0), new FormData(), Promise.resolve("x"), () => 1] as const;
    const kinds = ["an array", "a Map", "a Date", "a FormData", "a Promise", "function"];
    for (const [at, body] of refused.entries())
      expect(() => Reflect.apply(encode, undefined, [body])).toThrow(`not ${kinds[at]}: JSON.stringify it for JSON`);
    expect(encodeBody({})?.bytes.length).toBe(0);
  });

  test("a field that is neither text, number, boolean nor file is named", () => {
    expect(() => encodeBody(JSON.parse('{"a":{"b":1}}'))).toThrow(/body field "a" must be text.*not object/);
    expect(() => encodeBody(JSON.parse('{"a":null}'))).toThrow(/body field "a".*not null/);
    expect(() => encodeBody(JSON.parse("7"))).toThrow(/must be text, bytes or a record of fields, not number/);
    expect(() => encodeBody({ f: { data: "x", filename: "f", content_type: "a\r\nb: c" } })).toThrow(
      /content type of file "f" has a line break/,
    );
  });
});
