// Goal: the check's last line tells the truth about a JUnit file. Method: reports as the test runner writes them.

import { expect, test } from "bun:test";
import { countTests } from "../.ci/check.ts";

test("passed, failed, broken and skipped tests are told apart", () => {
  const report = `<?xml version="1.0"?><testsuites tests="5"><testsuite name="a">
    <testcase name="one &gt; two" time="0.1" />
    <testcase name="three"><failure type="AssertionError">expected</failure></testcase>
    <testcase name="four"><error message="boom" /></testcase>
    <testcase name="five"><skipped /></testcase>
    <testcase name="six"></testcase>
  </testsuite></testsuites>`;
  expect(countTests(report)).toEqual({ passed: 2, failed: 2, skipped: 1 });
});

test("a report of nothing counts nothing", () => {
  expect(countTests('<testsuites tests="0"></testsuites>')).toEqual({ passed: 0, failed: 0, skipped: 0 });
});
