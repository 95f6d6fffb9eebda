// Goal: a certificate's names yield one identity or none, and a peer may only speak as what it proved to be. Method:
// tables of names, good and bad.

import { describe, expect, test } from "bun:test";
import {
  claimProblem,
  identityOf,
  identityUri,
  IDENTITY_ROLES,
  type PeerIdentity,
} from "../../../src/io/security/peer-identity.ts";

const worker: PeerIdentity = { cluster: "c1", role: "worker", node: "w1" };

describe("the identity in a certificate's names", () => {
  test("is what was written, for each role and for any node", () => {
    for (const role of IDENTITY_ROLES)
      for (const node of ["n-1.a_B", null]) {
        const identity: PeerIdentity = { cluster: "9c31", role, node };
        expect(identityOf(`DNS:localhost, URI:${identityUri(identity)}, URI:https://example.com`)).toEqual(identity);
      }
  });

  const bad: readonly (readonly [name: string, names: string | null])[] = [
    ["no names", null],
    ["no such URI", "DNS:node.hyperscale, URI:spiffe://c1/manager/m1"],
    ["two of them", `URI:${identityUri(worker)}, URI:${identityUri({ ...worker, role: "manager" })}`],
    ["a role that is none", "URI:hyperscale://c1/root/n1"],
    ["parts missing", "URI:hyperscale://c1/manager"],
    ["parts too many", "URI:hyperscale://c1/manager/n1/n2"],
    ["an empty node", "URI:hyperscale://c1/manager/"],
    ["characters that are none of a name", "URI:hyperscale://c1/manager/a b"],
    ["a longer name than any", `URI:hyperscale://c1/manager/${"n".repeat(65)}`],
    ["a DNS name that holds a URI", 'DNS:"a\\u002c URI:hyperscale://c1/manager/m1", URI:hyperscale://c1/worker/w1'],
    ["it as a DNS name", "DNS:hyperscale://c1/manager/m1"],
  ];
  for (const [name, names] of bad) test(`is none with ${name}`, () => expect(identityOf(names)).toBe(null));
});

describe("what a peer says it is", () => {
  test("is believed when its certificate says so too, of that node or of any", () => {
    expect(claimProblem(worker, { role: "worker", node: "w1" })).toBe(null);
    expect(claimProblem({ ...worker, node: null }, { role: "worker", node: "w9" })).toBe(null);
  });
  test("is not believed in another role: both are named", () => {
    const problem = claimProblem(worker, { role: "manager", node: "w1" });
    expect(problem).toContain("it is a manager");
    expect(problem).toContain("for a worker");
  });
  test("is not believed under another node's name: both are named", () => {
    const problem = claimProblem(worker, { role: "worker", node: "w2" });
    expect(problem).toContain("node w2");
    expect(problem).toContain("node w1");
  });
  test("is believed of credentials that visit, under any node's name; an operator is a client too, and no more", () => {
    const operator: PeerIdentity = { cluster: "c1", role: "operator", node: "4f2a" };
    expect(claimProblem({ ...operator, role: "client" }, { role: "client", node: "n9" })).toBe(null);
    expect(claimProblem(operator, { role: "client", node: "n9" })).toBe(null);
    expect(claimProblem({ ...operator, role: "client" }, { role: "operator", node: "n9" })).toContain("an operator");
    for (const role of ["manager", "worker", "gate"])
      expect(claimProblem(operator, { role, node: "4f2a" })).toContain("for an operator");
  });
  test("is believed where nobody proves anything", () => {
    expect(claimProblem(null, { role: "manager", node: "m1" })).toBe(null);
  });
});
