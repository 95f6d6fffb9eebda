// Goal: who relies on a proxy of the environment is told that none is used, and nobody else. Method: a table of variables
// and origins, after golang.org/x/net/http/httpproxy's own.

import { expect, test } from "bun:test";
import { proxyVariable } from "../../../src/engine/http/proxy.ts";
import { Origin } from "../../../src/engine/http/url.ts";

type Case = readonly [url: string, environment: Readonly<Record<string, string>>, variable: string | null];

const HTTP = { HTTP_PROXY: "http://proxy:3128" };
const cases: readonly Case[] = [
  ["http://example.com", {}, null],
  ["http://example.com", HTTP, "HTTP_PROXY"],
  ["http://example.com", { http_proxy: "proxy" }, "http_proxy"],
  ["http://example.com", { HTTP_PROXY: "" }, null],
  ["https://example.com", HTTP, null],
  ["https://example.com", { HTTPS_PROXY: "proxy" }, "HTTPS_PROXY"],
  ["http://localhost:8080", HTTP, null],
  ["http://127.0.0.9:8080", HTTP, null],
  ["http://[::1]:8080", HTTP, null],
  ["http://example.com", { ...HTTP, NO_PROXY: "*" }, null],
  ["http://example.com", { ...HTTP, no_proxy: "a.com, Example.com" }, null],
  ["http://api.example.com", { ...HTTP, NO_PROXY: "example.com" }, null],
  ["http://api.example.com", { ...HTTP, NO_PROXY: ".example.com" }, null],
  ["http://example.com", { ...HTTP, NO_PROXY: ".example.com" }, "HTTP_PROXY"],
  ["http://badexample.com", { ...HTTP, NO_PROXY: "example.com" }, "HTTP_PROXY"],
  ["http://example.com:81", { ...HTTP, NO_PROXY: "example.com:80" }, "HTTP_PROXY"],
  ["http://example.com", { ...HTTP, NO_PROXY: "example.com:80" }, null],
  ["http://10.1.2.3", { ...HTTP, NO_PROXY: "10.0.0.0/8" }, null],
  ["http://11.1.2.3", { ...HTTP, NO_PROXY: "10.0.0.0/8,11.1.2.4" }, "HTTP_PROXY"],
  ["http://[fd00::5]", { ...HTTP, NO_PROXY: "fd00::5" }, null],
];
test.each(cases)("%s with %j goes by %p", (url, environment, variable) => {
  const { protocol, hostname, port } = new URL(url);
  const isTls = protocol === "https:";
  const origin = new Origin(isTls, hostname.replace(/^\[|\]$/g, ""), Number(port) || (isTls ? 443 : 80));
  expect(proxyVariable(origin, environment)).toBe(variable);
});
