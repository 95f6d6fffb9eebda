// Goal: https works with SNI, extra authorities, client certificates and version limits, and a bad certificate is a
// distinct error before any byte of the request is sent. Method: servers on loopback with certificates of our own
// authority: good, self-signed, expired, of another host.

import { afterAll, describe, expect, test } from "bun:test";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { tlsOptionsFor } from "../../../src/engine/http/tls.ts";
import { Origin } from "../../../src/engine/http/url.ts";
import { Authority } from "./certificates.ts";
import { PLAN, headerOf, openClient, reply, serveScript, until, type ScriptedServer } from "./harness.ts";

const authority = new Authority();
const stranger = new Authority();
const good = authority.issue("DNS:localhost,DNS:shop.test,IP:127.0.0.1,IP:::1");
const expired = authority.issue("DNS:localhost,IP:127.0.0.1", "2020");
const elsewhere = authority.issue("DNS:other.test");
const strange = stranger.issue("DNS:localhost,IP:127.0.0.1");
const clientCertificate = authority.issue("DNS:some.client");
afterAll(() => {
  authority[Symbol.dispose]();
  stranger[Symbol.dispose]();
});

const TRUSTING = { tlsCaCerts: [authority.cert] };

function serveTls(certificate: { readonly cert: string; readonly key: string }): ScriptedServer {
  return serveScript((_, peer) => peer.write(reply("secret")), { tls: certificate });
}

