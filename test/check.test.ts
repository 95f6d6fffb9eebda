// Goal: the check's last line tells the truth about a JUnit file. Method: reports as the test runner writes them.

import { expect, test } from "bun:test";
import { countTests } from "../.ci/check.ts";

test("passed, failed, broken and skipped tests are told apart, and what the failed ones said is kept", () => {
  const report = `<?xml version="1.0"?><testsuites tests="5"><testsuite name="a">
    <testcase name="one &gt; two" time="0.1" />
    <testcase name="three &quot;&amp;lt;&quot;" file="a.test.ts" line="7"><failure type="Error" message="m">Error: 1 &lt; 2&#10;Expected: 3&#10;</failure></testcase>
    <testcase name="four" file="b.test.ts" line="1"><error message="boom" /></testcase>
    <testcase name="five"><skipped /></testcase>
    <testcase name="six"></testcase>
  </testsuite></testsuites>`;
  expect(countTests(report)).toEqual({
    passed: 2,
    skipped: 1,
    failures: ['a.test.ts:7 three "&lt;"\n    Error: 1 < 2\n    Expected: 3', "b.test.ts:1 four\n    boom"],
  });
});

test("a report of nothing counts nothing", () => {
  expect(countTests('<testsuites tests="0"></testsuites>')).toEqual({ passed: 0, skipped: 0, failures: [] });
});
