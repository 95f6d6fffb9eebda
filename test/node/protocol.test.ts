// Goal: tags on the wire never change their meaning, and the schemas at the border hold. Method: the golden list of tags;
// bodies there and back; bodies that are out of bounds.

import { describe, expect, test } from "bun:test";
import { type NodeMessage, nodeProtocol } from "../../src/node/protocol.ts";
import { createSplitter, type Frame } from "../../src/wire/frame.ts";

const DIGEST = "ab".repeat(32);
const raft: NodeMessage = {
  kind: "raft",
  body: {
    kind: "append",
    cluster: "c",
    term: 3,
    round: 9,
    sentAtMs: 12.5,
    prevIndex: 4,
    prevTerm: 2,
    commit: 4,
    entries: [
      {
        index: 5,
        term: 3,
        payload: { kind: "command", client: "n.1", sequence: 1, since: 0, command: Uint8Array.of(1, 2) },
      },
    ],
  },
};
const APPEND_HEX =
  "de0009a46b696e64a6617070656e64a7636c7573746572a163a47465726d03a5726f756e6409a873656e7441744d73cb40" +
  "29000000000000a970726576496e64657804a8707265765465726d02a6636f6d6d697404a7656e747269657391de0003a5" +
  "696e64657805a47465726d03a77061796c6f6164de0005a46b696e64a7636f6d6d616e64a6636c69656e74a36e2e31a873" +
  "657175656e636501a573696e636500a7636f6d6d616e64c4020102";
const MESSAGES: readonly (readonly [tag: number, lane: string, message: NodeMessage])[] = [
  [10, "critical", raft],
  [11, "critical", { kind: "swim", body: { kind: "streamAck", label: "l", seq: 1, updates: [] } }],
  [12, "control", { kind: "propose", body: { client: "n.1", sequence: 1, since: 0, proposal: Uint8Array.of(1) } }],
  [13, "control", { kind: "proposed", body: { client: "n.1", sequence: 1, outcome: { kind: "duplicate", index: 9 } } }],
  [14, "submit", { kind: "blobWant", body: { digest: DIGEST, offset: 65_536 } }],
  [15, "submit", { kind: "blobPart", body: { digest: DIGEST, offset: 0, size: 2, bytes: Uint8Array.of(1, 2) } }],
  [16, "submit", { kind: "blobMissing", body: { digest: DIGEST } }],
  [17, "control", { kind: "blobHave", body: { blobs: [{ digest: DIGEST, size: 2, content: Uint8Array.of(1, 2) }] } }],
  [18, "control", { kind: "blobStored", body: { digests: [DIGEST] } }],
  [19, "control", { kind: "change", body: { ask: 1, since: 9, change: { kind: "replace", before: "a", after: "b" } } }],
  [20, "control", { kind: "changed", body: { ask: 1, answer: { kind: "appended" } } }],
  [21, "control", { kind: "notMember", body: { cluster: "c", index: 9, voters: ["a", "b"] } }],
  [37, "stats", { kind: "rates", body: { rates: [] } }],
];

function frameOf(message: NodeMessage): Frame {
  const packed = nodeProtocol.pack(message);
  const [frame] = createSplitter().push(packed.frame).frames;
  if (frame === undefined) throw new Error("it is packed as no frame");
  expect(frame.lane).toBe(packed.lane);
  return frame;
}

describe("messages between nodes", () => {
  for (const [tag, lane, message] of MESSAGES) {
    test(`${message.kind} has tag ${tag} on lane ${lane}, for good, and comes back as it went`, () => {
      const frame = frameOf(message);
      expect<unknown>([frame.tag, frame.lane]).toEqual([tag, lane]);
      expect(nodeProtocol.unpack(frame.tag, frame.payload)).toEqual({ kind: "message", message });
    });
  }

  test("the bytes of an append do not change by accident", () => {
    expect(Buffer.from(frameOf(raft).payload).toString("hex")).toBe(APPEND_HEX);
  });

  const bad: readonly NodeMessage[] = [
    { kind: "blobWant", body: { digest: "../../etc/passwd", offset: 0 } },
    { kind: "blobWant", body: { digest: DIGEST, offset: -1 } },
    { kind: "blobPart", body: { digest: DIGEST, offset: 0, size: 1, bytes: new Uint8Array(65_537) } },
    { kind: "blobHave", body: { blobs: [{ digest: DIGEST, size: 2 ** 40, content: null }] } },
    { kind: "blobStored", body: { digests: Array.from({ length: 513 }, () => DIGEST) } },
    { kind: "propose", body: { client: "n", sequence: 1, since: 0, proposal: new Uint8Array(1_000_000) } },
    { kind: "propose", body: { client: "", sequence: 1, since: 0, proposal: new Uint8Array(1) } },
    { kind: "blobMissing", body: { digest: DIGEST.toUpperCase() } },
  ];
  for (const message of bad) {
    test(`${JSON.stringify(message).slice(0, 70)} is none`, () => {
      const { tag, payload } = frameOf(message);
      expect(nodeProtocol.unpack(tag, payload).kind).toBe("invalid");
    });
  }
});
