// http.batch: several requests side by side, bounded in all and per host. What one request is, the client knows.

import type { BatchRequest, Params, RequestBody, RequestURL, Response } from "../hyperscale.d.ts";

/** One request of a batch, in the arguments of http.request. */
export type BatchCall = {
  readonly method: string;
  readonly url: RequestURL;
  readonly body: RequestBody;
  readonly params: Params | null;
};

/** A call and the host it counts against. */
export type BatchJob = { readonly call: BatchCall; readonly host: string };

/** The arguments of an entry of a batch. Throws TypeError that names the entry. */
export function callOf(entry: BatchRequest, place: string): BatchCall {
  if (isAddress(entry)) return { method: "GET", url: entry, body: null, params: null };
  const {
    method,
    url,
    body = null,
    params = null,
  } = isTuple(entry) ? { method: entry[0], url: entry[1], body: entry[2], params: entry[3] } : (entry ?? {});
  if (typeof method !== "string" || !isAddress(url)) {
    throw new TypeError(
      `http.batch: entry ${place} must be a URL, [method, url, body, params] or { method, url, body, params }`,
    );
  }
  return { method, url, body, params };
}

/**
 * Sends the jobs in order, at most `limit` at a time and `limitPerHost` to a host (0: no limit). Out: the responses
 * in the order of the jobs; rejects with the first rejection, and starts nothing after it.
 */
export function runBatch(
  jobs: readonly BatchJob[],
  limits: { readonly batch: number; readonly batchPerHost: number },
  send: (call: BatchCall) => Promise<Response>,
): Promise<Response[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Response[]>();
  const responses = new Array<Response>(jobs.length);
  const waiting = jobs.map((_, index) => index);
  const openByHost = new Map<string, number>();
  let open = 0;
  let isRejected = false;

  const isFree = (index: number): boolean =>
    limits.batchPerHost === 0 || (openByHost.get(jobs[index]?.host ?? "") ?? 0) < limits.batchPerHost;
  const start = (index: number, job: BatchJob): void => {
    open++;
    openByHost.set(job.host, (openByHost.get(job.host) ?? 0) + 1);
    send(job.call).then(
      (response) => {
        responses[index] = response;
        open--;
        openByHost.set(job.host, (openByHost.get(job.host) ?? 1) - 1);
        pump();
      },
      (error: unknown) => {
        isRejected = true;
        reject(error);
      },
    );
  };
  const pump = (): void => {
    while (!isRejected && (limits.batch === 0 || open < limits.batch)) {
      const place = waiting.findIndex(isFree);
      const index = waiting.splice(place, place < 0 ? 0 : 1)[0];
      const job = index === undefined ? undefined : jobs[index];
      if (index === undefined || job === undefined) break;
      start(index, job);
    }
    if (open === 0 && waiting.length === 0) resolve(responses);
  };
  pump();
  return promise;
}

function isAddress(entry: unknown): entry is RequestURL {
  if (typeof entry === "string" || entry instanceof URL) return true;
  return typeof entry === "object" && entry !== null && "url" in entry && "name" in entry && !("method" in entry);
}

function isTuple(entry: BatchRequest): entry is Extract<BatchRequest, readonly unknown[]> {
  return Array.isArray(entry);
}
