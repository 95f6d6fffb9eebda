// The http client's settings of a job: a file's options and the command line's over k6's defaults. Values were checked
// before (schema.ts).

import { DURATION_MS_MAX } from "./schema.ts";
import type { HttpOptions } from "./schema.ts";
import type { HttpPlan } from "../plan.ts";

/** k6's defaults: 10 redirects, 20 requests side by side, 6 a host, names kept for 5 minutes, 30 s to connect. */
export const HTTP_DEFAULTS: HttpPlan = {
  discardResponseBodies: false,
  insecureSkipTlsVerify: false,
  noConnectionReuse: false,
  noVuConnectionReuse: false,
  noCookiesReset: false,
  maxRedirects: 10,
  batch: 20,
  batchPerHost: 6,
  userAgent: "hyperscale/0.1",
  connectTimeoutMs: 30_000,
  hosts: {},
  dns: { ttlMs: 300_000, select: "random", policy: "preferIPv4" },
  tlsAuth: [],
  tlsCaCerts: [],
  tlsVersionMin: "",
  tlsVersionMax: "",
};

/** The settings in force. `overrides`: what the command line says; undefined members say nothing. */
export function httpPlanOf(
  options: HttpOptions,
  overrides: { readonly [K in keyof HttpPlan]?: HttpPlan[K] | undefined },
): HttpPlan {
  const over = <T>(override: T | undefined, own: T | undefined, fallback: T): T => override ?? own ?? fallback;
  return {
    discardResponseBodies: over(
      overrides.discardResponseBodies,
      options.discardResponseBodies,
      HTTP_DEFAULTS.discardResponseBodies,
    ),
    insecureSkipTlsVerify: over(
      overrides.insecureSkipTlsVerify,
      options.insecureSkipTLSVerify,
      HTTP_DEFAULTS.insecureSkipTlsVerify,
    ),
    noConnectionReuse: over(overrides.noConnectionReuse, options.noConnectionReuse, HTTP_DEFAULTS.noConnectionReuse),
    noVuConnectionReuse: over(
      overrides.noVuConnectionReuse,
      options.noVUConnectionReuse,
      HTTP_DEFAULTS.noVuConnectionReuse,
    ),
    noCookiesReset: over(overrides.noCookiesReset, options.noCookiesReset, HTTP_DEFAULTS.noCookiesReset),
    maxRedirects: over(overrides.maxRedirects, options.maxRedirects, HTTP_DEFAULTS.maxRedirects),
    batch: over(overrides.batch, options.batch, HTTP_DEFAULTS.batch),
    batchPerHost: over(overrides.batchPerHost, options.batchPerHost, HTTP_DEFAULTS.batchPerHost),
    userAgent: over(overrides.userAgent, options.userAgent, HTTP_DEFAULTS.userAgent),
    connectTimeoutMs: over(overrides.connectTimeoutMs, options.connectTimeout, HTTP_DEFAULTS.connectTimeoutMs),
    hosts: over(overrides.hosts, options.hosts, HTTP_DEFAULTS.hosts),
    dns: over(overrides.dns, dnsOf(options), HTTP_DEFAULTS.dns),
    tlsAuth: over(
      overrides.tlsAuth,
      options.tlsAuth?.map(({ cert, key, password = "", domains = [] }) => ({ cert, key, password, domains })),
      HTTP_DEFAULTS.tlsAuth,
    ),
    tlsCaCerts: over(overrides.tlsCaCerts, options.tlsCACerts, HTTP_DEFAULTS.tlsCaCerts),
    tlsVersionMin: over(overrides.tlsVersionMin, options.tlsVersion?.min, HTTP_DEFAULTS.tlsVersionMin),
    tlsVersionMax: over(overrides.tlsVersionMax, options.tlsVersion?.max, HTTP_DEFAULTS.tlsVersionMax),
  };
}

function dnsOf(options: HttpOptions): HttpPlan["dns"] {
  const { ttl, select, policy } = options.dns ?? {};
  return {
    ttlMs: Math.min(ttl ?? HTTP_DEFAULTS.dns.ttlMs, DURATION_MS_MAX),
    select: select ?? HTTP_DEFAULTS.dns.select,
    policy: policy ?? HTTP_DEFAULTS.dns.policy,
  };
}
