// Job ids that sort by age, as ULIDs do: ten digits of creation time and ten random ones, in Crockford's base 32.
// A user may choose a key of his own instead; such a key has no time.

import { assert } from "./assert.ts";

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 10;
/** Times before 2020 and after 3084 (ten digits without a leading 0) are keys that only look like a minted id. */
const EPOCH_MS_MIN = 1_577_836_800_000;
const EPOCH_MS_MAX = 32 ** 9;

/** A new job id. In: epoch ms, and ten random bytes. */
export function mintJobId(epochMs: number, randomBytes: Uint8Array): string {
  assert(randomBytes.length === RANDOM_DIGITS, "an id has ten random digits");
  let left = Math.floor(epochMs);
  let time = "";
  for (let at = 0; at < TIME_DIGITS; at++) {
    time = (DIGITS[left % 32] ?? "") + time;
    left = Math.floor(left / 32);
  }
  return time + [...randomBytes].map((byte) => DIGITS[byte % 32] ?? "").join("");
}

/** Epoch ms at which the id was minted. Out: null for a key that somebody chose. */
export function jobIdTimeMs(id: string): number | null {
  if (id.length !== TIME_DIGITS + RANDOM_DIGITS) return null;
  let ms = 0;
  for (let at = 0; at < id.length; at++) {
    const digit = DIGITS.indexOf(id.charAt(at));
    if (digit < 0) return null;
    if (at < TIME_DIGITS) ms = ms * 32 + digit;
  }
  return ms >= EPOCH_MS_MIN && ms < EPOCH_MS_MAX ? ms : null;
}
