// Goal: one key gives every node the same cluster; what it issues is good for its role and time and nothing else; what
// is wrong with credentials is said with both sides' values. Method: credentials made here, each spoiled in one way,
// judged, written to files and opened again.

import { afterAll, describe, expect, test } from "bun:test";
import { createPublicKey, X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HyperscaleError } from "../../../src/base/error.ts";
import { createAuthority, issueLeaf, readPrivateKey } from "../../../src/io/security/certificate.ts";
import { deriveCluster } from "../../../src/io/security/cluster-key.ts";
import { readCredentialFile, writeCredentialFile } from "../../../src/io/security/credential-file.ts";
import { credentialsProblem, issueCredentials, selfIssue } from "../../../src/io/security/credentials.ts";
import { createKeyFile } from "../../../src/io/security/key-file.ts";
import { describeIdentity } from "../../../src/io/security/peer-identity.ts";
import { bindProblem, isLoopback } from "../../../src/io/security/bind-problem.ts";
import { openCredentials } from "../../../src/io/security/open-credentials.ts";

const root = mkdtempSync(join(tmpdir(), "credentials-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);
const NOW = Date.UTC(2026, 10, 22, 12);
const DAY_MS = 86_400_000;
const cluster = deriveCluster(KEY);
const manager = selfIssue({ keys: [KEY], role: "manager", node: "m1", epochMs: NOW });
const issueWorker = (lifeMs = DAY_MS, node: string | null = null) =>
  issueCredentials({ keys: [KEY], role: "worker", node, epochMs: NOW, lifeMs });

async function refusalOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no refusal",
    (error: unknown) => {
      if (!(error instanceof HyperscaleError)) throw error;
      return `${error.code}: ${error.message} (${error.hint ?? ""})`;
    },
  );
}

describe("the cluster of a key", () => {
  test("is the same on every node and in every version", () => {
    const again = deriveCluster(Uint8Array.from(KEY));
    const publicKey = createPublicKey(cluster.authority.privateKey).export({ type: "spki", format: "der" });
    expect(createPublicKey(again.authority.privateKey).export({ type: "spki", format: "der" })).toEqual(publicKey);
    // Changing any of these would cut running clusters in two.
    expect({
      id: cluster.id,
      authority: Buffer.from(publicKey.subarray(-16)).toString("hex"),
      gossipKey: Buffer.from(cluster.gossipKey).toString("hex"),
      valueKey: Buffer.from(cluster.valueKey).toString("hex"),
    }).toEqual({
      id: "494b86950ed0f3c9",
      authority: "af3a78a5501195a06c6b5dafff980034",
      gossipKey: "9d5801c954bb80e3844a4316014b20c214aed36a08242c343621b4be794ec015",
      valueKey: "f1fc30cbb6a24db35ca42ee53323bd8393d9c780cd3fdb81123ee8f72681c246",
    });
  });

  test("has an authority whose certificates differ in the signature alone, and vouch for each other's leaves", () => {
    const [one, other] = [cluster, deriveCluster(KEY)].map(
      ({ authority }) => new X509Certificate(authority.certificate),
    );
    for (const name of ["subject", "serialNumber", "validFrom", "validTo"] as const)
      expect(one?.[name]).toBe(other?.[name] ?? "");
    expect(one?.ca).toBe(true);
    expect(one?.validTo).toBe("Dec 31 23:59:59 9999 GMT");
    const leaf = new X509Certificate(manager.certificate);
    for (const authority of [one, other]) {
      expect(authority?.verify(authority.publicKey)).toBe(true);
      expect(authority !== undefined && leaf.checkIssued(authority) && leaf.verify(authority.publicKey)).toBe(true);
    }
  });

  test("is another for a key of one other bit", () => {
    const near = deriveCluster(Uint8Array.from(KEY, (byte, at) => (at === 31 ? byte ^ 1 : byte)));
    expect(near.id).not.toBe(cluster.id);
    expect(near.gossipKey).not.toEqual(cluster.gossipKey);
    expect(new X509Certificate(manager.certificate).verify(createPublicKey(near.authority.privateKey))).toBe(false);
  });
});

