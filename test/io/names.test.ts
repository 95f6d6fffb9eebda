// Goal: names and services are looked up at the servers that were named. Method: a name server on loopback.

import { expect, test } from "bun:test";
import { createNames } from "../../src/io/names.ts";
import { startNameServer } from "../dns/server.ts";

test("all addresses of a name, sorted; none of a name that is not known", async () => {
  await using server = await startNameServer({ addresses: { "m.example": ["127.0.0.3", "127.0.0.1"] } });
  const names = createNames([server.address]);
  expect(await names.addresses("m.example")).toEqual(["127.0.0.1", "127.0.0.3"]);
  expect(await names.addresses("other.example")).toEqual([]);
});

test("hosts and ports of a service", async () => {
  const services = { "_h._tcp.example": ["m1.example:9002", "m0.example:9000"] };
  await using server = await startNameServer({ services });
  const names = createNames([server.address]);
  expect(await names.services("_h._tcp.example")).toEqual([
    { host: "m0.example", port: 9_000 },
    { host: "m1.example", port: 9_002 },
  ]);
  expect(await names.services("_none._tcp.example")).toEqual([]);
});

test("a server that says nothing is a failure, not an empty answer", async () => {
  await using server = await startNameServer({});
  server.doesAnswer = false;
  const failure = await createNames([server.address])
    .services("_h._tcp.example")
    .then(
      () => null,
      (error: unknown) => error,
    );
  expect(failure).toBeInstanceOf(Error);
}, 15_000);
