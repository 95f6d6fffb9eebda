// Goal: the checksum is CRC-32C, for any length and any split. Method: vectors of RFC 3720 B.4, and a bitwise version.

import { describe, expect, test } from "bun:test";
import { crc32c } from "../../src/base/crc32c.ts";
import { createPrng, nextBelow, nextU32 } from "../../src/base/prng.ts";

function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

describe("crc32c", () => {
  const vectors: readonly (readonly [name: string, bytes: Uint8Array, crc: number])[] = [
    ["nothing", new Uint8Array(0), 0],
    ["123456789", new TextEncoder().encode("123456789"), 0xe3069283],
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 times 0xff", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["0 to 31", new Uint8Array(32).map((_, at) => at), 0x46dd794e],
    ["31 to 0", new Uint8Array(32).map((_, at) => 31 - at), 0x113fdb5c],
  ];
  for (const [name, bytes, crc] of vectors) test(`of ${name}`, () => expect(crc32c(bytes)).toBe(crc));

  test("equals the bitwise version at every length, also over a view and when continued", () => {
    const prng = createPrng(1, "crc");
    const bytes = new Uint8Array(300).map(() => nextU32(prng));
    for (let length = 0; length <= 256; length++) {
      const part = bytes.subarray(length % 7, (length % 7) + length);
      const cut = nextBelow(prng, length + 1);
      expect(crc32c(part)).toBe(bitwise(part));
      expect(crc32c(part.subarray(cut), crc32c(part.subarray(0, cut)))).toBe(bitwise(part));
      expect(crc32c(part, 0, cut)).toBe(bitwise(part.subarray(0, cut)));
    }
  });
});
