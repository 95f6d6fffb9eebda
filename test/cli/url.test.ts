// Goal: `submit URL` asks for what was typed, refuses what is no URL, and has sensible defaults. Method: tables, and
// the written module evaluated.

import { describe, expect, test } from "bun:test";
import { checkUrl, isUrl, urlSource, type UrlRequest, type UrlSchedule } from "../../src/cli/url.ts";
import { failureOf } from "./errors.ts";

const REQUEST: UrlRequest = { url: "http://127.0.0.1:8080/", method: null, headers: {}, body: null };
const NOTHING: UrlSchedule = { vus: null, iterations: null, hasRateOrStages: false };

type Call = { readonly method: string; readonly url: string; readonly body: unknown; readonly params: unknown };

/** Options of the module that is written, and the request its function makes. */
async function played(
  request: Partial<UrlRequest>,
  schedule: Partial<UrlSchedule> = {},
): Promise<{ options: unknown; call: Call }> {
  const source = urlSource({ ...REQUEST, ...request }, { ...NOTHING, ...schedule });
  const module: { options: unknown; default: (vu: unknown) => Promise<void> } = await import(
    URL.createObjectURL(new Blob([source], { type: "text/javascript" }))
  );
  const calls: Call[] = [];
  const record = async (...[method, url, body, params]: readonly [string, string, unknown, unknown]): Promise<void> => {
    calls.push({ method, url, body, params });
  };
  await module.default({ http: { request: record } });
  const [call] = calls;
  if (call === undefined || calls.length !== 1) throw new Error(`${calls.length} calls`);
  return { options: module.options, call };
}

describe("what is a URL", () => {
  for (const typed of ["http://a", "https://a/b", "HTTP://a", "ftp://a", "http:/a", "http:"])
    test(typed, () => expect(isUrl(typed)).toBe(true));
  for (const typed of ["test.ts", "./http.ts", "-", "localhost:8080", "a/b:c", "C:\\test.ts"])
    test(typed, () => expect(isUrl(typed)).toBe(false));
});

describe("refused, with the reason", () => {
  for (const [typed, message] of [
    ["http://", /has no host/],
    ["http:///path", /has no host/],
    ["https://?q", /has no host/],
    ["http://:80/", /has no host/],
    ["http://user@/", /has no host/],
    ["http:/a", /has no host/],
    ["ftp://a/", /no http or https URL/],
    ["http://a:99999/", /no valid URL/],
    ["http://a b/", /no valid URL/],
  ] as const) {
    test(typed, () => {
      const failure = failureOf(() => checkUrl(typed));
      expect(failure.code).toBe("invalid");
      expect(failure.message).toMatch(message);
    });
  }
});

describe("the request", () => {
  test("is a GET without body by default", async () => {
    expect((await played({})).call).toEqual({ method: "GET", url: REQUEST.url, body: null, params: { headers: {} } });
  });
  test("is a POST with a body, unless a method is given", async () => {
    expect((await played({ body: "a=1" })).call).toMatchObject({ method: "POST", body: "a=1" });
    expect((await played({ body: "a=1", method: "put" })).call).toMatchObject({ method: "PUT" });
  });
  test("carries headers, and quotes of any kind, unharmed", async () => {
    const headers = { "x-a": '"; alert(1)//', "x-b": "`${1}`" };
    expect((await played({ headers, body: "\u2028'\"`${}\\" })).call).toMatchObject({
      params: { headers },
      body: "\u2028'\"`${}\\",
    });
  });
  test("carries the bytes of a file", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    expect((await played({ body: bytes })).call.body).toEqual(bytes);
  });
});

describe("the schedule", () => {
  for (const [name, schedule, options] of [
    ["nothing said: 200 requests over 50 VUs", {}, { vus: 50, iterations: 200 }],
    ["few iterations: no more VUs than those", { iterations: 7 }, { vus: 7, iterations: 7 }],
    ["many VUs: at least one iteration each", { vus: 500 }, { vus: 500, iterations: 500 }],
    ["few VUs: still 200 requests", { vus: 3 }, { vus: 3, iterations: 200 }],
    ["a rate or stages: nothing of these", { hasRateOrStages: true, vus: 9 }, {}],
  ] as const) {
    test(name, async () => expect((await played({}, schedule)).options).toEqual(options));
  }
});
