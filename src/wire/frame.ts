// Frames of a stream: length, lane, tag, payload; their bytes, and the splitter that finds them again in chunks cut
// anywhere. What a payload means is not known here.
//
//   0 length u32, bytes of payload · 4 lane u8 · 5 tag u16 · 7 payload         (little endian)

import { assert } from "../base/assert.ts";

/** Largest frame, header included. Larger things travel in parts. */
export const FRAME_BYTES_MAX = 1_048_576;
export const FRAME_HEADER_BYTES = 7;
export const PAYLOAD_BYTES_MAX = FRAME_BYTES_MAX - FRAME_HEADER_BYTES;
/** Tags up to this are the channel's own (channel.ts), those above a protocol's. */
export const TAG_RESERVED = 9;
export const TAG_MAX = 65_000;

/** Most important first: each goes before all after it, and only the later ones are ever shed. */
export const LANES = ["critical", "control", "submit", "stats"] as const;
export type Lane = (typeof LANES)[number];

/** A lane's place in the order. */
export const LANE_NUMBERS: Readonly<Record<Lane, number>> = { critical: 0, control: 1, submit: 2, stats: 3 };

export type Frame = { readonly lane: Lane; readonly tag: number; readonly payload: Uint8Array };

/** The bytes of a frame. Throws AssertionError when it is larger than a frame may be: a bug of the sender. */
export function encodeFrame({ lane, tag, payload }: Frame): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  bytes.set(payload, FRAME_HEADER_BYTES);
  putHeader(bytes, lane, tag);
  return bytes;
}

/** Writes the header of a frame whose payload is there, behind room for it. Throws as encodeFrame. */
export function putHeader(frame: Uint8Array, lane: Lane, tag: number): void {
  const length = frame.length - FRAME_HEADER_BYTES;
  assert(length >= 0 && length <= PAYLOAD_BYTES_MAX, "a payload fits a frame");
  assert(tag >= 0 && tag <= TAG_MAX, "a tag is in bounds");
  frame[0] = length & 0xff;
  frame[1] = (length >>> 8) & 0xff;
  frame[2] = (length >>> 16) & 0xff;
  frame[3] = 0;
  frame[4] = LANE_NUMBERS[lane];
  frame[5] = tag & 0xff;
  frame[6] = tag >>> 8;
}

/** `problem`: what came is no frame; nothing after it can be read and the connection is of no more use. */
export type Split = { readonly frames: readonly Frame[]; readonly problem: string | null };

export type Splitter = {
  /**
   * The frames that are whole with this chunk. Payloads may be views of it. Never throws; after a problem it answers
   * with that problem again. Holds at most one frame.
   */
  push(chunk: Uint8Array): Split;
};

/** A splitter at the start of a stream. */
export function createSplitter(): Splitter {
  /** The header under way, when it did not come in one chunk. */
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  let headerBytes = 0;
  /** What the last header said; null: a header is next. */
  let head: Head | null = null;
  /** The payload under way, when it did not come in one chunk. */
  let payload: Uint8Array | null = null;
  let payloadBytes = 0;
  let problem: string | null = null;

  return {
    push(chunk) {
      const frames: Frame[] = [];
      let at = 0;
      while (problem === null) {
        if (head === null) {
          if (headerBytes === 0 && chunk.length - at >= FRAME_HEADER_BYTES) {
            head = headAt(chunk, at);
            at += FRAME_HEADER_BYTES;
          } else {
            while (headerBytes < FRAME_HEADER_BYTES && at < chunk.length) header[headerBytes++] = chunk[at++] ?? 0;
            if (headerBytes < FRAME_HEADER_BYTES) break;
            head = headAt(header, 0);
            headerBytes = 0;
          }
          problem = headProblem(head);
          if (problem !== null) break;
        }
        const { length, lane, tag } = head;
        if (payload === null && chunk.length - at >= length) {
          frames.push({ lane: LANES[lane] ?? "stats", tag, payload: chunk.subarray(at, at + length) });
          at += length;
          head = null;
          continue;
        }
        payload ??= new Uint8Array(length);
        const taken = Math.min(length - payloadBytes, chunk.length - at);
        payload.set(chunk.subarray(at, at + taken), payloadBytes);
        payloadBytes += taken;
        at += taken;
        if (payloadBytes < length) break;
        frames.push({ lane: LANES[lane] ?? "stats", tag, payload });
        payload = null;
        payloadBytes = 0;
        head = null;
      }
      return { frames, problem };
    },
  };
}

/** `length`: of the payload. */
type Head = { readonly length: number; readonly lane: number; readonly tag: number };

function headAt(bytes: Uint8Array, at: number): Head {
  const low = (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 0x100;
  const high = (bytes[at + 2] ?? 0) + (bytes[at + 3] ?? 0) * 0x100;
  return {
    length: low + high * 0x1_0000,
    lane: bytes[at + 4] ?? 0,
    tag: (bytes[at + 5] ?? 0) + (bytes[at + 6] ?? 0) * 0x100,
  };
}

function headProblem({ length, lane, tag }: Head): string | null {
  if (length > PAYLOAD_BYTES_MAX) return `a frame of ${length} bytes, more than ${PAYLOAD_BYTES_MAX}`;
  if (lane >= LANES.length) return `a frame on lane ${lane}, which is none`;
  return tag > TAG_MAX ? `a frame of tag ${tag}, which is out of bounds` : null;
}
