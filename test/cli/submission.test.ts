// Goal: a submit follows its job: what goes to stdout, stderr and files, what signals do, and which exit code comes
// out. Method: real files and a real evaluation of the workflow, with a job whose events and ending the test decides.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "../../src/cli/args.ts";
import { COMMON_OPTIONS, Invocation, type OptionTable } from "../../src/cli/command.ts";
import { options as submitOptions } from "../../src/cli/commands/submit.ts";
import type { JobStart, StartJob } from "../../src/cli/embedded.ts";
import { resolveSettings } from "../../src/cli/settings.ts";
import { submit } from "../../src/cli/submission.ts";
import { isUrl } from "../../src/cli/url.ts";
import { HyperscaleError } from "../../src/base/error.ts";
import { createWorld } from "../../src/io/real-world.ts";
import type { JobResult } from "../../src/load/result.ts";
import type { ClientEvent } from "../../src/node/messages.ts";
import { jobView } from "../tui/views.ts";
import { ExitCalled, fakeTerminal, type FakeTerminal } from "./fake-terminal.ts";

const TABLE: OptionTable = { ...submitOptions, ...COMMON_OPTIONS };
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hyperscale-submit-"));
  await writeFile(
    join(folder, "test.ts"),
    `
    export const options = { vus: 2, duration: "3s", thresholds: { checks: ["rate>0.5"] } };
    export function setup() {}
    export default async () => {};`,
  );
  await writeFile(join(folder, "load.json"), JSON.stringify({ vus: 7 }));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** How the pretended job goes. `onCancel`: what a graceful cancel ends in; without it, it never ends. */
type Course = {
  readonly events?: readonly ClientEvent[];
  readonly ending?: Partial<JobResult>;
  readonly isEndless?: boolean;
  readonly onCancel?: Partial<JobResult>;
};

type Ended = {
  readonly code: number;
  readonly terminal: FakeTerminal;
  readonly start: JobStart | null;
  readonly cancels: number;
};

async function run(
  args: readonly string[],
  course: Course = {},
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly isTerminal?: boolean;
    /** Of the folder, or a URL; test.ts unless stated. */
    readonly file?: string;
    readonly during?: (terminal: FakeTerminal) => void;
  } = {},
): Promise<Ended> {
  const terminal = fakeTerminal([], { directory: folder, isTerminal: options.isTerminal ?? false });
  const { file = "test.ts" } = options;
  const typed = [isUrl(file) ? file : join(folder, file), ...args];
  const settings = resolveSettings({
    table: TABLE,
    args: parseArgs(TABLE, typed),
    env: options.env ?? {},
    config: null,
  });
  let started: JobStart | null = null;
  let cancels = 0;
  const start: StartJob = (job, onEvent) => {
    started = job;
    const { promise, resolve } = Promise.withResolvers<JobResult>();
    for (const event of course.events ?? []) onEvent(event);
    if (course.isEndless !== true) resolve(resultOf(job, course.ending ?? {}));
    else queueMicrotask(() => options.during?.(terminal));
    return {
      survives: false,
      accepted: Promise.resolve("job-1"),
      cancel: () => {
        cancels++;
        if (course.onCancel !== undefined) resolve(resultOf(job, course.onCancel));
      },
      result: promise,
    };
  };
  const code = await submit(new Invocation(settings, terminal, async () => createWorld()), start);
  return { code, terminal, start: started, cancels };
}

function resultOf({ plan }: JobStart, changes: Partial<JobResult>): JobResult {
  return {
    id: "job-1",
    state: "completed",
    reason: "",
    errorCode: null,
    startedAtEpochMs: 1_700_000_000_000,
    durationMs: 3_000,
    plan,
    workflows: [],
    thresholds: [],
    late: 0,
    reruns: 0,
    unreportedMax: 0,
    disturbed: [],
    pauses: [],
    cores: [],
    loopLagMsP99: 0,
    warnings: [],
    errors: [],
    ...changes,
  };
}