describe("issued credentials", () => {
  test("name role and node, are good now, and hold no key to issue or to read stored values by", () => {
    const worker = issueWorker(DAY_MS, "w1");
    expect(worker.identity).toEqual({ cluster: cluster.id, role: "worker", node: "w1" });
    expect(credentialsProblem(worker, NOW)).toBe(null);
    expect(worker.valueKeys).toEqual([]);
    expect(worker.gossipKeys).toEqual([cluster.gossipKey]);
    expect(JSON.stringify(worker)).not.toContain(Buffer.from(KEY).toString("base64url"));
    expect(new X509Certificate(worker.certificate).ca).toBe(false);
  });

  test.each(["client", "operator"] as const)("for %s hold no gossip key, no right to listen, and a name", (role) => {
    const made = { keys: [KEY], role, node: null, epochMs: NOW, lifeMs: DAY_MS };
    const visitor = issueCredentials(made);
    expect(visitor.gossipKeys).toEqual([]);
    expect(new X509Certificate(visitor.certificate).keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(credentialsProblem(visitor, NOW)).toBe(null);
    expect(visitor.identity.node).toMatch(/^[0-9a-f]{16}$/);
    expect(issueCredentials(made).identity.node).not.toBe(visitor.identity.node);
    // Who has the key makes new ones each time: no name would last.
    expect(selfIssue(made).identity.node).toBeNull();
  });

  test("are good on clocks that are minutes off, and not on those that are days off: both times are named", () => {
    const worker = issueWorker();
    for (const minutes of [-50, -5, 5]) expect(credentialsProblem(worker, NOW + minutes * 60_000)).toBe(null);
    expect(credentialsProblem(worker, NOW + DAY_MS + 50 * 60_000)).toBe(null);
    const early = credentialsProblem(worker, NOW - DAY_MS);
    expect(early).toContain("valid from 2026-11-22T11:00:00Z on");
    expect(early).toContain("clock says 2026-11-21T12:00:00Z");
    const late = credentialsProblem(worker, NOW + 2 * DAY_MS);
    expect(late).toContain("expired at 2026-11-23T13:00:00Z");
    expect(late).toContain("clock says 2026-11-24T12:00:00Z");
  });

  test("beyond 2049 are dated right", () => {
    const leaf = issueCredentials({
      keys: [KEY],
      role: "worker",
      node: null,
      epochMs: Date.UTC(2049, 11, 31),
      lifeMs: DAY_MS,
    });
    const { validFrom, validTo } = new X509Certificate(leaf.certificate);
    expect(Date.parse(validFrom)).toBe(Date.UTC(2049, 11, 30, 23));
    expect(Date.parse(validTo)).toBe(Date.UTC(2050, 0, 1, 1));
  });

  test("of a worker cannot make a manager: its certificate is no authority", () => {
    const worker = issueWorker();
    const workerKey = readPrivateKey(worker.privateKey);
    if (typeof workerKey === "string") throw new Error(workerKey);
    const forged = issueLeaf(
      // Everything but the right: it has the worker's name and key.
      createAuthority(describeIdentity(worker.identity), workerKey),
      {
        identity: { ...manager.identity },
        privateKey: workerKey,
        beginMs: NOW,
        endMs: NOW + DAY_MS,
        serial: new Uint8Array(16),
      },
    );
    const chain = `${forged}${worker.certificate}`;
    expect(credentialsProblem({ ...worker, certificate: chain }, NOW)).toContain("did not sign it");
  });
});

describe("what is wrong with credentials is said", () => {
  const other = selfIssue({ keys: [OTHER_KEY], role: "manager", node: "m1", epochMs: NOW });
  const cases: readonly (readonly [name: string, problem: string | null, words: readonly string[]])[] = [
    ["nothing", credentialsProblem(manager, NOW), []],
    [
      "a certificate of another cluster",
      credentialsProblem({ ...manager, certificate: other.certificate, privateKey: other.privateKey }, NOW),
      [cluster.id, deriveCluster(OTHER_KEY).id],
    ],
    [
      "an authority that did not sign it",
      credentialsProblem({ ...manager, authorities: other.authorities }, NOW),
      [`hyperscale cluster ${cluster.id}`, `hyperscale cluster ${deriveCluster(OTHER_KEY).id}`],
    ],
    [
      "a key of another certificate",
      credentialsProblem({ ...manager, privateKey: other.privateKey }, NOW),
      ["private key"],
    ],
    ["no certificate", credentialsProblem({ ...manager, certificate: "" }, NOW), ["the certificate", "PEM"]],
    ["no private key", credentialsProblem({ ...manager, privateKey: "x" }, NOW), ["the private key"]],
    ["no authority", credentialsProblem({ ...manager, authorities: ["x"] }, NOW), ["the authority's certificate"]],
    [
      "a certificate without a role",
      credentialsProblem({ ...manager, certificate: cluster.authority.certificate }, NOW),
      ["names nobody", "URI:hyperscale://CLUSTER/ROLE/NODE"],
    ],
  ];
  for (const [name, problem, words] of cases)
    test(name, () => {
      if (words.length === 0) expect(problem).toBe(null);
      for (const word of words) expect(problem).toContain(word);
    });

  test("a leaf under a ring of keys is accepted under each of them, and not once its key is gone", () => {
    const both = selfIssue({ keys: [OTHER_KEY, KEY], role: "manager", node: "m2", epochMs: NOW });
    expect(both.identity.cluster).toBe(deriveCluster(OTHER_KEY).id);
    expect(both.clusters).toEqual([deriveCluster(OTHER_KEY).id, cluster.id]);
    expect(credentialsProblem({ ...both, certificate: manager.certificate, privateKey: manager.privateKey }, NOW)).toBe(
      null,
    );
    expect(
      credentialsProblem({ ...other, certificate: manager.certificate, privateKey: manager.privateKey }, NOW),
    ).not.toBe(null);
  });
});

describe("a credential file", () => {
  test("holds everything in one file of mode 600, and reads back the same", async () => {
    const path = join(root, "worker.json");
    const worker = issueWorker(DAY_MS, "w1");
    await writeCredentialFile(path, worker);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await readCredentialFile(path)).toEqual(worker);
  });

  test("is refused when it is open to others, exists already, or is none", async () => {
    const path = join(root, "open.json");
    await writeCredentialFile(path, issueWorker());
    expect(await refusalOf(writeCredentialFile(path, issueWorker()))).toContain("exists already");
    chmodSync(path, 0o644);
    expect(await refusalOf(readCredentialFile(path))).toContain("chmod 600");
    for (const text of ["", "{}", "[1]", '{"hyperscaleCredentials":2}', "\u0000"]) {
      writeFileSync(path, text, { mode: 0o600 });
      chmodSync(path, 0o600);
      expect(await refusalOf(readCredentialFile(path))).toContain("holds no credentials");
    }
  });
});

