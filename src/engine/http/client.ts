// The `http` of one VU: k6's methods over this VU's own connections and cookies. It decides what follows an
// exchange (redirect, digest answer, one retry on a dead kept connection); connection.ts moves the bytes.

import type {
  BatchRequest,
  CookieJar,
  ExpectedStatuses,
  File,
  Http,
  HttpURL,
  Params,
  RequestBody,
  RequestURL,
  Response,
} from "../hyperscale.d.ts";
import { show } from "../../load/options/problems.ts";
import { callOf, runBatch, type BatchCall } from "./batch.ts";
import { Connection } from "./connection.ts";
import { VuCookieJar } from "./cookies.ts";
import type { HttpCore } from "./core.ts";
import { codeOfStatus } from "./errors.ts";
import { followUp } from "./follow.ts";
import { interruptedSoon, InterruptedError, type HttpOwner } from "./owner.ts";
import { makeRequest, type HttpRequest } from "./request.ts";
import { HttpResponse } from "./response.ts";
import type { Origin, Target } from "./url.ts";

const NO_PARAMS: Params = {};
const STOPPING = "the test is stopping";

export class HttpClient implements Http {
  readonly #core: HttpCore;
  readonly #owner: HttpOwner;
  /** Dialling, busy and idle ones. */
  #connections: Connection[] = [];
  #openCount = 0;
  /** Resolvers of whenIdle. */
  #waiting: (() => void)[] | null = null;
  /** Made when a cookie comes or the jar is asked for. */
  #jar: VuCookieJar | null = null;
  /** undefined: 200 to 399; null: no status is judged. */
  #callback: ExpectedStatuses | null | undefined = undefined;

  constructor(core: HttpCore, owner: HttpOwner) {
    this.#core = core;
    this.#owner = owner;
  }

  /** Calls whose promise is not settled. */
  get openCount(): number {
    return this.#openCount;
  }

