// Checks of the matrix on bytes alone: torn frames, flipped bits, zeroed, swapped and lost sectors and files.
// Not a test itself.

import { createPrng } from "../../src/base/prng.ts";
import { SECTOR_BYTES } from "../../src/wal/format.ts";
import type { WalRecord } from "../../src/wal/record.ts";
import type { Recovery } from "../../src/wal/recover.ts";
import type { Tail } from "../../src/wal/writer.ts";
import { reopen, type Code, type Verdict } from "./under-test.ts";
import { Model, SMALL, contentText, payload, type Turn } from "./workload.ts";

/** A log of one segment as bytes, frame by frame. `ends[i]`: the tail after i frames. */
type Plain = { readonly bytes: Uint8Array; readonly tails: readonly Tail[]; readonly texts: readonly string[] };

function plainLog(code: Code, turns: readonly Turn[]): Plain {
  const { header, tail } = code.firstSegment(new Uint8Array(16).fill(3), SMALL.segmentBytes);
  const bytes = new Uint8Array(SMALL.segmentBytes);
  bytes.set(header);
  const tails = [tail];
  for (const { records } of turns) {
    const written = code.writeFrame(tails.at(-1) ?? tail, records);
    bytes.set(written.bytes, written.offset);
    tails.push(written.tail);
  }
  return {
    bytes,
    tails,
    texts: [contentText({ state: null, snapshot: null, entries: [] }), ...turns.map(({ text }) => text)],
  };
}

/** Turns that fill one 8 KiB segment: frames of one to three sectors; some, the last among them, of zeros alone. */
function fillingTurns(): readonly Turn[] {
  const prng = createPrng(11, "filling");
  const model = new Model();
  const sizes = [30, 900, 0, 1_100, 400, 60, 1_270];
  return sizes.map((size, at) => {
    const records: WalRecord[] =
      at === 0 || at === 4 ? [{ kind: "state", term: at + 1, payload: new Uint8Array(12) }] : [];
    // Zeros are the payload that makes zero sectors, were it not for the markers.
    const bytes = at % 2 === 1 || at === sizes.length - 1 ? new Uint8Array(size) : payload(prng, size);
    records.push({ kind: "entry", index: model.nextIndex, term: model.state?.term ?? at + 1, payload: bytes });
    return { records, text: model.apply(records) };
  });
}

function only(bytes: Uint8Array): { readonly name: string; readonly bytes: Uint8Array }[] {
  return [{ name: "0000000000000001.wal", bytes }];
}

/**
 * Every subset of the sectors of the frame being written, for every frame; cut off, written again, every subset
 * again.
 */
export async function everySubset(code: Code): Promise<Verdict> {
  const turns = fillingTurns();
  const log = plainLog(code, turns);
  let states = 0;
  for (let frame = 0; frame < turns.length; frame++) {
    const start = (log.tails[frame]?.sector ?? 0) * SECTOR_BYTES;
    const end = (log.tails[frame + 1]?.sector ?? 0) * SECTOR_BYTES;
    for (const torn of subsets(log.bytes, start, end)) {
      states++;
      const isWhole = log.bytes.subarray(start, end).every((byte, at) => byte === torn[start + at]);
      const found = code.recover(only(torn));
      const violation = expectText(found, log.texts[isWhole ? frame + 1 : frame] ?? "");
      if (violation !== null) return { violation: `frame ${frame + 1}: ${violation}`, states };
      if (isWhole || found.tail === null) continue;
      // The repair, then another frame at the same place, crashed in every way.
      const repaired = torn.slice();
      repaired.fill(0, found.tail.sector * SECTOR_BYTES);
      const turn = turns[frame];
      if (turn === undefined || end - start > 3 * SECTOR_BYTES) continue;
      const written = code.writeFrame(found.tail, turn.records);
      repaired.set(written.bytes, written.offset);
      for (const again of subsets(repaired, written.offset, written.offset + written.bytes.length)) {
        states++;
        const isAll = again.every((byte, at) => byte === repaired[at]);
        const second = expectText(code.recover(only(again)), log.texts[isAll ? frame + 1 : frame] ?? "");
        if (second !== null) return { violation: `frame ${frame + 1}, written again: ${second}`, states };
      }
    }
  }
  return { violation: null, states };
}

/** The bytes up to `end` (zeros behind), with every subset of the sectors from `start` on. */
function* subsets(bytes: Uint8Array, start: number, end: number): Generator<Uint8Array> {
  const sectors = (end - start) / SECTOR_BYTES;
  for (let mask = 0; mask < 2 ** sectors; mask++) {
    const copy = bytes.slice();
    copy.fill(0, end);
    for (let sector = 0; sector < sectors; sector++) {
      if ((mask >> sector) % 2 === 0) copy.fill(0, start + sector * SECTOR_BYTES, start + (sector + 1) * SECTOR_BYTES);
    }
    yield copy;
  }
}

function expectText(found: Recovery, expected: string): string | null {
  if (found.verdict.kind === "corrupt") return `refused without damage: ${found.verdict.reason}`;
  const text = contentText(found);
  return text === expected ? null : `found [${text}] instead of [${expected}] (${found.verdict.kind})`;
}

/** Damage may be refused; it may never pass with less than was there. */
function silentLoss(found: Recovery, expected: string): string | null {
  if (found.verdict.kind === "corrupt") return null;
  const text = contentText(found);
  return text === expected ? null : `${found.verdict.kind} and silent: found [${text}] instead of [${expected}]`;
}

