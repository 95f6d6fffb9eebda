// Made by `bun run generate` from src/engine/hyperscale.d.ts: the types that `init` writes. Edit that file.

/** The declarations of the module "hyperscale". */
export const WORKFLOW_TYPES = `/**
 * The module \`hyperscale\` that a workflow file imports: everything a test may use, with its units.
 * Names and meanings are k6's wherever k6 has them; http methods return promises.
 * \`hyperscale init\` writes this file beside your test so that an editor completes it.
 */

/** A length of time: milliseconds as a number, or text such as "100ms", "10s", "1m30s", "1h". */
export type Duration = number | string;
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Tags = Readonly<Record<string, string>>;

// ── what a virtual user is given ────────────────────────────────────────────────────────────────

/** One virtual user, handed to every function of the test. */
export interface VU {
  /** Number of this VU, from 1, unique in the job. */
  readonly id: number;
  /** Iterations this VU finished before this one: 0 in the first. */
  readonly iteration: number;
  /** Name of the workflow that runs. */
  readonly workflow: string;
  /** Values of \`-e KEY=VALUE\` and of the workflow's \`env\`. */
  readonly env: Readonly<Record<string, string>>;
  /** Yours, kept from iteration to iteration of this VU. Variables of the module are shared by the VUs of a core. */
  readonly state: Record<string, unknown>;
  /** Tags put on everything this VU measures from now on, until changed. */
  readonly tags: Record<string, string>;
  readonly http: Http;
  /** Runs each check against \`value\`; counts a pass or fail under its name. Out: true if all passed. */
  check<T>(value: T, checks: Readonly<Record<string, (value: T) => boolean>>, tags?: Tags | null): boolean;
  /**
   * Runs \`run\` with its measurements tagged \`group\` = "::name", measured as \`group_duration\`. Of groups side by side
   * (Promise.all) requests count for the one that began last.
   */
  group<T>(name: string, run: () => Promise<T> | T): Promise<T>;
  /**
   * Pauses this VU: seconds (below 0: not at all), or text such as "100ms" ("2" is seconds). Ends early when the test
   * stops. Await it.
   */
  sleep(time: number | string): Promise<void>;
  /** Hands a value (JSON, 64 KiB at most) to the workflows that name this one in \`after\`. */
  provide(key: string, value: Json): void;
  /** Values provided by the workflows that ran before this one. */
  readonly context: Readonly<Record<string, Json>>;
  /** Stops the whole test: exit code 108; teardown still runs. */
  abort(reason?: string): never;
  /** Ends this iteration as failed, and goes on with the next. */
  fail(reason?: string): never;
  /** Aborted when this iteration has to end: hand it to whatever else you wait for. */
  readonly signal: AbortSignal;
}

// ── http ────────────────────────────────────────────────────────────────────────────────────────

export interface File {
  readonly data: string | Uint8Array;
  readonly filename: string;
  readonly content_type: string;
}
/** A field of a form; a list sends the field once for each value. */
export type FormField = string | number | boolean | File | readonly (string | number | boolean | File)[];
/**
 * Text, bytes, form fields (urlencoded), or fields with a file (multipart). JSON is text: JSON.stringify it. Bytes are
 * not copied: leave them as they are until the response is there.
 */
export type RequestBody =
  string | ArrayBufferView | ArrayBuffer | URLSearchParams | Readonly<Record<string, FormField>> | null;

export interface Params {
  readonly headers?: Readonly<Record<string, string>>;
  readonly tags?: Tags;
  readonly cookies?: Readonly<Record<string, string | { readonly value: string; readonly replace?: boolean }>>;
  /** Jar to use in place of the VU's own; null sends and keeps none. */
  readonly jar?: CookieJar | null;
  /** Whole request, redirects apart. Default "60s". */
  readonly timeout?: Duration;
  /** How many redirects to follow; 0 returns the redirect itself. Default 10. */
  readonly redirects?: number;
  readonly auth?: "basic" | "digest";
  readonly compression?: "gzip" | "deflate" | "br" | "zstd";
  /** "none" drops the body unread, "binary" gives bytes. Default "text". */
  readonly responseType?: "text" | "binary" | "none";
  /** Over \`http.setResponseCallback\`; null: this request is in no http_req_failed. */
  readonly responseCallback?: ExpectedStatuses | null;
}
/** What \`http.expectedStatuses\` returns: which statuses do not count as http_req_failed. */
export type ExpectedStatuses = (status: number) => boolean;

export interface Timings {
  /** Milliseconds each. duration = sending + waiting + receiving. */
  readonly blocked: number;
  readonly connecting: number;
  readonly tls_handshaking: number;
  readonly sending: number;
  readonly waiting: number;
  readonly receiving: number;
  readonly duration: number;
}
export interface ResponseCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly path: string;
  readonly http_only: boolean;
  readonly secure: boolean;
  readonly max_age: number;
  /** Epoch milliseconds; 0 where the cookie states none. */
  readonly expires: number;
}
export interface Response {
  /** 0 when no response came: see \`error\` and \`error_code\`. */
  readonly status: number;
  readonly status_text: string;
  readonly url: string;
  /** "HTTP/1.1" */
  readonly proto: string;
  readonly remote_ip: string;
  readonly remote_port: number;
  /** Names in canonical form ("Content-Type"); several values joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: Readonly<Record<string, readonly ResponseCookie[]>>;
  /** Text, "" where there is none. With responseType "binary" read \`bytes\`. */
  readonly body: string;
  readonly bytes: Uint8Array;
  readonly timings: Timings;
  /** Empty when a response came. */
  readonly error: string;
  /** 0, or k6's codes: 1050 timeout, 1101 no such host, 1212 refused, 1220 reset, 13xx TLS, 14xx/15xx status. */
  readonly error_code: number;
  readonly tls_version: string;
  readonly tls_cipher_suite: string;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, readonly string[]>>;
    readonly body: string;
  };
  /** Parsed body, or the value at a path such as "user.roles.0". Throws on a body that is not JSON. */
  json<T = unknown>(path?: string): T;
}

export type RequestURL = string | URL | HttpURL;
export type BatchRequest =
  | RequestURL
  | readonly [method: string, url: RequestURL, body?: RequestBody, params?: Params | null]
  | { readonly method: string; readonly url: RequestURL; readonly body?: RequestBody; readonly params?: Params | null };

export interface Http {
  get(url: RequestURL, params?: Params | null): Promise<Response>;
  head(url: RequestURL, params?: Params | null): Promise<Response>;
  post(url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response>;
  put(url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response>;
  patch(url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response>;
  del(url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response>;
  options(url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response>;
  request(method: string, url: RequestURL, body?: RequestBody, params?: Params | null): Promise<Response>;
  /** Sends side by side (20 at a time, 6 a host, by default) and answers in the same shape: array or record. */
  batch(requests: readonly BatchRequest[]): Promise<Response[]>;
  batch<K extends string>(requests: Readonly<Record<K, BatchRequest>>): Promise<Record<K, Response>>;
  /** Part of a multipart body. */
  file(data: string | Uint8Array | ArrayBuffer, filename?: string, contentType?: string): File;
  /** http.url\`http://host/items/\${id}\` sends the whole URL but is tagged with the name "http://host/items/\${}". */
  url(strings: TemplateStringsArray, ...values: readonly (string | number)[]): HttpURL;
  /** The VU's own jar, emptied at the start of each iteration unless \`noCookiesReset\` is set. */
  cookieJar(): CookieJar;
  /** Makes another jar, empty and never emptied by itself, for \`params.jar\`. */
  readonly CookieJar: new () => CookieJar;
  /**
   * What counts as success (200 to 399 unless set) for this VU's requests without a callback of their own; null: they
   * are in no http_req_failed.
   */
  setResponseCallback(callback: ExpectedStatuses | null): void;
  expectedStatuses(...statuses: readonly (number | { readonly min: number; readonly max: number })[]): ExpectedStatuses;
}
export interface HttpURL {
  readonly url: string;
  readonly name: string;
}
export interface CookieJar {
  set(
    url: string,
    name: string,
    value: string,
    options?: {
      readonly domain?: string;
      readonly path?: string;
      readonly secure?: boolean;
      readonly http_only?: boolean;
      readonly max_age?: number;
      readonly expires?: string;
    },
  ): void;
  /** Values by name, of the cookies that would be sent to \`url\`. */
  cookiesForURL(url: string): Record<string, string[]>;
  delete(url: string, name: string): void;
  clear(url: string): void;
}

// ── metrics of your own ─────────────────────────────────────────────────────────────────────────

/** Sums what is added. Make metrics at the top of the module. */
export declare class Counter {
  constructor(name: string, isTime?: boolean);
  readonly name: string;
  add(value: number, tags?: Tags | null): void;
}
/** Keeps the newest value, the smallest and the largest. */
export declare class Gauge {
  constructor(name: string, isTime?: boolean);
  readonly name: string;
  add(value: number, tags?: Tags | null): void;
}
/** Share of the added values that are true (or not 0). */
export declare class Rate {
  constructor(name: string, isTime?: boolean);
  readonly name: string;
  add(value: boolean | number, tags?: Tags | null): void;
}
/** Distribution of the added values; \`isTime\` says they are milliseconds. */
export declare class Trend {
  constructor(name: string, isTime?: boolean);
  readonly name: string;
  add(value: number, tags?: Tags | null): void;
}

// ── data ────────────────────────────────────────────────────────────────────────────────────────

/** Contents of a file, read when the test is submitted and sent along with it. Top of the module only. */
export declare function open(path: string): string;
export declare function open(path: string, mode: "b"): Uint8Array;

/**
 * How rows are handed out. unique: each row once in the whole job, then an error. circular: in order over
 * the whole job, from the start again at the end. sequential: every VU walks all rows from the first, around
 * and around. random: any row, each as likely.
 */
export type Pick = "unique" | "sequential" | "random" | "circular";
export interface Feed<Row> {
  next(): Row;
  readonly length: number;
}
/**
 * Rows of a .csv (a header line, then records), .json (an array) or .jsonl file, or of an array. Top of the module
 * only.
 */
export declare function data<Row = Record<string, string>>(
  source: string | readonly Row[],
  options?: { readonly pick?: Pick },
): Feed<Row>;

// ── options ─────────────────────────────────────────────────────────────────────────────────────

/**
 * k6's threshold expressions, e.g. "p(95)<500", "rate<0.01", "count>100"; "p(95)<500 for 10s" needs 10 bad seconds in
 * a row. None ([]): the metric, or metric{tag:value}, is shown in the summary and judged by nothing.
 */
export type Threshold =
  string | { readonly threshold: string; readonly abortOnFail?: boolean; readonly delayAbortEval?: Duration };
export type Thresholds = Readonly<Record<string, readonly Threshold[] | Threshold>>;
export interface Stage {
  readonly duration: Duration;
  readonly target: number;
}

export interface Schedule {
  readonly vus?: number;
  readonly iterations?: number;
  readonly duration?: Duration;
  readonly maxDuration?: Duration;
  readonly stages?: readonly Stage[];
  readonly startVUs?: number;
  readonly rate?: number;
  readonly startRate?: number;
  readonly timeUnit?: Duration;
  readonly preAllocatedVUs?: number;
  readonly maxVUs?: number;
  /**
   * When an arrival finds no free VU: "drop" counts it in dropped_iterations, "queue" starts it late. Default "drop".
   */
  readonly onLate?: "drop" | "queue";
  readonly startTime?: Duration;
  readonly gracefulStop?: Duration;
  readonly gracefulRampDown?: Duration;
  readonly minIterationDuration?: Duration;
}
export type ExecutorName =
  | "shared-iterations"
  | "per-vu-iterations"
  | "constant-vus"
  | "ramping-vus"
  | "constant-arrival-rate"
  | "ramping-arrival-rate"
  | "externally-controlled";
export type Priority = "auto" | "low" | "normal" | "high" | "exclusive";

/** How requests are sent, for the whole file. */
export interface HttpOptions {
  readonly discardResponseBodies?: boolean;
  readonly insecureSkipTLSVerify?: boolean;
  readonly noConnectionReuse?: boolean;
  /** A new connection for every iteration. */
  readonly noVUConnectionReuse?: boolean;
  readonly noCookiesReset?: boolean;
  readonly maxRedirects?: number;
  readonly batch?: number;
  readonly batchPerHost?: number;
  readonly userAgent?: string;
  readonly connectTimeout?: Duration;
  /** Fixed addresses: { "api.test": "127.0.0.1", "api.test:443": "127.0.0.1:8443" }. */
  readonly hosts?: Readonly<Record<string, string>>;
  readonly dns?: {
    readonly ttl?: Duration | "inf";
    readonly select?: "first" | "random" | "roundRobin";
    readonly policy?: "preferIPv4" | "preferIPv6" | "onlyIPv4" | "onlyIPv6" | "any";
  };
  /** Client certificates (PEM), for the given domains or for all. */
  readonly tlsAuth?: readonly {
    readonly cert: string;
    readonly key: string;
    readonly password?: string;
    readonly domains?: readonly string[];
  }[];
  /** Authorities (PEM) to trust beside the system's. */
  readonly tlsCACerts?: string | readonly string[];
  readonly tlsVersion?:
    "tls1.2" | "tls1.3" | { readonly min?: "tls1.2" | "tls1.3"; readonly max?: "tls1.2" | "tls1.3" };
}

/** Names and values that workers are started with: \`worker --label region=us-east-1\`. */
export type Labels = Readonly<Record<string, string>>;

export interface Scenario extends Schedule {
  readonly executor: ExecutorName;
  /** Name of the exported function to run; "default" if left out. */
  readonly exec?: string;
  readonly after?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly tags?: Tags;
  readonly priority?: Priority;
  /** Only workers of a cluster that carry all these labels run it; without a cluster labels mean nothing. */
  readonly requires?: Labels;
  /** Workers that carry all these labels are taken first. */
  readonly prefers?: Labels;
}
export interface Options extends Schedule, HttpOptions {
  readonly scenarios?: Readonly<Record<string, Scenario>>;
  readonly thresholds?: Thresholds;
  readonly tags?: Tags;
  readonly setupTimeout?: Duration;
  readonly teardownTimeout?: Duration;
  readonly summaryTrendStats?: readonly string[];
}

// ── the job form ────────────────────────────────────────────────────────────────────────────────

export interface Workflow extends Schedule {
  readonly executor?: ExecutorName;
  /** Names of the workflows that must have ended before this one starts. */
  readonly after?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly tags?: Tags;
  readonly priority?: Priority;
  /** Only workers of a cluster that carry all these labels run it; without a cluster labels mean nothing. */
  readonly requires?: Labels;
  /** Workers that carry all these labels are taken first. */
  readonly prefers?: Labels;
  run(vu: VU, data: any): Promise<unknown> | unknown;
}
export interface Job extends HttpOptions {
  readonly name: string;
  readonly workflows: Readonly<Record<string, Workflow>>;
  readonly thresholds?: Thresholds;
  readonly tags?: Tags;
  readonly setupTimeout?: Duration;
  readonly teardownTimeout?: Duration;
  readonly summaryTrendStats?: readonly string[];
  setup?(vu: VU): Promise<unknown> | unknown;
  teardown?(vu: VU, data: any): Promise<unknown> | unknown;
}
export declare function defineJob(job: Job): Job;
export declare function workflow(workflow: Workflow): Workflow;
`;
