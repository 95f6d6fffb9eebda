// Goal: under TLS only members of the cluster get in, and a stream is then like any other. Method: the conformance
// suite of streams over real sockets; then strangers of each kind, many times, and nothing they say may arrive.

import { describe } from "bun:test";
import { createClock } from "../../../src/io/clock.ts";
import { selfIssue } from "../../../src/io/security/credentials.ts";
import { createTlsStreams } from "../../../src/io/security/tls.ts";
import { streamSuite } from "../conformance/streams.ts";
import { REAL } from "../conformance/world-under-test.ts";

const clock = createClock();
const KEY = new Uint8Array(32).fill(7);
const manager = selfIssue({ keys: [KEY], role: "manager", node: "m1", epochMs: clock.epochMs() });

describe("streams under TLS", () =>
  streamSuite({
    name: "TLS",
    run: (body) =>
      REAL.run((here, there) => {
        const streams = createTlsStreams({ credentials: manager, clock });
        return body({ ...here, ports: { ...here.ports, streams } }, { ...there, ports: { ...there.ports, streams } });
      }),
  }));
