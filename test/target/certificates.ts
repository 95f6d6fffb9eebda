// Certificates of the scripted target, made by openssl at start: one authority, and four leaves of which only one is
// good. Test material, never a secret: everything lies in the directory the caller gives and goes with it.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A leaf as PEM text, ready for a TLS listener. */
export type Leaf = { readonly cert: string; readonly key: string };

export type Certificates = {
  /** PEM file of the authority to trust. */
  readonly caFile: string;
  readonly valid: Leaf;
  readonly expired: Leaf;
  /** Signed by its own key: no authority vouches for it. */
  readonly selfSigned: Leaf;
  /** Good in every way, for the host "elsewhere.test". */
  readonly wrongHost: Leaf;
  /** For clients that must show a certificate. */
  readonly client: Leaf;
};

const CA_CONFIG = `[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
`;

/** Makes all certificates under `dir` (created). Throws with openssl's words when it is missing or refuses. */
export async function makeCertificates(dir: string): Promise<Certificates> {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "ca.cnf"), CA_CONFIG);
  writeFileSync(join(dir, "index.txt"), "");
  writeFileSync(join(dir, "serial"), "1000\n");
  await openssl(dir, [
    "req",
    "-x509",
    ...NEW_KEY,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "30",
    "-subj",
    "/CN=target test authority",
    "-addext",
    "basicConstraints=critical,CA:TRUE",
    "-addext",
    "keyUsage=critical,keyCertSign",
  ]);
  const local = "DNS:localhost,IP:127.0.0.1,IP:::1";
  const valid = await signed(dir, "valid", local, ["-days", "30"]);
  const expired = await signed(dir, "expired", local, ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]);
  const wrongHost = await signed(dir, "wrong-host", "DNS:elsewhere.test", ["-days", "30"]);
  const client = await signed(dir, "client", "DNS:client.test", ["-days", "30"]);
  await openssl(dir, [
    "req",
    "-x509",
    ...NEW_KEY,
    "-keyout",
    "self.key",
    "-out",
    "self.pem",
    "-days",
    "30",
    "-subj",
    "/CN=localhost",
    "-addext",
    `subjectAltName=${local}`,
  ]);
  return { caFile: join(dir, "ca.pem"), valid, expired, selfSigned: await leaf(dir, "self"), wrongHost, client };
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"] as const;

/** A leaf of the authority. `openssl ca` is used because only it takes dates in the past. */
async function signed(dir: string, name: string, subjectAltName: string, validity: readonly string[]): Promise<Leaf> {
  await openssl(dir, [
    "req",
    ...NEW_KEY,
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.csr`,
    "-subj",
    `/CN=${name}`,
    "-addext",
    `subjectAltName=${subjectAltName}`,
  ]);
  await openssl(dir, [
    "ca",
    "-batch",
    "-notext",
    "-config",
    "ca.cnf",
    "-cert",
    "ca.pem",
    "-keyfile",
    "ca.key",
    "-in",
    `${name}.csr`,
    "-out",
    `${name}.pem`,
    ...validity,
  ]);
  return leaf(dir, name);
}

async function leaf(dir: string, name: string): Promise<Leaf> {
  return {
    cert: await Bun.file(join(dir, `${name}.pem`)).text(),
    key: await Bun.file(join(dir, `${name}.key`)).text(),
  };
}

async function openssl(dir: string, args: readonly string[]): Promise<void> {
  const child = Bun.spawn(["openssl", ...args], { cwd: dir, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const stderr = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr.trim()}`);
}