const VIEW: ClientEvent = { kind: "view", view: jobView({ elapsedMs: 1_400 }) };
const LATER: ClientEvent = { kind: "view", view: jobView({ elapsedMs: 2_400 }) };

describe("streams", () => {
  test("the summary goes to stdout; banner, progress and log to stderr", async () => {
    const log: ClientEvent = { kind: "log", level: "warn", workflow: "browse", text: "careful" };
    const { code, terminal } = await run([], { events: [VIEW, log, VIEW, LATER] });
    expect(code).toBe(0);
    expect(terminal.stdout()).toContain("completed after 3s");
    expect(terminal.stdout()).not.toMatch(/running \(|careful|looping VUs/);
    expect(terminal.stderr()).toContain("* default: 2 looping VUs for 3s");
    expect(terminal.stderr()).toContain("warn  browse: careful\n");
    expect(terminal.stderr().match(/^running \(/gm)).toHaveLength(2);
  });

  test("what setup and teardown log is told under their names", async () => {
    const said = (workflow: string): ClientEvent => ({ kind: "log", level: "info", workflow, text: "here" });
    const { terminal } = await run(["-q"], { events: [said("::setup"), said("::teardown")] });
    expect(terminal.stderr()).toBe("info  setup: here\ninfo  teardown: here\n");
  });

  test("--quiet leaves banner and progress out, not the log", async () => {
    const { terminal } = await run(["-q"], {
      events: [VIEW, { kind: "log", level: "error", workflow: "", text: "ouch" }],
    });
    expect(terminal.stderr()).toBe("error ouch\n");
    expect(terminal.stdout()).toContain("completed");
  });

  test("--json prints the summary document and nothing else", async () => {
    const { terminal } = await run(["--json"]);
    expect(JSON.parse(terminal.stdout())).toMatchObject({ version: 1, job: { id: "job-1", state: "completed" } });
  });

  test("debug lines of the test are shown with --verbose only", async () => {
    const events: readonly ClientEvent[] = [{ kind: "log", level: "debug", workflow: "a", text: "detail" }];
    expect((await run([], { events })).terminal.stderr()).not.toContain("detail");
    expect((await run(["-v"], { events })).terminal.stderr()).toContain("detail");
  });

  test("colour is used on a terminal alone, and never against NO_COLOR or --no-color", async () => {
    const colored = async (args: readonly string[], isTerminal: boolean): Promise<boolean> => {
      const { terminal } = await run(args, {}, { isTerminal });
      return /\x1b\[\d+m/.test(terminal.stdout());
    };
    expect(await colored([], true)).toBe(true);
    expect(await colored([], false)).toBe(false);
    expect(await colored(["--no-color"], true)).toBe(false);
  });

  test("a live view gives the cursor back", async () => {
    const { terminal } = await run([], { events: [VIEW] }, { isTerminal: true });
    expect(terminal.stderr()).toContain("\x1b[?25l");
    expect(terminal.stderr().lastIndexOf("\x1b[?25h")).toBeGreaterThan(terminal.stderr().lastIndexOf("\x1b[?25l"));
  });
});

describe("exit codes", () => {
  for (const [errorCode, exit] of [
    ["setup-timeout", 100],
    ["teardown-timeout", 101],
    ["cancelled", 103],
    ["interrupted", 105],
    ["load", 107],
    ["aborted", 108],
    ["failed", 110],
    ["thresholds", 99],
  ] as const) {
    test(`${errorCode} is ${exit}, with the reason on stderr and the summary printed`, async () => {
      const { code, terminal } = await run([], { ending: { state: "failed", errorCode, reason: "because of this" } });
      expect(code).toBe(exit);
      expect(terminal.stderr()).toContain("error: because of this\n");
      expect(terminal.stdout()).not.toBe("");
    });
  }

  test("a failed threshold of a completed job is 99 and named", async () => {
    const { code, terminal } = await run([], {
      ending: { thresholds: [{ metricKey: "checks", expression: "rate>0.5", ok: false, value: 0.1 }] },
    });
    expect(code).toBe(99);
    expect(terminal.stderr()).toContain("error: thresholds failed: checks rate>0.5\n");
  });
});

describe("options reach the job", () => {
  test("schedule, environment, tags, thresholds, http", async () => {
    const { start } = await run([
      "-u",
      "5",
      "-d",
      "9s",
      "-e",
      "A=1",
      "-e",
      "B=x=y",
      "--tag",
      "t=u",
      "--threshold",
      "http_reqs:count>1",
      "-k",
      "--user-agent",
      "me",
      "--max-redirects",
      "3",
      "--no-setup",
      "--cores",
      "1",
      "--memory-max",
      "1GiB",
      "--id",
      "my-job",
      "--summary-trend-stats",
      "avg,p(99)",
    ]);
    expect(start).toMatchObject({ id: "my-job", cores: 1, memoryMaxBytes: 2 ** 30 });
    const plan = start?.plan;
    expect(plan?.workflows[0]?.executor).toEqual({ kind: "constant-vus", vus: 5, durationMs: 9_000 });
    expect(plan?.env).toEqual({ A: "1", B: "x=y" });
    expect(plan?.tags).toEqual({ t: "u" });
    expect(plan?.thresholds.map((threshold) => threshold.expression)).toEqual(["rate>0.5", "count>1"]);
    expect(plan?.http).toMatchObject({
      insecureSkipTlsVerify: true,
      userAgent: "me",
      maxRedirects: 3,
      noConnectionReuse: false,
    });
    expect(plan?.setup).toBeNull();
    expect(plan?.summaryTrendStats).toEqual(["avg", "p(99)"]);
  });

  test("a variable is used where no flag is, and --no-thresholds drops them all", async () => {
    const { start } = await run(["--no-thresholds"], {}, { env: { HYPERSCALE_VUS: "4" } });
    expect(start?.plan.workflows[0]?.executor).toMatchObject({ vus: 4 });
    expect(start?.plan.thresholds).toEqual([]);
    expect(start?.plan.setup).not.toBeNull();
    expect(start).toMatchObject({ id: null, cores: 2, memoryMaxBytes: null });
  });

  test("more cores than there are is warned about, and taken", async () => {
    const most = await run(["--cores", "2"]);
    expect(most.terminal.stderr()).not.toContain("more than");
    const { start, terminal } = await run([], {}, { env: { HYPERSCALE_CORES: "64" } });
    expect(start?.cores).toBe(64);
    expect(terminal.stderr()).toContain("HYPERSCALE_CORES: 64 is more than the 2 cores there are");
  });

  test("a boolean that says false wins over the file's true, wherever it stands", async () => {
    const options = "{ noConnectionReuse: true, discardResponseBodies: true, insecureSkipTLSVerify: true }";
    await writeFile(join(folder, "http.ts"), `export const options = ${options}; export default () => {};`);
    const env = { HYPERSCALE_DISCARD_RESPONSE_BODIES: "no" };
    const { start } = await run(["--no-connection-reuse=false"], {}, { file: "http.ts", env });
    expect(start?.plan.http).toMatchObject({
      noConnectionReuse: false,
      discardResponseBodies: false,
      insecureSkipTlsVerify: true,
    });
  });

  test("--rate with --max-vus", async () => {
    const { start } = await run(["--rate", "100/s", "-d", "5s", "--max-vus", "30"]);
    expect(start?.plan.workflows[0]?.executor).toMatchObject({
      kind: "constant-arrival-rate",
      rate: 100,
      durationMs: 5_000,
      preAllocatedVus: 2,
      maxVus: 30,
    });
  });
});

test("a header that is given twice for a URL is sent with both values", async () => {
  const headers = ["-H", "Accept: a/b", "-H", "Accept: c/d", "-H", "Cookie: k=1", "-H", "cookie: l=2"];
  const { start } = await run(headers, {}, { file: "http://127.0.0.1:9/" });
  expect(start?.bundle.code).toContain("a/b, c/d");
  expect(start?.bundle.code).toContain("k=1; l=2");
});

test("the body of a URL is a text or a file that can be read, the method any token", async () => {
  const file = "http://127.0.0.1:9/";
  await writeFile(join(folder, "body.txt"), "from a file");
  const code = async (...args: readonly string[]): Promise<string> =>
    (await run(args, {}, { file })).start?.bundle.code ?? "";
  expect(await code("-b", "text")).toContain('"text"');
  expect(await code("-b", "@body.txt", "-X", "m-search")).toMatch(/fromBase64\("ZnJvbSBhIGZpbGU="\)[^]*"M-SEARCH"/);
  for (const [args, message] of [
    [["-b", "@nowhere"], /^-b: cannot read .*nowhere: no such file or folder/],
    [["--data", "@"], /^--data: "@" names no file/],
    [["-X", "G ET"], /^-X: "G ET" is no method/],
  ] as const) {
    const failure = await run(args, {}, { file }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "invalid", message: expect.stringMatching(message) });
  }
});

test("what says something about a cluster is said to say nothing where the job runs here", async () => {
  const { terminal } = await run(["--key-file", "k"], {}, { env: { HYPERSCALE_ENVIRONMENT: "e" } });
  for (const source of ["--key-file", "HYPERSCALE_ENVIRONMENT"])
    expect(terminal.stderr()).toContain(`${source} says nothing here: without --managers the job runs in this process`);
});

describe("refused before anything starts", () => {
  const cases: readonly (readonly [args: readonly string[], code: string, message: RegExp])[] = [
    [["-u", "many"], "invalid", /^-u: "many"/],
    [["--cores", "0"], "invalid", /^--cores: "0"/],
    [["--cores", "5000"], "invalid", /^--cores: "5000"/],
    [["--memory-max", "much"], "invalid", /^--memory-max: "much"/],
    [["--id", "a b"], "invalid", /^--id: "a b"/],
    [["-e", "A"], "invalid", /^-e: "A" has no "="/],
    [["-e", "=A"], "invalid", /^-e: "=A" has no name/],
    [["--summary-trend-stats", "avg,foo"], "invalid", /^--summary-trend-stats: "foo" is no column/],
    [["--max-vus", "9"], "invalid", /^--max-vus: "9" goes with an arrival rate/],
    [
      ["--rate", "100/s", "-d", "5s", "-u", "50", "--max-vus", "30"],
      "invalid",
      /^--max-vus: "30" is fewer than the 50/,
    ],
    [["-X", "POST"], "invalid", /^-X: "POST"/],
    [["-o", "xml=f"], "invalid", /^-o: "xml=f": no output of kind "xml"/],
    [["--summary-export", ""], "invalid", /^--summary-export: "" is no file/],
    [["--html="], "invalid", /^--html: "" is no file/],
    [["--managers", ""], "invalid", /^--managers: "" names no node/],
    [["--managers", ",", "--detach"], "invalid", /^--managers: "" names no node/],
    [["--detach"], "invalid", /^--detach leaves the job to a cluster, and there is none/],
    [["-o", "csv=a", "-o", "json=a"], "invalid", /^-o: "json=a" is written by another option/],
    [
      ["-o", "json=a.json", "--summary-export", "a.json"],
      "invalid",
      /^--summary-export: "a.json" is written by another option/,
    ],
    [["--summary-export", "-"], "invalid", /^--summary-export: "-" would be a file named -/],
    [["-o", "json=-"], "invalid", /^-o: "json=-" would be a file named -/],
    [["--html", "nowhere/report.html"], "storage", /cannot write .*nowhere\/report.html: no such file or folder/],
    [["-o", "csv=nowhere/o.csv"], "storage", /cannot write .*nowhere\/o.csv/],
  ];
  for (const [args, code, message] of cases) {
    test(args.join(" "), async () => {
      const failure = await run(args).then(
        () => null,
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(HyperscaleError);
      if (!(failure instanceof HyperscaleError)) return;
      expect(failure.code).toBe(code === "storage" ? "storage" : "invalid");
      expect(failure.message).toMatch(message);
    });
  }
});

describe("files", () => {
  test("summary, page and outputs are written, and relative to the working directory", async () => {
    const before = new Set(await readdir(folder));
    await run(["--summary-export", "s.json", "--html", "r.html", "-o", "csv=o.csv"], {
      events: [{ kind: "second", window: { second: 0, epochMs: 0, vus: 2, vusMax: 2, series: [] } }],
    });
    expect((await readdir(folder)).filter((name) => !before.has(name)).sort()).toEqual(["o.csv", "r.html", "s.json"]);
    expect(JSON.parse(await readFile(join(folder, "s.json"), "utf8"))).toMatchObject({ version: 1 });
    expect(await readFile(join(folder, "r.html"), "utf8")).toStartWith("<!doctype html>");
    expect(await readFile(join(folder, "o.csv"), "utf8")).toMatch(/^metric_name,[^\n]*\nvus,/);
  });

  test("a full disk at the end costs its file, not the summary nor the other files: 74", async () => {
    const { code, terminal } = await run(["--summary-export", "/dev/full", "--html", "kept.html"]);
    expect(code).toBe(74);
    expect(terminal.stderr()).toContain("error: cannot write /dev/full: no space left on the disk\n");
    expect(terminal.stdout()).toContain("completed");
    expect(await readFile(join(folder, "kept.html"), "utf8")).toStartWith("<!doctype html>");
  });

  test("a failed job with a failed file ends with the job's code", async () => {
    const { code } = await run(["--summary-export", "/dev/full"], {
      ending: { state: "aborted", errorCode: "aborted", reason: "stop" },
    });
    expect(code).toBe(108);
  });
});

describe("signals", () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`the first ${signal} cancels gracefully, the summary is printed, the exit code is the job's`, async () => {
      const { code, terminal, cancels } = await run(
        [],
        {
          isEndless: true,
          onCancel: { state: "cancelled", errorCode: "interrupted", reason: "interrupted by the user" },
        },
        {
          during: (during) => during.interrupt(signal),
        },
      );
      expect(cancels).toBe(1);
      expect(code).toBe(105);
      expect(terminal.stdout()).not.toBe("");
      expect(terminal.listeners()).toBe(0);
    });
  }

  test("the second leaves at once with 105", async () => {
    const left = Promise.withResolvers<FakeTerminal>();
    void run(
      [],
      { isEndless: true },
      {
        during: (terminal) => {
          terminal.interrupt("SIGINT");
          expect(terminal.exits).toEqual([]);
          expect(() => terminal.interrupt("SIGINT")).toThrow(ExitCalled);
          left.resolve(terminal);
        },
      },
    );
    expect((await left.promise).exits).toEqual([105]);
  });
});

test("a bare number of --duration or --stage is said to be milliseconds, handleSummary to be nobody's", async () => {
  const bare = await run(["-d", "10"]);
  expect(bare.terminal.stderr()).toContain("-d: 10 without a unit is 10 ms; for seconds write 10s\n");
  expect((await run(["-s", "30:10,0:1"])).terminal.stderr()).toMatch(/-s: 30 without a unit is 30 ms.*\n(?!.*unit)/);
  expect((await run(["-d", "10ms"])).terminal.stderr()).not.toContain("without a unit");
  await writeFile(join(folder, "k6.ts"), "export default () => {};\nexport function handleSummary() { return {}; }\n");
  const ported = await run([], {}, { file: "k6.ts" });
  expect(ported.terminal.stderr()).toContain("handleSummary is not called: --summary-export");
});