  /** Resolves when no call is open; at once if so. */
  whenIdle(): Promise<void> {
    if (this.#openCount === 0) return Promise.resolve();
    return new Promise((resolve) => {
      (this.#waiting ??= []).push(resolve);
    });
  }

  /**
   * Closes what is open: each exchange is recorded as failed and interrupted, its promise rejects with
   * InterruptedError.
   */
  interruptAll(reason: string): void {
    for (const connection of [...this.#connections]) {
      if (connection.exchange !== null) connection.fail("generic", reason, true);
    }
  }

  /** The VU starts anew: no cookies, and with noVuConnectionReuse no connections. */
  beginIteration(): void {
    if (this.#jar !== null && !this.#core.keepsCookies) this.#jar.empty();
    if (this.#core.closesAfterIteration) this.#closeIdle();
  }

  /** Closes every connection; open exchanges are interrupted. */
  close(): void {
    this.interruptAll("the virtual user ended");
    this.#closeIdle();
  }

  get(url: RequestURL, params?: Params | null): Promise<Response> {
    if (typeof url !== "string" || (params !== undefined && params !== null))
      return this.request("GET", url, null, params);
    if (this.#owner.isStopping) return interruptedSoon(STOPPING);
    let request: HttpRequest;
    try {
      request = this.#core.plainGet(url);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#open(request);
  }

  head(url: RequestURL, params?: Params | null): Promise<Response> {
    return this.request("HEAD", url, null, params);
  }

  post(url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response> {
    return this.request("POST", url, body, params);
  }

  put(url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response> {
    return this.request("PUT", url, body, params);
  }

  patch(url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response> {
    return this.request("PATCH", url, body, params);
  }

  del(url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response> {
    return this.request("DELETE", url, body, params);
  }

  options(url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response> {
    return this.request("OPTIONS", url, body, params);
  }

  request(method: string, url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response> {
    if (this.#owner.isStopping) return interruptedSoon(STOPPING);
    let request: HttpRequest;
    try {
      if (typeof method !== "string") throw new TypeError(`the method must be text, not ${typeof method}`);
      const { address, name } = splitUrl(url);
      request = makeRequest(
        method.toUpperCase(),
        this.#core.targets.get(address),
        body,
        params ?? NO_PARAMS,
        name,
        this.#core.plan,
      );
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#open(request);
  }

  batch(requests: readonly BatchRequest[]): Promise<Response[]>;
  batch<K extends string>(requests: Readonly<Record<K, BatchRequest>>): Promise<Record<K, Response>>;
  async batch(
    requests: readonly BatchRequest[] | Readonly<Record<string, BatchRequest>>,
  ): Promise<Response[] | Record<string, Response>> {
    if (typeof requests !== "object" || requests === null)
      throw new TypeError(`http.batch takes a list or a record of requests, not ${show(requests)}`);
    const entries = Object.entries(requests);
    const jobs = entries.map(([place, entry]) => {
      const call = callOf(entry, place);
      return { call, host: this.#core.targets.get(splitUrl(call.url).address).origin.label };
    });
    const send = (call: BatchCall): Promise<Response> => this.request(call.method, call.url, call.body, call.params);
    const responses = await runBatch(jobs, this.#core.plan, send);
    if (Array.isArray(requests)) return responses;
    return Object.fromEntries(entries.map(([key], index) => [key, pick(responses, index)]));
  }

  file(data: string | Uint8Array | ArrayBuffer, filename = "file", contentType = "application/octet-stream"): File {
    return { data: data instanceof ArrayBuffer ? new Uint8Array(data) : data, filename, content_type: contentType };
  }

  url(strings: TemplateStringsArray, ...values: readonly (string | number)[]): HttpURL {
    if (!Array.isArray(strings))
      throw new TypeError("http.url stands before a template: http.url`http://host/items/${id}`");
    let url = strings[0] ?? "";
    for (let at = 0; at < values.length; at++) url += String(values[at]) + (strings[at + 1] ?? "");
    return { url, name: strings.join("${}") };
  }

  cookieJar(): CookieJar {
    return this.#ownJar();
  }

  get CookieJar(): new () => CookieJar {
    return VuCookieJar;
  }

  setResponseCallback(callback: ExpectedStatuses | null): void {
    if (callback !== null && typeof callback !== "function")
      throw new TypeError("http.setResponseCallback takes what http.expectedStatuses() returns, or null");
    this.#callback = callback;
  }

  expectedStatuses(
    ...statuses: readonly (number | { readonly min: number; readonly max: number })[]
  ): ExpectedStatuses {
    if (statuses.length === 0)
      throw new TypeError("http.expectedStatuses needs at least one status or range { min, max }");
    const ranges = statuses.map((status) => (typeof status === "number" ? { min: status, max: status } : status));
    for (const { min, max } of ranges) {
      if (!Number.isInteger(min) || !Number.isInteger(max))
        throw new TypeError("http.expectedStatuses takes whole numbers and ranges { min, max }");
    }
    return (status) => ranges.some(({ min, max }) => status >= min && status <= max);
  }

  /**
   * For Connection: an exchange is over. `isStale`: it died on a kept connection before a byte of the response came.
   * Hot.
   */
  finished(exchange: HttpResponse, isStale: boolean): void {
    const { sent, status } = exchange;
    const callback = sent.settings.callback === undefined ? this.#callback : sent.settings.callback;
    if (callback === null) exchange.isExpected = null;
    if (status > 0) {
      if (exchange.errorCode === 0) exchange.errorCode = codeOfStatus(status);
      if (callback === undefined) exchange.isExpected = status >= 200 && status < 400 && exchange.error === "";
      else if (callback !== null && !this.#judge(exchange, callback)) return;
      if (exchange.hasSetCookie) this.#keepCookies(exchange);
    }
    if (exchange.isInterrupted) {
      this.#owner.record(exchange);
      this.#reject(exchange, new InterruptedError(exchange.error));
      return;
    }
    if (status === 401 || (status >= 300 && status < 400)) {
      this.#follow(exchange);
      return;
    }
    const isSentAgain = isStale && sent.isIdempotent && !exchange.isRepeat;
    // A server may close a connection between two requests, and this one was on its way: no failure of the server, nor
    // of the request, of which the next attempt decides.
    if (isSentAgain) exchange.isExpected = null;
    this.#owner.record(exchange);
    if (isSentAgain) {
      this.#continue(exchange, sent, exchange.redirectsLeft, true);
      return;
    }
    this.#settle();
    exchange.resolve(exchange);
  }

  /** For Connection: it is closed. */
  dropped(connection: Connection): void {
    const at = this.#connections.indexOf(connection);
    if (at >= 0) this.#connections.splice(at, 1);
  }

  #open(request: HttpRequest): Promise<Response> {
    const { slot } = this.#core;
    const promise = slot.open();
    const exchange = new HttpResponse(request, promise, slot.resolve, slot.reject, request.settings.redirects, false);
    slot.release();
    this.#openCount++;
    this.#dispatch(exchange);
    return promise;
  }

  #dispatch(exchange: HttpResponse): void {
    const { target, settings } = exchange.sent;
    const nowMs = performance.now();
    exchange.startedMs = nowMs;
    const jar = settings.jar === undefined ? this.#jar : settings.jar;
    if (jar !== null && !jar.isEmpty)
      exchange.cookie = joinCookies(settings.cookie, jar.headerFor(target, settings.replaced));
    else exchange.cookie = settings.cookie;
    for (;;) {
      const connection = this.#idle(target.origin);
      if (connection === null) break;
      if (connection.send(exchange, nowMs)) return;
    }
    const connection = new Connection(this.#core, this, target.origin);
    this.#connections.push(connection);
    connection.dial(exchange);
  }

  /** The kept connection to `origin` that was used last. */
  #idle(origin: Origin): Connection | null {
    const connections = this.#connections;
    for (let at = connections.length - 1; at >= 0; at--) {
      const connection = connections[at];
      if (connection !== undefined && connection.origin === origin && connection.isIdle) return connection;
    }
    return null;
  }

  /**
   * Asks the user's response callback. Out: false if it threw; the exchange is then recorded and the promise rejects.
   */
  #judge(exchange: HttpResponse, callback: ExpectedStatuses): boolean {
    try {
      exchange.isExpected = exchange.error === "" && callback(exchange.status);
      return true;
    } catch (error) {
      this.#owner.record(exchange);
      this.#settle();
      exchange.reject(error);
      return false;
    }
  }

  /** After a 3xx or 401: the request that follows, if one does. */
  #follow(exchange: HttpResponse): void {
    const next = followUp(exchange, this.#core);
    if (next !== null && next.kind === "digest" && exchange.isExpected !== null) exchange.isExpected = true;
    this.#owner.record(exchange);
    if (next === null) {
      this.#settle();
      exchange.resolve(exchange);
    } else if (next.kind === "digest") {
      this.#continue(exchange, next.request, exchange.redirectsLeft, true);
    } else {
      this.#continue(exchange, next.request, exchange.redirectsLeft - 1, false);
    }
  }

  #continue(exchange: HttpResponse, request: HttpRequest, redirectsLeft: number, isRepeat: boolean): void {
    if (this.#owner.isStopping) {
      this.#reject(exchange, new InterruptedError(STOPPING));
      return;
    }
    this.#dispatch(
      new HttpResponse(request, exchange.promise, exchange.resolve, exchange.reject, redirectsLeft, isRepeat),
    );
  }

  #keepCookies(exchange: HttpResponse): void {
    const { settings, target } = exchange.sent;
    if (settings.jar === null) return;
    const jar = settings.jar ?? this.#ownJar();
    for (const cookie of exchange.parsedCookies) jar.store(target, cookie);
  }

  #ownJar(): VuCookieJar {
    return (this.#jar ??= new VuCookieJar(this.#core.targets));
  }

  #reject(exchange: HttpResponse, error: InterruptedError): void {
    // A request that nobody awaits must not end the thread when the test stops it.
    exchange.promise.catch(ignore);
    this.#settle();
    exchange.reject(error);
  }

  #settle(): void {
    this.#openCount--;
    const waiting = this.#waiting;
    if (this.#openCount > 0 || waiting === null) return;
    this.#waiting = null;
    for (const resolve of waiting) resolve();
  }

  #closeIdle(): void {
    for (const connection of [...this.#connections]) if (connection.isIdle) connection.close();
  }
}

function splitUrl(url: RequestURL): { readonly address: string; readonly name: string } {
  if (typeof url === "string") return { address: url, name: "" };
  if (url instanceof URL) return { address: url.href, name: "" };
  if (typeof url !== "object" || url === null || typeof url.url !== "string")
    throw new TypeError(`the URL must be text, a URL or made by http.url\`...\`, not ${show(url)}`);
  return { address: url.url, name: url.name };
}

function joinCookies(one: string, other: string): string {
  if (one === "") return other;
  return other === "" ? one : `${one}; ${other}`;
}

function pick(responses: readonly Response[], index: number): Response {
  const response = responses[index];
  if (response === undefined) throw new RangeError(`http.batch lost response ${index}`);
  return response;
}

function ignore(): void {}
