// A log's workload, and what must be found of it: a model that knows nothing of frames. Not a test itself.

import { createPrng, nextBelow, nextU32, type Prng } from "../../src/base/prng.ts";
import type { WalLimits } from "../../src/wal/format.ts";
import type { WalRecord } from "../../src/wal/record.ts";
import type { Recovery } from "../../src/wal/recover.ts";

/** Sizes that make rolls, compaction and frames of many sectors happen within a few KiB. */
export const SMALL: WalLimits = { segmentBytes: 8_192, framePayloadBytesMax: 4_096, recordBytesMax: 1_300 };

type Content = Pick<Recovery, "state" | "snapshot" | "entries">;

/** What a log says, as one text: equal texts, equal logs. */
export function contentText({ state, snapshot, entries }: Content): string {
  const hash = (bytes: Uint8Array): string => `${bytes.length}:${Bun.hash.crc32(bytes)}`;
  return [
    state === null ? "no state" : `state ${state.term} ${hash(state.payload)}`,
    snapshot === null ? "no snapshot" : `snapshot ${snapshot.index} ${snapshot.term} ${hash(snapshot.payload)}`,
    ...entries.map(({ index, term, payload }) => `${index}/${term} ${hash(payload)}`),
  ].join(", ");
}

/** The records of one flush, and the text of the log after it. */
export type Turn = { readonly records: readonly WalRecord[]; readonly text: string };

/** The model: the plainest reading of what records mean. */
export class Model {
  state: Content["state"] = null;
  snapshot: Content["snapshot"] = null;
  entries: Content["entries"] = [];

  get nextIndex(): number {
    return (this.entries.at(-1)?.index ?? this.snapshot?.index ?? 0) + 1;
  }

  apply(records: readonly WalRecord[]): string {
    for (const record of records) {
      if (record.kind === "state") this.state = record;
      if (record.kind === "entry") this.entries = [...this.entries, record];
      if (record.kind === "truncate") this.entries = this.entries.filter(({ index }) => index < record.from);
      if (record.kind === "snapshot") {
        this.entries = record.replacesLog ? [] : this.entries.filter(({ index }) => index > record.index);
        this.snapshot = record;
      }
    }
    return contentText(this);
  }
}

/** Turns of entries, votes, cuts and snapshots, all from the seed; each fits one frame. */
export function workload(options: {
  readonly turns: number;
  readonly seed: number;
  readonly bytesMax?: number;
}): readonly Turn[] {
  const prng = createPrng(options.seed, "workload");
  const model = new Model();
  return Array.from({ length: options.turns }, (_, turn) => {
    const records = turnRecords(prng, model, options.bytesMax ?? 1_000);
    return { records, text: model.apply(records) };
  });
}

/** One turn that may follow what the model holds. */
export function turnRecords(prng: Prng, model: Model, bytesMax: number): readonly WalRecord[] {
  const records: WalRecord[] = [];
  let term = model.state?.term ?? 0;
  let next = model.nextIndex;
  const first = model.entries[0]?.index ?? next;
  if (term === 0 || nextBelow(prng, 5) === 0) records.push({ kind: "state", term: ++term, payload: payload(prng, 40) });
  const kind = nextBelow(prng, 10);
  if (kind === 0 && next > first) {
    next = first + nextBelow(prng, next - first);
    records.push({ kind: "truncate", from: next });
  } else if (kind <= 2 && next > first + 1) {
    const covered = model.entries[nextBelow(prng, model.entries.length)];
    if (covered !== undefined) {
      records.push({
        kind: "snapshot",
        index: covered.index,
        term: covered.term,
        replacesLog: false,
        payload: payload(prng, 60),
      });
    }
  } else if (kind === 3) {
    next += nextBelow(prng, 4);
    records.push({ kind: "snapshot", index: next - 1, term, replacesLog: true, payload: payload(prng, 60) });
  }
  const count = records.length === 0 ? 1 + nextBelow(prng, 3) : nextBelow(prng, 3);
  for (let index = next; index < next + count; index++)
    records.push({ kind: "entry", index, term, payload: payload(prng, bytesMax) });
  return records;
}

/** Random bytes, all zeros, or what looks like frames: each must survive alike. */
export function payload(prng: Prng, bytesMax: number): Uint8Array {
  const bytes = new Uint8Array(nextBelow(prng, bytesMax + 1));
  const kind = nextBelow(prng, 4);
  if (kind === 0) return bytes;
  for (let at = 0; at < bytes.length; at++)
    bytes[at] = kind === 1 ? ([0xff, 0x48, 0x53, 0x46][at % 4] ?? 0) : nextU32(prng);
  return bytes;
}
