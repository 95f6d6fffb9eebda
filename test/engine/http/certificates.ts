// Certificates for the TLS tests, made by the openssl program in a fresh directory. Not a test.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Certificate = { readonly cert: string; readonly key: string };

export class Authority {
  readonly #directory = mkdtempSync(join(tmpdir(), "hyperscale-tls-"));
  #serial = 0;
  /** Of the authority itself. */
  readonly cert: string;

  constructor() {
    const path = (name: string): string => join(this.#directory, name);
    writeFileSync(path("index.txt"), "");
    writeFileSync(path("serial"), "01\n");
    writeFileSync(path("ca.cnf"), CONFIG.replaceAll("DIRECTORY", this.#directory));
    this.#openssl([
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "30",
      "-subj",
      "/CN=test authority",
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
    ]);
    this.cert = readFileSync(path("ca.pem"), "utf8");
  }

  /** A certificate for `names` ("DNS:localhost,IP:127.0.0.1"), valid now, or in the year 2020 only. */
  issue(names: string, validity: "now" | "2020" = "now"): Certificate {
    const name = `leaf${++this.#serial}`;
    const dates =
      validity === "now" ? ["-days", "30"] : ["-startdate", "20200101000000Z", "-enddate", "20201231000000Z"];
    writeFileSync(join(this.#directory, `${name}.ext`), `subjectAltName=${names}\n`);
    this.#openssl([
      "req",
      "-new",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
    ]);
    this.#openssl([
      "ca",
      "-batch",
      "-notext",
      "-config",
      "ca.cnf",
      "-in",
      `${name}.csr`,
      "-out",
      `${name}.pem`,
      "-extfile",
      `${name}.ext`,
      ...dates,
    ]);
    return {
      cert: readFileSync(join(this.#directory, `${name}.pem`), "utf8"),
      key: readFileSync(join(this.#directory, `${name}.key`), "utf8"),
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }

  #openssl(args: readonly string[]): void {
    const run = Bun.spawnSync(["openssl", ...args], { cwd: this.#directory, stderr: "pipe" });
    if (!run.success) throw new Error(`openssl ${args[0]} failed: ${run.stderr.toString()}`);
  }
}

const CONFIG = `
[ca]
default_ca = test
[test]
dir = DIRECTORY
database = DIRECTORY/index.txt
serial = DIRECTORY/serial
new_certs_dir = DIRECTORY
certificate = DIRECTORY/ca.pem
private_key = DIRECTORY/ca.key
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
`;
