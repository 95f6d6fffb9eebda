// Goal: a node does not start where strangers get in. Method: the self-test over real TLS, which passes, and over
// streams with a planted fault each, where it has to see it.

import { describe, expect, test } from "bun:test";
import { createClock } from "../../../src/io/clock.ts";
import { issueCredentials, selfIssue, type Credentials } from "../../../src/io/security/credentials.ts";
import { selfTest } from "../../../src/io/security/self-test.ts";
import { createTlsStreams } from "../../../src/io/security/tls.ts";
import { createStreams } from "../../../src/io/streams.ts";
import type { Streams } from "../../../src/io/world.ts";

const clock = createClock();
const KEY = new Uint8Array(32).fill(7);
const manager = selfIssue({ keys: [KEY], role: "manager", node: "m1", epochMs: clock.epochMs() });
const tls = (credentials: Credentials): Streams => createTlsStreams({ credentials, clock });

async function outcomeOf(credentials: Credentials, streamsOf?: (credentials: Credentials) => Streams): Promise<string> {
  return selfTest({ credentials, clock, ...(streamsOf === undefined ? {} : { streamsOf }) }).then(
    () => "passed",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

describe("the self-test", () => {
  test("passes over TLS, for every role", async () => {
    expect(await outcomeOf(manager)).toBe("passed");
    for (const role of ["worker", "client"] as const)
      expect(
        await outcomeOf(issueCredentials({ keys: [KEY], role, node: null, epochMs: clock.epochMs(), lifeMs: 1_000 })),
      ).toBe("passed");
  });

  test("fails where nobody is asked for a certificate", async () => {
    expect(await outcomeOf(manager, () => createStreams())).toContain("took a stranger for a node");
  });

  test("fails where a listener takes one stranger in eight", async () => {
    let attempts = 0;
    const streamsOf = (credentials: Credentials): Streams => ({
      listen: tls(credentials).listen,
      connect: (to, options) =>
        // The fault: the sixth is taken for a member.
        tls(credentials !== manager && ++attempts === 6 ? manager : credentials).connect(to, options),
    });
    expect(await outcomeOf(manager, streamsOf)).toContain("let a stranger in");
  });

  test("fails where whoever connects believes any listener", async () => {
    const streamsOf = (credentials: Credentials): Streams => ({
      listen: tls(manager).listen,
      connect: tls(credentials).connect,
    });
    expect(await outcomeOf(manager, streamsOf)).toContain("took a stranger for a node");
  });

  test("fails where its own node does not get in, and says why", async () => {
    const expired = issueCredentials({ keys: [KEY], role: "worker", node: null, epochMs: 0, lifeMs: 1_000 });
    const outcome = await outcomeOf(expired);
    expect(outcome).toContain("did not let its own node in");
    expect(outcome).toContain("expired at 1970-01-01T01:00:01Z");
  });
});
