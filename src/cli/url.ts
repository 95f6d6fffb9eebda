// `submit URL`: the workflow file that requests one URL, written from the command line. Text and checks only.

import { HyperscaleError } from "../base/error.ts";

/** What is asked of the URL. `body`: text, or bytes of a file. */
export type UrlRequest = {
  readonly url: string;
  /** null: GET, or POST with a body. */
  readonly method: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
};

/** What of the schedule was given; defaults fill the rest. */
export type UrlSchedule = {
  readonly vus: number | null;
  readonly iterations: number | null;
  readonly hasRateOrStages: boolean;
};

/** Where nothing is said: so many requests over so many virtual users; with a rate, for so long. */
export const URL_ITERATIONS = 200;
export const URL_VUS = 50;
export const URL_RATE_DURATION_MS = 10_000;

/** True for what is meant as a URL, a broken one included: "http:/x", "ftp://x". */
export function isUrl(typed: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(typed) || /^https?:/i.test(typed);
}

/** The URL as it will be sent. Throws `invalid`: no host, another scheme, nonsense. */
export function checkUrl(typed: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*/i.exec(typed)?.[0].toLowerCase() ?? "";
  if (scheme !== "http" && scheme !== "https") {
    throw new HyperscaleError("invalid", `${JSON.stringify(typed)} is no http or https URL`, {
      hint: "write it like http://127.0.0.1:8080/",
    });
  }
  // The URL parser takes "http:///path" for the host "path"; nobody means that.
  const authority = /^https?:\/\/([^/?#\\]*)/i.exec(typed)?.[1] ?? "";
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (host === "" || host.startsWith(":")) {
    throw new HyperscaleError("invalid", `the URL ${JSON.stringify(typed)} has no host`, {
      hint: "write it like http://127.0.0.1:8080/",
    });
  }
  if (!URL.canParse(typed))
    throw new HyperscaleError("invalid", `${JSON.stringify(typed)} is no valid URL`, {
      hint: "write it like http://127.0.0.1:8080/",
    });
  return typed;
}

/** JavaScript of the workflow file. */
export function urlSource(request: UrlRequest, schedule: UrlSchedule): string {
  const method = request.method ?? (request.body === null ? "GET" : "POST");
  const body =
    request.body instanceof Uint8Array
      ? `Uint8Array.fromBase64(${JSON.stringify(request.body.toBase64())})`
      : JSON.stringify(request.body);
  return [
    `export const options = ${JSON.stringify(urlOptions(schedule))};`,
    `const body = ${body};`,
    `const params = ${JSON.stringify({ headers: request.headers })};`,
    "export default async function ({ http }) {",
    `  await http.request(${JSON.stringify(method.toUpperCase())}, ${JSON.stringify(request.url)}, body, params);`,
    "}",
    "",
  ].join("\n");
}

/** Options of the file; the command line's schedule goes over them as over those of any file. */
function urlOptions(schedule: UrlSchedule): { readonly vus?: number; readonly iterations?: number } {
  if (schedule.hasRateOrStages) return {};
  // Never fewer iterations than virtual users, whichever of the two was given.
  const iterations = schedule.iterations ?? Math.max(URL_ITERATIONS, schedule.vus ?? 0);
  return { vus: schedule.vus ?? Math.min(URL_VUS, iterations), iterations };
}
