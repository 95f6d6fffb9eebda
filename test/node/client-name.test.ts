// Goal: clients are told apart by what they prove, so that a new process is no new client, and only an operator changes
// who the managers are. Method: a table of ends of connections.

import { describe, expect, test } from "bun:test";
import type { IdentityRole, PeerIdentity } from "../../src/io/security/peer-identity.ts";
import { clientName, operatorProblem } from "../../src/node/client-name.ts";
import type { Origin } from "../../src/node/network/links.ts";

const identity = (role: IdentityRole, node: string | null): PeerIdentity => ({ cluster: "c1", role, node });
const from = (host: string, peer: PeerIdentity | null): Origin => ({ remote: { host, port: 50_000 }, peer });

describe("one client", () => {
  const [LAPTOP, OTHER] = [identity("client", "4f2a"), identity("client", "77b0")];

  test.each([
    ["all who use the same issued credentials, wherever they are", from("10.0.0.1", LAPTOP), from("127.0.0.1", LAPTOP)],
    [
      "all of a host with the key itself",
      from("10.0.0.1", identity("client", null)),
      from("10.0.0.1", identity("client", null)),
    ],
  ])("are %s", (_what, one, other) => {
    expect(clientName("a", one)).toBe(clientName("b", other));
  });

  test.each([
    ["other credentials", from("10.0.0.1", LAPTOP), from("10.0.0.1", OTHER)],
    ["those of an operator", from("10.0.0.1", LAPTOP), from("10.0.0.1", identity("operator", "4f2a"))],
    [
      "another host with the key itself",
      from("10.0.0.1", identity("client", null)),
      from("10.0.0.2", identity("client", null)),
    ],
    [
      "another process of this machine",
      from("127.0.0.1", identity("client", null)),
      from("::1", identity("client", null)),
    ],
    ["who proves nothing, as simulated", from("laptop", null), from("laptop", null)],
    ["whose link is gone", null, null],
  ])("are not: %s", (_what, one, other) => {
    expect(clientName("a", one)).not.toBe(clientName("b", other));
  });
});

test("an operator may change the managers, and who proves nothing where nobody does; others hear which role it takes", () => {
  expect(operatorProblem(from("10.0.0.1", identity("operator", "4f2a")))).toBeNull();
  expect(operatorProblem(from("laptop", null))).toBeNull();
  for (const role of ["client", "worker"] as const) {
    const problem = operatorProblem(from("127.0.0.1", identity(role, null)));
    for (const word of ["only an operator", `this is a ${role} of cluster c1`, "key issue --role operator"])
      expect(problem).toContain(word);
  }
});