/** A node server, which can ask for client certificates, limit versions and see the server name. */
async function serveNode(
  options: Parameters<typeof createServer>[0],
  seen: (socket: TLSSocket) => void = () => {},
): Promise<{ readonly port: number; readonly server: Server; [Symbol.dispose](): void }> {
  const server = createServer({ ...good, ...options }, (socket) => {
    seen(socket);
    socket.on("error", () => {});
    socket.on("data", () => socket.write(reply("secret")));
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  return {
    server,
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.dispose]: () => void server.close(),
  };
}

test("a redirect into TLS keeps the authorization of the test, one out of it does not", async () => {
  using secure = serveScript(
    (request, peer) =>
      peer.write(
        request.line.includes("/out")
          ? reply("", "302 Found", `Location: http://127.0.0.1:${plain.port}/end\r\n`)
          : reply(""),
      ),
    { tls: good },
  );
  using plain: ScriptedServer = serveScript((request, peer) =>
    peer.write(
      request.line.includes("/in")
        ? reply("", "302 Found", `Location: https://127.0.0.1:${secure.port}/end\r\n`)
        : reply(""),
    ),
  );
  using client = openClient(TRUSTING);
  const params = { headers: { authorization: "token" } };
  await client.http.get(`http://127.0.0.1:${plain.port}/in`, params);
  await client.http.get(`https://127.0.0.1:${secure.port}/out`, params);
  expect(headerOf(secure.requests[0], "authorization")).toBe("token");
  expect(headerOf(plain.requests.at(-1), "authorization")).toBe("");
});

test("a trusted server is talked to; version, cipher and handshake time are told; the connection is kept", async () => {
  using server = serveTls(good);
  using client = openClient(TRUSTING);
  const first = await client.http.get(`https://localhost:${server.port}/`);
  expect([first.error, first.status, first.body, first.tls_version]).toEqual(["", 200, "secret", "tls1.3"]);
  expect(first.tls_cipher_suite).toStartWith("TLS_");
  expect(first.timings.tls_handshaking).toBeGreaterThan(0);
  const second = await client.http.get(`https://localhost:${server.port}/`);
  expect([second.timings.tls_handshaking, second.tls_version, server.counts.made]).toEqual([0, "tls1.3", 1]);
});

test("an address is verified against the certificate's addresses", async () => {
  using server = serveTls(good);
  using wrong = serveTls(elsewhere);
  using client = openClient(TRUSTING);
  expect((await client.http.get(`https://127.0.0.1:${server.port}/`)).status).toBe(200);
  expect((await client.http.get(`https://127.0.0.1:${wrong.port}/`)).error_code).toBe(1311);
});

describe("a bad certificate", () => {
  for (const [name, certificate, code, text] of [
    ["of an unknown authority", strange, 1310, "unknown authority"],
    ["that has expired", expired, 1312, "expired"],
    ["of another host", elsewhere, 1311, "not valid for the host"],
  ] as const) {
    test(`${name} is ${code}, unsent, and no byte reaches the server`, async () => {
      using server = serveTls(certificate);
      using client = openClient(TRUSTING);
      const response = await client.http.get(`https://localhost:${server.port}/`);
      expect([response.status, response.error_code]).toEqual([0, code]);
      expect(response.error).toContain(text);
      expect(response.error).toContain(`localhost:${server.port}`);
      await until(() => server.counts.open === 0, "the connection is closed");
      expect(server.requests).toEqual([]);
      expect(
        client.owner.exchanges.map((exchange) => [exchange.isSent, exchange.errorCode, exchange.tlsMs > 0]),
      ).toEqual([[false, code, true]]);
    });

    test(`${name} is taken with insecureSkipTLSVerify`, async () => {
      using server = serveTls(certificate);
      using client = openClient({ ...TRUSTING, insecureSkipTlsVerify: true });
      const response = await client.http.get(`https://localhost:${server.port}/`);
      expect([response.error, response.status]).toEqual(["", 200]);
    });
  }

  test("our authority is not trusted unless it is given", async () => {
    using server = serveTls(good);
    using client = openClient();
    expect((await client.http.get(`https://localhost:${server.port}/`)).error_code).toBe(1310);
  });
});

describe("a broken handshake", () => {
  test("a server that speaks plain HTTP is 1300, also with insecureSkipTLSVerify", async () => {
    using server = serveScript(() => {}, { onOpen: (peer) => peer.write("HTTP/1.1 400 Bad Request\r\n\r\n") });
    for (const insecureSkipTlsVerify of [false, true]) {
      using client = openClient({ insecureSkipTlsVerify });
      const response = await client.http.get(`https://127.0.0.1:${server.port}/`);
      expect([response.error_code, client.owner.exchanges[0]?.isSent]).toEqual([1300, false]);
    }
  });

  test("a server that hangs up within it is 1300", async () => {
    using server = serveScript(() => {}, { onOpen: (peer) => peer.end() });
    using client = openClient({ insecureSkipTlsVerify: true });
    const response = await client.http.get(`https://127.0.0.1:${server.port}/`);
    expect([1300, 1220]).toContain(response.error_code);
    expect(client.owner.exchanges.map((exchange) => exchange.isSent)).toEqual([false]);
  });

  test("one that never ends is 1211", async () => {
    using server = serveScript(() => {});
    using client = openClient({ connectTimeoutMs: 60 });
    const response = await client.http.get(`https://127.0.0.1:${server.port}/`);
    expect([response.error_code, response.error]).toEqual([
      1211,
      `connect timeout: 127.0.0.1:${server.port}: still the TLS handshake after 60 ms`,
    ]);
  });

  test("http to a TLS server is no HTTP response", async () => {
    using server = serveTls(good);
    using client = openClient();
    const response = await client.http.get(`http://127.0.0.1:${server.port}/`);
    expect([1601, 1606, 1220]).toContain(response.error_code);
  });
});

describe("settings", () => {
  test("the server name is the host of the URL, wherever that is; an address is no server name", async () => {
    const names: unknown[] = [];
    using server = await serveNode({}, (socket) => names.push(Reflect.get(socket, "servername")));
    using client = openClient({ ...TRUSTING, hosts: { "shop.test": "127.0.0.1" } });
    expect((await client.http.get(`https://shop.test:${server.port}/`)).status).toBe(200);
    expect((await client.http.get(`https://127.0.0.1:${server.port}/`)).status).toBe(200);
    expect(names[0]).toBe("shop.test");
    expect(names[1]).toBe(false);
  });

  test("version limits hold on both sides", async () => {
    using server = await serveNode({ maxVersion: "TLSv1.2" });
    using low = openClient({ ...TRUSTING, tlsVersionMax: "tls1.2" });
    expect((await low.http.get(`https://localhost:${server.port}/`)).tls_version).toBe("tls1.2");
    using high = openClient({ ...TRUSTING, tlsVersionMin: "tls1.3" });
    expect((await high.http.get(`https://localhost:${server.port}/`)).error_code).toBe(1300);
    using any = await serveNode({});
    expect((await low.http.get(`https://localhost:${any.port}/`)).tls_version).toBe("tls1.2");
  });

  test("a client certificate is shown to the domains it is for", async () => {
    let seen = 0;
    using server = await serveNode({ requestCert: true, rejectUnauthorized: true, ca: authority.cert }, () => seen++);
    const auth = { ...clientCertificate, password: "" };
    using shown = openClient({ ...TRUSTING, tlsAuth: [{ ...auth, domains: ["localhost"] }] });
    expect((await shown.http.get(`https://localhost:${server.port}/`)).status).toBe(200);
    using hidden = openClient({ ...TRUSTING, tlsAuth: [{ ...auth, domains: ["*.example.test"] }] });
    const refused = await hidden.http.get(`https://localhost:${server.port}/`);
    expect([refused.status, refused.error_code >= 1200 && refused.error_code < 1700]).toEqual([0, true]);
    expect(seen).toBe(1);
  });

  test("a client certificate that cannot be read is an error, not a crash", async () => {
    using server = serveTls(good);
    using client = openClient({
      ...TRUSTING,
      tlsAuth: [{ cert: "nonsense", key: "nonsense", password: "", domains: [] }],
    });
    const response = await client.http.get(`https://localhost:${server.port}/`);
    expect([response.status, response.error_code >= 1200]).toEqual([0, true]);
  });

  test("options of an origin follow the plan", () => {
    const auth = { cert: "c", key: "k", password: "p", domains: ["*.a.test"] };
    const plan = { ...PLAN, tlsAuth: [auth], tlsVersionMin: "tls1.2", tlsCaCerts: ["CA"] } as const;
    const options = tlsOptionsFor(new Origin(true, "x.a.test", 443), plan);
    expect(options).toMatchObject({
      serverName: "x.a.test",
      cert: "c",
      key: "k",
      passphrase: "p",
      minVersion: 0x0303,
      rejectUnauthorized: true,
    });
    expect(Array.isArray(options.ca) && options.ca.length > 1 && options.ca.at(-1)).toBe("CA");
    const other = tlsOptionsFor(new Origin(true, "10.0.0.1", 443), plan);
    expect([other.serverName, other.cert]).toEqual(["", undefined]);
  });
});
