// Goal: a URL is sent as written, known ones are found again, and wrong ones are named. Method: tables; the quick way
// (an origin met before) against the full parser.

import { describe, expect, test } from "bun:test";
import { TargetTable } from "../../../src/engine/http/url.ts";

describe("targets", () => {
  for (const [url, label, path, hostHeader] of [
    ["http://h.test", "h.test:80", "/", "h.test"],
    ["http://h.test?q", "h.test:80", "/?q", "h.test"],
    ["https://h.test/a", "h.test:443", "/a", "h.test"],
    ["https://h.test:80/a", "h.test:80", "/a", "h.test:80"],
    ["http://H.Test:8080/A?b=%20", "h.test:8080", "/A?b=%20", "h.test:8080"],
    ["http://[::1]:81/", "[::1]:81", "/", "[::1]:81"],
    ["http://münchen.test/", "xn--mnchen-3ya.test:80", "/", "xn--mnchen-3ya.test"],
    ["http://h.test/a/../b", "h.test:80", "/b", "h.test"],
  ] as const) {
    test(url, () => {
      const target = new TargetTable().get(url);
      expect([target.origin.label, target.path, target.origin.hostHeader]).toEqual([label, path, hostHeader]);
    });
  }

  test("credentials and fragment leave the URL; the rest stays as written", () => {
    const table = new TargetTable();
    expect(table.get("http://u:p@h.test:80/a#b")).toMatchObject({
      url: "http://h.test/a",
      credentials: { user: "u", password: "p" },
    });
    expect(table.get("http://h.test").url).toBe("http://h.test");
  });

  test("one origin is one object, whatever the path; a known URL is the same target", () => {
    const table = new TargetTable();
    const first = table.get("http://h.test/a");
    expect(table.get("http://h.test/b").origin).toBe(first.origin);
    expect(table.get("http://H.test/c").origin).toBe(first.origin);
    expect(table.get("http://h.test/a")).toBe(first);
    expect(table.get("https://h.test/a").origin).not.toBe(first.origin);
    expect(table.get("http://h.test:81/a").origin).not.toBe(first.origin);
  });

  test("the quick way agrees with the full parser", () => {
    const quick = new TargetTable();
    quick.get("http://h.test:8080/");
    for (const path of [
      "/",
      "/a/b.c",
      "/a?b=c&d=%20",
      "/./a",
      "/../a",
      "/a b",
      "/ü",
      "/a#b",
      "/a\\b",
      "//double",
      "/a?b#c",
      "/{x}",
      '/"',
      "/a:b@c",
      "/a\tb",
      "/..hidden",
      "/%2e%2e/a",
    ]) {
      const url = `http://h.test:8080${path}`;
      expect([path, quick.get(url).path, quick.get(url).url]).toEqual([
        path,
        new TargetTable().get(url).path,
        new TargetTable().get(url).url,
      ]);
    }
  });

  test("the table is bounded", () => {
    const table = new TargetTable();
    const first = table.get("http://h.test/0");
    for (let at = 1; at <= 10_000; at++) table.get(`http://h.test/${at}`);
    expect(table.get("http://h.test/0")).not.toBe(first);
    expect(table.get("http://h.test/0").origin).toBe(first.origin);
  });
});

describe("locations", () => {
  test("are taken from the URL that was asked", () => {
    const table = new TargetTable();
    const base = table.get("https://h.test/a/b?c");
    expect(
      ["/x", "y", "?z", "//other.test/o", "http://h.test/", "#f"].map((location) => table.resolve(location, base).url),
    ).toEqual([
      "https://h.test/x",
      "https://h.test/a/y",
      "https://h.test/a/b?z",
      "https://other.test/o",
      "http://h.test/",
      "https://h.test/a/b?c",
    ]);
    expect(() => table.resolve("http://:bad", base)).toThrow(/Location "http:\/\/:bad"/);
    expect(() => table.resolve("mailto:x@y", base)).toThrow(/scheme/);
  });
});