/** Every single bit of a synced log flipped. */
export async function everyBit(code: Code): Promise<Verdict> {
  const log = plainLog(code, fillingTurns());
  const expected = log.texts.at(-1) ?? "";
  for (let bit = 0; bit < log.bytes.length * 8; bit++) {
    const at = bit >> 3;
    const byte = log.bytes[at] ?? 0;
    log.bytes[at] = byte ^ (1 << (bit & 7));
    const violation = silentLoss(code.recover(only(log.bytes)), expected);
    log.bytes[at] = byte;
    if (violation !== null) return { violation: `bit ${bit & 7} of byte ${at}: ${violation}`, states: bit + 1 };
  }
  return { violation: null, states: log.bytes.length * 8 };
}

/**
 * A synced and sealed log with sectors zeroed, copied over others, swapped; pages zeroed; the file cut at every
 * byte.
 */
export async function everySector(code: Code): Promise<Verdict> {
  const log = plainLog(code, [...fillingTurns(), { records: [], text: "" }]);
  const expected = log.texts.at(-2) ?? "";
  const sectors = log.bytes.length / SECTOR_BYTES;
  let states = 0;
  const damaged = (change: (bytes: Uint8Array) => Uint8Array): string | null => {
    states++;
    return silentLoss(code.recover(only(change(log.bytes.slice()))), expected);
  };
  const sealSector = log.tails.at(-2)?.sector ?? 0;
  const cases: { readonly name: string; readonly change: (bytes: Uint8Array) => Uint8Array }[] = [];
  for (let one = 0; one < sectors; one++) {
    const from = one * SECTOR_BYTES;
    cases.push({ name: `sector ${one} zeroed`, change: (bytes) => bytes.fill(0, from, from + SECTOR_BYTES) });
    for (let other = 0; other < sectors; other++) {
      const to = other * SECTOR_BYTES;
      cases.push({
        name: `sector ${one} written to ${other}`,
        change: (bytes) => {
          bytes.copyWithin(to, from, from + SECTOR_BYTES);
          return bytes;
        },
      });
      cases.push({
        name: `sectors ${one} and ${other} swapped`,
        change: (bytes) => {
          bytes.set(log.bytes.subarray(from, from + SECTOR_BYTES), to);
          bytes.set(log.bytes.subarray(to, to + SECTOR_BYTES), from);
          return bytes;
        },
      });
    }
  }
  // The page with the seal and the last record together would be the one case that a file cannot tell
  // (recover.test.ts).
  for (let page = 0; (page + 1) * 4_096 <= sealSector * SECTOR_BYTES; page++) {
    cases.push({ name: `page ${page} zeroed`, change: (bytes) => bytes.fill(0, page * 4_096, (page + 1) * 4_096) });
  }
  for (let length = 0; length < log.bytes.length; length++)
    cases.push({ name: `cut at ${length}`, change: (bytes) => bytes.slice(0, length) });
  for (const { name, change } of cases) {
    const violation = damaged(change);
    if (violation !== null) return { violation: `${name}: ${violation}`, states };
  }
  return { violation: null, states };
}

/** What was damaged or lost in the middle of several segments is refused. */
export async function lostFiles(code: Code): Promise<Verdict> {
  const model = new Model();
  const entries = Array.from({ length: 30 }, (_, at): Turn => {
    const records: WalRecord[] = at === 0 ? [{ kind: "state", term: 1, payload: new Uint8Array(3) }] : [];
    records.push({ kind: "entry", index: model.nextIndex, term: 1, payload: new Uint8Array(900).fill(at) });
    return { records, text: model.apply(records) };
  });
  const disk = new code.SimDisk();
  const live = await reopen(code, disk);
  if (typeof live === "string") return { violation: live, states: 0 };
  for (const { records } of entries) {
    live.wal.append(records);
    await live.wal.flush();
  }
  await live.wal.close();
  const files = disk
    .paths()
    .filter((path) => path.endsWith(".wal"))
    .map((path) => ({ name: path.slice(-20), bytes: disk.peek(path) ?? new Uint8Array(0) }));
  const expected = entries.at(-1)?.text ?? "";
  let states = 0;
  const cases = [
    ...files.map((file) => ({ name: `${file.name} missing`, files: files.filter((other) => other !== file) })),
    ...files.flatMap((file) =>
      Array.from({ length: SMALL.segmentBytes / SECTOR_BYTES }, (_, sector) => ({
        name: `sector ${sector} of ${file.name} zeroed`,
        files: files.map((other) =>
          other !== file
            ? other
            : {
                name: file.name,
                bytes: file.bytes.slice().fill(0, sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES),
              },
        ),
      })),
    ),
    ...files.slice(1).map((file, at) => ({
      name: `${file.name} holds an older segment`,
      files: files.map((other) =>
        other === file ? { name: file.name, bytes: files[at]?.bytes ?? file.bytes } : other,
      ),
    })),
  ];
  const whole =
    silentLoss(code.recover(files), expected) ??
    (code.recover(files).verdict.kind === "clean" ? null : "the whole log is not clean");
  if (whole !== null) return { violation: whole, states };
  for (const { name, files: left } of cases) {
    states++;
    const violation = silentLoss(code.recover(left), expected);
    if (violation !== null) return { violation: `${name}: ${violation}`, states };
  }
  return { violation: null, states };
}
