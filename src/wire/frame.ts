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
  assert(payload.length <= PAYLOAD_BYTES_MAX, "a payload fits a frame");
  assert(tag >= 0 && tag <= TAG_MAX, "a tag is in bounds");
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  bytes[0] = payload.length & 0xff;
  bytes[1] = (payload.length >>> 8) & 0xff;
  bytes[2] = (payload.length >>> 16) & 0xff;
  bytes[4] = LANE_NUMBERS[lane];
  bytes[5] = tag & 0xff;
  bytes[6] = tag >>> 8;
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
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
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  let headerBytes = 0;
  /** The payload under way, when it did not come in one chunk. */
  let payload: Uint8Array | null = null;
  let payloadBytes = 0;
  let problem: string | null = null;

  return {
    push(chunk) {
      const frames: Frame[] = [];
      let at = 0;
      while (problem === null) {
        if (headerBytes < FRAME_HEADER_BYTES) {
          while (headerBytes < FRAME_HEADER_BYTES && at < chunk.length) header[headerBytes++] = chunk[at++] ?? 0;
          if (headerBytes < FRAME_HEADER_BYTES) break;
          problem = headerProblem(header);
          if (problem !== null) break;
        }
        const length = lengthOf(header);
        if (payload === null && chunk.length - at >= length) {
          frames.push(frameOf(header, chunk.subarray(at, at + length)));
          at += length;
          headerBytes = 0;
          continue;
        }
        payload ??= new Uint8Array(length);
        const taken = Math.min(length - payloadBytes, chunk.length - at);
        payload.set(chunk.subarray(at, at + taken), payloadBytes);
        payloadBytes += taken;
        at += taken;
        if (payloadBytes < length) break;
        frames.push(frameOf(header, payload));
        payload = null;
        payloadBytes = 0;
        headerBytes = 0;
      }
      return { frames, problem };
    },
  };
}

function lengthOf(header: Uint8Array): number {
  return (header[0] ?? 0) + (header[1] ?? 0) * 0x100 + (header[2] ?? 0) * 0x1_0000 + (header[3] ?? 0) * 0x100_0000;
}

function tagOf(header: Uint8Array): number {
  return (header[5] ?? 0) + (header[6] ?? 0) * 0x100;
}

function headerProblem(header: Uint8Array): string | null {
  const length = lengthOf(header);
  if (length > PAYLOAD_BYTES_MAX) return `a frame of ${length} bytes, more than ${PAYLOAD_BYTES_MAX}`;
  if ((header[4] ?? 0) >= LANES.length) return `a frame on lane ${header[4]}, which is none`;
  if (tagOf(header) > TAG_MAX) return `a frame of tag ${tagOf(header)}, which is out of bounds`;
  return null;
}

function frameOf(header: Uint8Array, payload: Uint8Array): Frame {
  return { lane: LANES[header[4] ?? 0] ?? "stats", tag: tagOf(header), payload };
}
