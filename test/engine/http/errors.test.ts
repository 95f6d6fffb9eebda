// Goal: every code of the table is unique and k6's where k6 has it, and system errors land in their row.
// Method: tables.

import { describe, expect, test } from "bun:test";
import {
  HTTP_ERRORS,
  codeOfStatus,
  failureOfDial,
  failureOfLookup,
  failureOfSocket,
  failureOfTls,
  isCertificateError,
  isSocketError,
} from "../../../src/engine/http/errors.ts";

const withCode = (code: string, message = "m"): Error => Object.assign(new Error(message), { code });

test("codes are unique and k6's where k6 has them", () => {
  const codes = Object.values(HTTP_ERRORS).map((row) => row.code);
  expect(new Set(codes).size).toBe(codes.length);
  const {
    generic,
    network,
    invalidUrl,
    timeout,
    dns,
    noSuchHost,
    tcp,
    brokenPipe,
    tcpUnknown,
    dial,
    dialTimeout,
    refused,
    reset,
    tls,
    unknownAuthority,
    wrongHost,
  } = HTTP_ERRORS;
  expect(
    [
      generic,
      network,
      invalidUrl,
      timeout,
      dns,
      noSuchHost,
      tcp,
      brokenPipe,
      tcpUnknown,
      dial,
      dialTimeout,
      refused,
      reset,
      tls,
      unknownAuthority,
      wrongHost,
    ].map((row) => row.code),
  ).toEqual([1000, 1010, 1020, 1050, 1100, 1101, 1200, 1201, 1202, 1210, 1211, 1212, 1220, 1300, 1310, 1311]);
});

test("a status is its code plus 1000 from 400 on", () => {
  expect([200, 399, 400, 404, 499, 500, 599, 600].map(codeOfStatus)).toEqual([0, 0, 1400, 1404, 1499, 1500, 1599, 0]);
});

describe("system errors", () => {
  test("of dialling", () => {
    expect(
      ["ECONNREFUSED", "ETIMEDOUT", "ECONNRESET", "EHOSTUNREACH"].map((code) => failureOfDial(withCode(code)).kind),
    ).toEqual(["refused", "dialTimeout", "reset", "dial"]);
    expect(failureOfDial(withCode("ENETUNREACH", "no route")).cause).toBe("ENETUNREACH no route");
    expect(failureOfDial(withCode("ERR_OSSL_BAD_DECRYPT", "error:1e000065:x:OPENSSL_internal:BAD_DECRYPT"))).toEqual({
      kind: "tls",
      cause: "what tlsAuth or tlsCACerts give cannot be used: BAD_DECRYPT",
    });
    expect(failureOfDial(withCode("ECONNREFUSED"), () => false)).toEqual({
      kind: "dial",
      cause: "this process has no file descriptor left: raise ulimit -n, or use fewer VUs",
    });
    expect(failureOfDial("odd")).toEqual({ kind: "dial", cause: "odd" });
  });

  test("of looking up", () => {
    expect(["ENOTFOUND", "EAI_AGAIN", "ETIMEOUT"].map((code) => failureOfLookup(withCode(code)).kind)).toEqual([
      "noSuchHost",
      "dns",
      "dns",
    ]);
  });

  test("of open connections", () => {
    expect(["ECONNRESET", "EPIPE", "EPROTO", "EIO"].map((code) => failureOfSocket(withCode(code)).kind)).toEqual([
      "reset",
      "brokenPipe",
      "tls",
      "tcpUnknown",
    ]);
  });

  test("of TLS, certificates apart from broken handshakes", () => {
    const certificate = [
      "ERR_TLS_CERT_ALTNAME_INVALID",
      "CERT_HAS_EXPIRED",
      "CERT_NOT_YET_VALID",
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "CERT_REVOKED",
    ];
    expect(certificate.map((code) => failureOfTls(withCode(code)).kind)).toEqual([
      "wrongHost",
      "expired",
      "expired",
      "unknownAuthority",
      "unknownAuthority",
      "tls",
    ]);
    expect(certificate.every((code) => isCertificateError(withCode(code)))).toBe(true);
    expect(
      [withCode("EPROTO"), withCode("ECONNRESET"), withCode("ERR_SSL_X"), new Error("x"), null].some(
        isCertificateError,
      ),
    ).toBe(false);
    expect(
      failureOfTls(withCode("EPROTO", "error:1000042e:SSL routines:OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION"))
        .cause,
    ).toBe("TLSV1_ALERT_PROTOCOL_VERSION");
  });

  test("an exception of the program is none of them", () => {
    expect([isSocketError(withCode("EPROTO")), isSocketError(new TypeError("bug"))]).toEqual([true, false]);
  });
});
