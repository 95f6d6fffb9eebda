// A small seeded random stream (sfc32: Doty-Humphrey, PractRand). Not for secrets.

export type Prng = { a: number; b: number; c: number; d: number };

/** A stream of its own for each (seed, name). */
export function createPrng(seed: number, name = ""): Prng {
  let hash = 2166136261 ^ seed;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 16777619);
  const prng = { a: seed | 0, b: (seed / 0x1_0000_0000) | 0, c: hash | 0, d: 1 };
  for (let round = 0; round < 15; round++) nextU32(prng);
  return prng;
}

/** A seed from unforeseeable bytes (6 at most). */
export function seedOf(bytes: Uint8Array): number {
  let seed = 0;
  for (const byte of bytes) seed = seed * 256 + byte;
  return seed;
}

/** 0 to 2^32 - 1; advances the stream. */
export function nextU32(prng: Prng): number {
  const sum = (prng.a + prng.b + prng.d) | 0;
  prng.d = (prng.d + 1) | 0;
  prng.a = prng.b ^ (prng.b >>> 9);
  prng.b = (prng.c + (prng.c << 3)) | 0;
  prng.c = (((prng.c << 21) | (prng.c >>> 11)) + sum) | 0;
  return sum >>> 0;
}

/** 0 (included) to 1 (excluded), 53 bits. */
export function nextFloat(prng: Prng): number {
  return ((nextU32(prng) >>> 5) * 67108864 + (nextU32(prng) >>> 6)) / 9007199254740992;
}

/** A whole number from 0 to limit - 1. */
export function nextBelow(prng: Prng, limit: number): number {
  return Math.floor(nextFloat(prng) * limit);
}
