// Goal: which requests count as failed is what the response callback says of them. Method: a scripted server, and
// what the client records.

import { describe, expect, test } from "bun:test";
import { openClient, reply, serveScript, serveText } from "./harness.ts";

describe("expected statuses", () => {
  test("200 to 399 by default; 4xx and 5xx carry k6's codes and no error text", async () => {
    const statuses = [200, 399, 400, 404, 503];
    using server = serveScript((_, peer) => peer.write(reply("", `${statuses.shift()} X`)));
    using client = openClient();
    const codes: number[] = [];
    for (let at = 0; at < 5; at++) {
      const response = await client.http.get(server.url);
      codes.push(response.error_code);
      expect(response.error).toBe("");
    }
    expect(codes).toEqual([0, 0, 1400, 1404, 1503]);
    expect(client.owner.exchanges.map((exchange) => exchange.isExpected)).toEqual([true, true, false, false, false]);
  });

  test("a callback of the VU or of the request decides", async () => {
    using server = serveText(reply("", "404 Not Found"));
    using client = openClient();
    const { http } = client;
    http.setResponseCallback(http.expectedStatuses(200, { min: 400, max: 404 }));
    await http.get(server.url);
    await http.get(server.url, { responseCallback: http.expectedStatuses(200) });
    await http.get(server.url, { responseCallback: null });
    http.setResponseCallback(http.expectedStatuses({ min: 200, max: 299 }));
    await http.get(server.url);
    expect(client.owner.exchanges.map((exchange) => exchange.isExpected)).toEqual([true, false, null, false]);
    expect(() => http.expectedStatuses()).toThrow(TypeError);
  });
});

test("without a response callback nothing is said of a request, whatever became of it", async () => {
  using server = serveScript((_, peer) => peer.end());
  using client = openClient();
  client.http.setResponseCallback(null);
  expect((await client.http.get(server.url)).error_code).toBe(1606);
  expect(client.owner.exchanges.map((exchange) => exchange.isExpected)).toEqual([null]);
});

test("a response callback that throws fails the call, after the exchange is recorded", async () => {
  using server = serveText(reply(""));
  using client = openClient();
  const throwing = (): boolean => {
    throw new RangeError("mine");
  };
  await expect(client.http.get(server.url, { responseCallback: throwing })).rejects.toThrow("mine");
  expect([client.owner.exchanges.length, client.owner.exchanges[0]?.isExpected, client.http.openCount]).toEqual([
    1,
    false,
    0,
  ]);
  expect((await client.http.get(server.url)).status).toBe(200);
});
