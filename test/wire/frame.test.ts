// Goal: frames are found whatever the chunks, and nothing a peer sends throws or makes the splitter hold more than one
// frame. Method: streams cut at every byte; a hundred thousand damaged streams from a seed.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, nextU32 } from "../../src/base/prng.ts";
import {
  createSplitter,
  encodeFrame,
  type Frame,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  LANES,
  PAYLOAD_BYTES_MAX,
  TAG_MAX,
} from "../../src/wire/frame.ts";

const FRAMES: readonly Frame[] = [
  { lane: "critical", tag: 0, payload: new Uint8Array(0) },
  { lane: "control", tag: 258, payload: Uint8Array.of(1, 2, 3) },
  { lane: "submit", tag: TAG_MAX, payload: new Uint8Array(300).fill(9) },
  { lane: "stats", tag: 10, payload: Uint8Array.of(255) },
];

function streamOf(frames: readonly Frame[]): Uint8Array {
  return Uint8Array.from(frames.flatMap((frame) => [...encodeFrame(frame)]));
}

/** Payloads may be views of what was pushed. */
function copied({ lane, tag, payload }: Frame): Frame {
  return { lane, tag, payload: Uint8Array.from(payload) };
}

describe("frames", () => {
  test("their bytes are length, lane, tag, payload", () => {
    expect(encodeFrame({ lane: "submit", tag: 0x0102, payload: Uint8Array.of(7, 8) })).toEqual(
      Uint8Array.of(2, 0, 0, 0, 2, 2, 1, 7, 8),
    );
  });

  test("[LD-38.2.1] are found when the stream is cut in two at any byte", () => {
    const stream = streamOf(FRAMES);
    for (let at = 0; at <= stream.length; at++) {
      const splitter = createSplitter();
      const found = [stream.slice(0, at), stream.slice(at)].flatMap((chunk) => splitter.push(chunk).frames.map(copied));
      expect(found).toEqual([...FRAMES]);
    }
  });

  test("[LD-38.2.2] are found byte by byte, and in chunks of any size", () => {
    const stream = streamOf(FRAMES);
    const prng = createPrng(1);
    for (let round = 0; round < 200; round++) {
      const splitter = createSplitter();
      const found: Frame[] = [];
      for (let at = 0; at < stream.length;) {
        const size = round === 0 ? 1 : 1 + nextBelow(prng, 50);
        found.push(...splitter.push(stream.slice(at, at + size)).frames.map(copied));
        at += size;
      }
      expect(found).toEqual([...FRAMES]);
    }
  });

  test("[LD-38.1.2] of the largest size pass, and larger ones are a bug of the sender", () => {
    const bytes = encodeFrame({ lane: "stats", tag: 1, payload: new Uint8Array(PAYLOAD_BYTES_MAX) });
    expect(bytes.length).toBe(FRAME_BYTES_MAX);
    expect(createSplitter().push(bytes).frames).toHaveLength(1);
    expect(() => encodeFrame({ lane: "stats", tag: 1, payload: new Uint8Array(PAYLOAD_BYTES_MAX + 1) })).toThrow(
      "fits a frame",
    );
  });
});

describe("what is no frame", () => {
  const header = (length: number, lane: number, tag: number): Uint8Array => {
    const bytes = new Uint8Array(FRAME_HEADER_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, length, true);
    view.setUint8(4, lane);
    view.setUint16(5, tag, true);
    return bytes;
  };
  const cases: readonly (readonly [name: string, bytes: Uint8Array, problem: string])[] = [
    ["a length over the cap", header(PAYLOAD_BYTES_MAX + 1, 0, 1), "more than"],
    ["the largest length", header(0xffff_ffff, 0, 1), "4294967295 bytes"],
    ["a lane that is none", header(1, LANES.length, 1), "lane 4"],
    ["a tag out of bounds", header(1, 0, TAG_MAX + 1), "tag 65001"],
  ];
  for (const [name, bytes, problem] of cases) {
    test(`${name} is told, after the frames before it, and for good`, () => {
      const splitter = createSplitter();
      const split = splitter.push(Uint8Array.from([...streamOf(FRAMES), ...bytes]));
      expect(split.frames).toHaveLength(FRAMES.length);
      expect(split.problem).toContain(problem);
      const later = splitter.push(streamOf(FRAMES));
      expect(later.frames).toEqual([]);
      expect(later.problem).toBe(split.problem);
    });
  }

  test("a hundred thousand damaged streams neither throw nor give a frame beyond its bounds", () => {
    const prng = createPrng(7);
    const stream = streamOf(FRAMES);
    let problems = 0;
    for (let round = 0; round < 100_000; round++) {
      const damaged = stream.slice(0, 40);
      for (let count = 1 + nextBelow(prng, 4); count > 0; count--) damaged[nextBelow(prng, 40)] = nextU32(prng) & 0xff;
      const splitter = createSplitter();
      const at = nextBelow(prng, 40);
      for (const chunk of [damaged.subarray(0, at), damaged.subarray(at)]) {
        const { frames, problem } = splitter.push(chunk);
        for (const { payload, tag } of frames)
          if (payload.length > 40 || tag > TAG_MAX) throw new Error("out of bounds");
        if (problem !== null) problems++;
      }
    }
    expect(problems).toBeGreaterThan(10_000);
  });
});
