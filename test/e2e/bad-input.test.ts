// Goal: everything a person can get wrong ends in a clear message that names the thing, the right exit code, and,
// where a run had begun, a summary. Method: the built executable on each wrong input; one test an item. Servers and
// certificates that misbehave are in bad-server.test.ts, code that misbehaves in bad-code.test.ts.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freshDir, removeDirs, run, submit, submitArgs, type Run } from "./run.ts";

setDefaultTimeout(60_000);
afterAll(removeDirs);
const NOTHING = "export default async () => {};";

/** The run ended with `exitCode`, said every one of `words` on stderr, and showed no stack of ours. */
function refused(ended: Run, exitCode: number, ...words: readonly (string | RegExp)[]): void {
  for (const word of words) expect(ended.stderr).toMatch(word);
  expect(ended.exitCode).toBe(exitCode);
  expect(ended.output).not.toMatch(/\$bunfs|at \S+ \(\S*src\//);
}

/** Whether this machine lets us mount a file system. */
function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const dir = freshDir();
  if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", dir]).exitCode !== 0) return false;
  Bun.spawnSync(["umount", dir]);
  return true;
}

/** `options` of a file whose default function does nothing. */
function withOptions(options: string): string {
  return `export const options = ${options};\n${NOTHING}`;
}

describe("the workflow file", () => {
  test.concurrent("a missing file is named: exit 107", async () => {
    refused(
      await submitArgs(["nowhere/missing.ts"]),
      107,
      "nowhere/missing.ts",
      /no such file|not found|does not exist|cannot/i,
    );
  });

  test.concurrent("a directory in place of a file: exit 107", async () => {
    refused(await submitArgs(["folder"], { files: { "folder/readme": "x" } }), 107, "folder", /director|folder/i);
  });

  test.concurrent("a syntax error is shown as file:line:column: exit 107", async () => {
    const source = `export const options = { vus: 1 };\nexport default async ({ http }) => {\n  const = 5;\n};\n`;
    refused(await submit(source), 107, /test\.ts:3:9/);
  });

  test.concurrent("a syntax error in an imported file names that file: exit 107", async () => {
    const source = `import { wrong } from "./lib/wrong.ts";\nexport default async () => { wrong(); };`;
    refused(
      await submit(source, [], { files: { "lib/wrong.ts": "export function wrong( {\n  return }\n" } }),
      107,
      /wrong\.ts:\d+:\d+/,
    );
  });

  test.concurrent("an import that does not resolve is named, with its importer: exit 107", async () => {
    refused(
      await submit(`import { pick } from "no-such-package";\nexport default async () => { pick(); };`),
      107,
      "no-such-package",
      "test.ts",
    );
    refused(
      await submit(`import { pick } from "./no-such-file.ts";\nexport default async () => { pick(); };`),
      107,
      "no-such-file",
      "test.ts",
    );
  });

  test.concurrent("a module that throws at its top is shown with message and place: exit 107", async () => {
    refused(
      await submit(`const limit = 3;\nthrow new Error("broken at the top");\nexport default async () => {};`),
      107,
      "broken at the top",
      "test.ts",
    );
  });

  test.concurrent("a module whose top never ends is given up: exit 107", async () => {
    refused(
      await submit(`while (true) {}\nexport default async () => {};`),
      107,
      /10 ?s|too long|did not finish|time/i,
    );
  });

  test.concurrent("a file without anything to run: exit 107 or 104, and what to export is said", async () => {
    const ended = await submit(`export const options = { vus: 1 };`);
    expect(ended.stderr).toMatch(/default/);
    expect([104, 107]).toContain(ended.exitCode ?? 0);
  });

  test.concurrent("open() and data() of a missing file name it: exit 107", async () => {
    refused(
      await submit(`import { data } from "hyperscale";\nconst rows = data("./users.csv");\n${NOTHING}`),
      107,
      "users.csv",
    );
    refused(
      await submit(`import { open } from "hyperscale";\nconst text = open("./body.txt");\n${NOTHING}`),
      107,
      "body.txt",
    );
  });

  test.concurrent("a scenario whose exec is not exported is named: exit 104 or 107", async () => {
    const ended = await submit(
      withOptions(`{ scenarios: { buy: { executor: "shared-iterations", exec: "purchase" } } }`),
    );
    expect(ended.stderr).toContain("purchase");
    expect([104, 107]).toContain(ended.exitCode ?? 0);
  });
});

describe("the command line", () => {
  test.concurrent("an unknown option is answered with the one that was meant: exit 2", async () => {
    refused(await submit(NOTHING, ["--durtion", "5s"]), 2, "--durtion", /did you mean/i, "--duration");
  });

  test.concurrent("an unknown command is answered with the one that was meant: exit 2", async () => {
    refused(await run(["submitt", "test.ts"]), 2, "submitt", /did you mean/i, "submit");
  });

  test.concurrent("an option without its value: exit 2", async () => {
    refused(
      await run(["submit", "test.ts", "--duration"], { files: { "test.ts": NOTHING } }),
      2,
      "--duration",
      /value/i,
    );
  });

  test.concurrent("submit without a file: exit 2", async () => {
    refused(await run(["submit"]), 2, /file/i);
  });

  test.concurrent("values that are none: exit 104", async () => {
    refused(await submit(NOTHING, ["--vus", "many"]), 104, "vus", "many");
    refused(await submit(NOTHING, ["--duration", "soon"]), 104, "duration", "soon");
    refused(await submit(NOTHING, ["-s", "10:30s"]), 104, /stage/i, "10:30s");
    refused(await submit(NOTHING, ["--rate", "fast"]), 104, "rate", "fast");
    refused(await submit(NOTHING, ["--cores", "0"]), 104, "cores");
  });

  test.concurrent("an invalid value from the environment names the variable: exit 104", async () => {
    refused(await submit(NOTHING, [], { env: { HYPERSCALE_VUS: "lots" } }), 104, "HYPERSCALE_VUS", "lots");
  });

  test.concurrent("a URL without a host: exit 104", async () => {
    refused(await run(["submit", "http://"]), 104, "http://", /host/i);
    refused(await run(["submit", "http:///path"]), 104, /host/i);
  });
});

describe("options", () => {
  const IMPOSSIBLE: readonly (readonly [what: string, options: string, words: readonly (string | RegExp)[]])[] = [
    [
      "an executor that there is not",
      `{ scenarios: { one: { executor: "constant-vu", vus: 1, duration: "1s" } } }`,
      ["constant-vu", "one"],
    ],
    [
      "an option of another executor",
      `{ scenarios: { one: { executor: "constant-vus", vus: 1, duration: "1s", rate: 5 } } }`,
      ["one", "rate"],
    ],
    [
      "an arrival rate without preAllocatedVUs",
      `{ scenarios: { one: { executor: "constant-arrival-rate", rate: 5, duration: "1s" } } }`,
      ["one", "preAllocatedVUs"],
    ],
    [
      "maxVUs below preAllocatedVUs",
      `{ scenarios: { a: { executor: "constant-arrival-rate", rate: 5, duration: 99, preAllocatedVUs: 9, maxVUs: 3 }}}`,
      ["maxVUs", "preAllocatedVUs"],
    ],
    [
      "constant-vus without a duration",
      `{ scenarios: { one: { executor: "constant-vus", vus: 1 } } }`,
      ["one", "duration"],
    ],
    ["ramping-vus without stages", `{ scenarios: { one: { executor: "ramping-vus" } } }`, ["one", "stages"]],
    [
      "more VUs than shared iterations",
      `{ scenarios: { one: { executor: "shared-iterations", vus: 10, iterations: 3 } } }`,
      ["one", "iterations"],
    ],
    ["no VUs", `{ vus: 0, duration: "1s" }`, ["vus"]],
    ["a fraction of a VU", `{ vus: 1.5, duration: "1s" }`, ["vus", "1.5"]],
    [
      "scenarios beside a duration",
      `{ duration: "5s", scenarios: { one: { executor: "constant-vus", vus: 1, duration: "1s" } } }`,
      ["scenarios", "duration"],
    ],
    ["stages beside a duration", `{ duration: "5s", stages: [{ duration: "1s", target: 3 }] }`, ["stages", "duration"]],
    ["a negative duration", `{ vus: 1, duration: "-5s" }`, ["duration", "-5s"]],
    ["an option that there is not", `{ vus: 1, duraton: "1s" }`, ["duraton", /did you mean/i, "duration"]],
  ];
  test.concurrent.each(IMPOSSIBLE)("%s: exit 104, named", async (_, options, words) => {
    refused(await submit(withOptions(options)), 104, ...words);
  });

  const BAD_THRESHOLDS: readonly (readonly [what: string, thresholds: string, words: readonly (string | RegExp)[]])[] =
    [
      ["no expression", `{ http_req_duration: ["quick please"] }`, ["http_req_duration", "quick please"]],
      ["an aggregate its metric has not", `{ http_reqs: ["p(95)<500"] }`, ["http_reqs", "p\\(95\\)"]],
      ["a percentile over 100", `{ http_req_duration: ["p(195)<500"] }`, ["195"]],
      [
        "a metric that there is not",
        `{ http_req_duratio: ["p(95)<500"] }`,
        ["http_req_duratio", /did you mean|no metric|unknown|not exist/i],
      ],
      [
        "a tag filter that does not close",
        `{ "http_req_duration{workflow:a": ["p(95)<500"] }`,
        ["http_req_duration\\{workflow:a"],
      ],
    ];
  test.concurrent.each(BAD_THRESHOLDS)("a threshold with %s: exit 104, named", async (_, thresholds, words) => {
    refused(
      await submit(withOptions(`{ vus: 1, iterations: 1, thresholds: ${thresholds} }`)),
      104,
      ...words.map((word) => new RegExp(word)),
    );
  });
});

describe("the order of workflows", () => {
  const job = (workflows: string): string =>
    `import { defineJob, workflow } from "hyperscale";
     const run = async () => {};
     export default defineJob({ name: "order", workflows: { ${workflows} } });`;

  test.concurrent("a cycle in after names its members: exit 104", async () => {
    const source = job(`
      first: workflow({ after: ["third"], run }),
      second: workflow({ after: ["first"], run }),
      third: workflow({ after: ["second"], run }),`);
    refused(await submit(source), 104, /cycle|circle/i, "first", "second", "third");
  });

  test.concurrent("a workflow after itself: exit 104", async () => {
    refused(await submit(job(`only: workflow({ after: ["only"], run })`)), 104, "only", /cycle|circle|itself/i);
  });

  test.concurrent("an unknown name in after is named, with the one that was meant: exit 104", async () => {
    refused(
      await submit(job(`login: workflow({ run }), browse: workflow({ after: ["logn"], run })`)),
      104,
      "browse",
      "logn",
      "login",
    );
  });

  test.concurrent("a job without workflows: exit 104", async () => {
    refused(await submit(job("")), 104, /workflow/);
  });
});

describe("output files", () => {
  test.concurrent("a full disk under an output file: the run and its summary go on, exit 74", async () => {
    const source = `
      export const options = { vus: 2, duration: "1500ms" };
      export default async ({ sleep }) => { await sleep(0.001); };`;
    const ended = await submit(source, ["-o", "json=/dev/full"]);
    expect(ended.exitCode).toBe(74);
    expect(ended.stderr).toMatch(/\/dev\/full/);
    expect(ended.stderr).toMatch(/space|ENOSPC|full/i);
    expect(ended.stdout).toMatch(/iterations/);
    expect(ended.summary?.job.state).toBe("completed");
  });

  // A real file system that fills up half-way; only root may mount one.
  test.concurrent.skipIf(!canMount())(
    "a disk that fills while the run goes on: exit 74, the run complete",
    async () => {
      const dir = freshDir();
      mkdirSync(join(dir, "small"));
      expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", join(dir, "small")]).exitCode).toBe(0);
      try {
        const source = `
        import { Counter } from "hyperscale";
        const counter = new Counter("many");
        export const options = { vus: 1, duration: "3200ms" };
        export default async ({ iteration, sleep }) => {
          counter.add(1, { row: "row" + iteration });
          await sleep(0.005);
        };`;
        const ended = await submit(source, ["-o", "json=small/out.json"], { dir });
        expect(ended.exitCode).toBe(74);
        expect(ended.stderr).toMatch(/small\/out\.json/);
        expect(ended.stderr).toMatch(/space|ENOSPC|full/i);
        expect(ended.stdout).toMatch(/iterations/);
        expect(ended.summary?.job.durationMs).toBeGreaterThan(3_000);
      } finally {
        Bun.spawnSync(["umount", join(dir, "small")]);
      }
    },
  );

  test.concurrent("a full disk under the summary itself: printed all the same, exit 74", async () => {
    const source = `export const options = { vus: 1, iterations: 3 };\n${NOTHING}`;
    const ended = await run(["submit", "test.ts", "--summary-export", "/dev/full"], { files: { "test.ts": source } });
    expect(ended.exitCode).toBe(74);
    expect(ended.stderr).toMatch(/\/dev\/full/);
    expect(ended.stdout).toMatch(/iterations/);
  });

  test.concurrent("an output in a folder that is not there is refused before anything runs: exit 74", async () => {
    const dir = freshDir();
    const ended = await submit(
      `export const options = { vus: 1, duration: "20s" };\n${NOTHING}`,
      ["-o", "csv=nowhere/out.csv"],
      { dir },
    );
    refused(ended, 74, "nowhere/out.csv");
    expect(ended.durationMs).toBeLessThan(10_000);
  });
});