describe("credentials are opened from what was given", () => {
  const at = { host: null, node: "n1", epochMs: NOW, environment: { XDG_RUNTIME_DIR: join(root, "run") } };

  test("nothing: the local key, the same cluster for every role, on loopback", async () => {
    const none = { kind: "none" } as const;
    const one = await openCredentials({ ...at, given: none, role: "manager", host: "127.0.0.1" });
    const other = await openCredentials({ ...at, given: none, role: "client", node: null });
    expect(other.clusters).toEqual(one.clusters);
    expect(credentialsProblem(other, NOW)).toBe(null);
  });

  test("nothing, to listen at another address than loopback: refused, with what to do", async () => {
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "db.example.com", "", "127.0.0.1.example.com", "1270.0.0.1"]) {
      expect(isLoopback(host)).toBe(false);
      const refusal = await refusalOf(openCredentials({ ...at, given: { kind: "none" }, role: "manager", host }));
      expect(refusal).toContain("loopback only");
      expect(refusal).toContain("hyperscale key create");
    }
    for (const host of ["127.0.0.1", "127.8.9.1", "localhost", "::1", "[::1]", "::ffff:127.0.0.1"])
      expect(bindProblem(host, { kind: "none" })).toBe(null);
    expect(bindProblem("0.0.0.0", { kind: "keyFile", path: "x" })).toBe(null);
  });

  test("a key file: credentials of the role for this node", async () => {
    const path = join(root, "cluster.key");
    await createKeyFile(path);
    const opened = await openCredentials({ ...at, given: { kind: "keyFile", path }, role: "gate", host: "0.0.0.0" });
    expect(opened.identity).toMatchObject({ role: "gate", node: "n1" });
    expect(credentialsProblem(opened, NOW)).toBe(null);
  });

  test("an issued file: for its role and node alone, and its time: both sides' values are named", async () => {
    const path = join(root, "issued.json");
    await writeCredentialFile(path, issueWorker(DAY_MS, "w1"));
    const given = { kind: "issued", path } as const;
    expect((await openCredentials({ ...at, given, role: "worker", node: "w1" })).identity.node).toBe("w1");
    const asManager = await refusalOf(openCredentials({ ...at, given, role: "manager", node: "w1" }));
    expect(asManager).toContain(`is for a worker w1 of cluster ${cluster.id}, and this is a manager w1`);
    expect(asManager).toContain("--key-file");
    const asOther = await refusalOf(openCredentials({ ...at, given, role: "worker", node: "w2" }));
    expect(asOther).toContain("and this is a worker w2");
    const late = openCredentials({ ...at, given, role: "worker", node: "w1", epochMs: NOW + 9 * DAY_MS });
    expect(await refusalOf(late)).toContain("expired at 2026-11-23T13:00:00Z");
  });

  test("certificates made elsewhere: with the gossip key, or not for a node", async () => {
    const paths = {
      certificate: join(root, "leaf.pem"),
      privateKey: join(root, "leaf.key"),
      authority: join(root, "ca.pem"),
    };
    writeFileSync(paths.certificate, manager.certificate);
    writeFileSync(paths.privateKey, manager.privateKey, { mode: 0o600 });
    writeFileSync(paths.authority, cluster.authority.certificate);
    const gossipKey = join(root, "gossip.key");
    await createKeyFile(gossipKey);
    const open = (key: string | null) =>
      openCredentials({
        ...at,
        node: "m1",
        given: { kind: "certificates", paths: { ...paths, gossipKey: key } },
        role: "manager",
      });
    const opened = await open(gossipKey);
    expect(opened.clusters).toEqual([cluster.id]);
    expect(opened.gossipKeys.length).toBe(1);
    expect(opened.valueKeys.length).toBe(1);
    expect(opened.valueKeys).not.toEqual(opened.gossipKeys);
    expect(await refusalOf(open(null))).toContain("--gossip-key-file");
    chmodSync(paths.privateKey, 0o644);
    expect(await refusalOf(open(gossipKey))).toContain("chmod 600");
  });
});
