// Options k6 has and this program does not: those that change nothing are dropped with a warning, those whose loss
// would change the test are refused with what to do instead. Source: k6's options reference.

import { addProblem } from "./problems.ts";
import type { Place } from "./problems.ts";

/** Dropped: why nothing is lost. */
const IGNORED: Readonly<Record<string, string>> = {
  cloud: "there is no cloud service",
  ext: "it configures k6's services",
  linger: "there is no server to keep open",
  metricSamplesBufferSize: "samples are not buffered",
  noUsageReport: "no usage is ever reported",
  summaryTimeUnit: "the summary picks units itself",
  systemTags: "every tag is kept",
};

/** Refused: what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  blacklistIPs: 'point "hosts" elsewhere, or block the addresses outside',
  blockHostnames: 'point "hosts" elsewhere, or block the names outside',
  executionSegment: "work is dealt over cores and workers: use --cores or --managers",
  executionSegmentSequence: "work is dealt over cores and workers: use --cores or --managers",
  exec: "it is an option of a scenario; a workflow runs its own run()",
  httpDebug: "print what you need with console.log",
  localIPs: "requests leave from the address the system picks",
  paused: "start the test when you want it to run",
  rps: "use the constant-arrival-rate executor",
  options: "browser scenarios are not supported",
  throw: "check response.error, or throw yourself",
  tlsCipherSuites: 'choose versions with "tlsVersion"',
};

/** Options without the ones only k6 has, each said in warnings or problems. What is no object is returned as it is. */
export function withoutK6Options(options: unknown, known: Readonly<Record<string, unknown>>, place: Place): unknown {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return options;
  const kept: [string, unknown][] = [];
  for (const [name, value] of Object.entries(options)) {
    const isOurs = Object.hasOwn(known, name);
    if (!isOurs && Object.hasOwn(IGNORED, name)) {
      place.warnings.push(`${place.where}: "${name}" is ignored: ${IGNORED[name]}`);
    } else if (!isOurs && Object.hasOwn(REFUSED, name)) {
      addProblem(place, `"${name}" is not supported`, REFUSED[name]);
    } else {
      kept.push([name, value]);
    }
  }
  return Object.fromEntries(kept);
}
