// Goal: the command line around a run: what it prints where, the files it writes, and that each opens. Method: the
// built executable with each option, its output read as a program would read it.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { openSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { join } from "node:path";
import { z } from "zod";
import { startTarget } from "../target/start.ts";
import { cleanEnv, executable, freshDir, removeDirs, run, submit, summaryOf } from "./run.ts";
import { SummarySchema } from "./summary.ts";

setDefaultTimeout(60_000);
afterAll(removeDirs);
const ESCAPE = "\u001b[";

/** k6's line forms, as far as they are read here. */
const LineSchema = z.looseObject({ type: z.enum(["Metric", "Point"]), metric: z.string(), data: z.looseObject({}) });
const PointSchema = z.looseObject({
  data: z.looseObject({ time: z.string(), value: z.number(), tags: z.record(z.string(), z.string()) }),
});

/** Two seconds of a little load. */
const LITTLE = (url: string): string => `
  export const options = {
    vus: 3, duration: "2200ms", thresholds: { http_req_duration: ["p(95)<9000"] }, tags: { team: "blue" },
  };
  export default async ({ http, check, sleep }) => {
    check(await http.get("${url}/"), { "status is 200": (r) => r.status === 200 });
    await sleep(0.02);
  };`;

describe("hyperscale by itself", () => {
  test.concurrent("--version prints one line and nothing else", async () => {
    const ended = await run(["--version"]);
    expect(ended.exitCode).toBe(0);
    expect(ended.stdout).toMatch(/^(hyperscale )?v?\d+\.\d+\.\d+[^\n]*\n$/);
    expect(ended.stderr).toBe("");
  });

  test.concurrent("--version on a full disk says so: exit 74", async () => {
    const { stderr, exitCode } = Bun.spawnSync([await executable(), "--version"], {
      stdout: openSync("/dev/full", "w"),
      stderr: "pipe",
    });
    expect(stderr.toString()).toMatch(/^error: cannot write to standard output: [^\n]*\n$/);
    expect(exitCode).toBe(74);
  });

  test.concurrent("a shell's <(command) and >(command) are files like others", async () => {
    const script = `"$0" submit test.ts -q --config <(echo '{"iterations":4}') --summary-export >(cat >&2) > /dev/null`;
    const dir = freshDir();
    await Bun.write(join(dir, "test.ts"), "export default () => {};\n");
    const env = cleanEnv(dir);
    const child = Bun.spawn(["bash", "-c", script, await executable()], { cwd: dir, env, stderr: "pipe" });
    const [said, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
    expect(exitCode).toBe(0);
    const summary = SummarySchema.parse(JSON.parse(said));
    expect(summary.metrics["iterations"]?.values).toMatchObject({ count: 4 });
  });

  test.concurrent("a summary and its JSON in one stream are both whole", async () => {
    const dir = freshDir();
    await Bun.write(join(dir, "test.ts"), "export default () => {};\n");
    const path = join(dir, "out");
    const args = [await executable(), "submit", "test.ts", "-i", "4", "-q", "--summary-export", "/dev/stdout"];
    const child = Bun.spawn(args, { cwd: dir, env: cleanEnv(dir), stdout: openSync(path, "w") });
    expect(await child.exited).toBe(0);
    const text = await Bun.file(path).text();
    const end = text.lastIndexOf("\n}\n") + 3;
    expect(SummarySchema.parse(JSON.parse(text.slice(text.indexOf("{\n"), end))).job.state).toBe("completed");
    expect(text).toMatch(/iterations\.+: 4 /);
  });

  test.concurrent("a folder's .env and bunfig.toml are not this program's: neither is read", async () => {
    const files = {
      ".env": "HYPERSCALE_VUS=none\n",
      "bunfig.toml": 'preload = ["./first.ts"]\n',
      "first.ts": 'console.log("preloaded");\n',
      "test.ts": "export const options = { vus: 1, iterations: 1 };\nexport default () => {};\n",
    };
    const ended = await run(["validate", "test.ts"], { files });
    expect(ended.exitCode).toBe(0);
    expect(ended.output).not.toContain("preloaded");
    expect(ended.output).not.toContain("HYPERSCALE_VUS");
  });

  test.concurrent("--help, and help of a command, name the commands and options: exit 0, on stdout", async () => {
    const [program, command] = [await run(["--help"]), await run(["submit", "--help"])];
    expect(program.exitCode).toBe(0);
    for (const name of ["submit", "init", "validate"]) expect(program.stdout).toContain(name);
    expect(command.exitCode).toBe(0);
    for (const option of ["--vus", "--duration", "--summary-export", "--out", "--cores"])
      expect(command.stdout).toContain(option);
  });

  test.concurrent("without a command: help, exit 2", async () => {
    const ended = await run([]);
    expect(ended.exitCode).toBe(2);
    expect(ended.output).toContain("submit");
  });

  test.concurrent("init writes a project that validates and runs", async () => {
    const started = await run(["init"]);
    expect(started.exitCode).toBe(0);
    const files = [...new Bun.Glob("**/*.ts").scanSync({ cwd: started.dir, onlyFiles: true })];
    const example = files.find((name) => !name.endsWith(".d.ts"));
    expect(files.some((name) => name.endsWith(".d.ts"))).toBe(true);
    expect(await Bun.file(join(started.dir, "tsconfig.json")).exists()).toBe(true);
    const validated = await run(["validate", example ?? ""], { dir: started.dir });
    expect(validated.exitCode).toBe(0);
    const again = await run(["init"], { dir: started.dir });
    expect(again.exitCode).not.toBe(0);
  });

  test.concurrent("validate prints the plan and sends nothing", async () => {
    await using target = await startTarget();
    const ended = await run(["validate", "test.ts"], { files: { "test.ts": LITTLE(target.url) } });
    expect(ended.exitCode).toBe(0);
    expect(ended.stdout).toContain("constant-vus");
    expect((await target.counts()).total).toBe(0);
    const broken = await run(["validate", "test.ts"], {
      files: { "test.ts": `export const options = { vus: -1 };\nexport default () => {};` },
    });
    expect(broken.exitCode).toBe(104);
  });

  test.concurrent("completions for every shell load in that shell's words", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const ended = await run(["completions", shell]);
      expect(ended.exitCode).toBe(0);
      expect(ended.stdout).toContain("submit");
      expect(ended.stdout).toContain("summary-export");
    }
  });
});

describe("what a run prints", () => {
  test.concurrent("off a terminal: progress a line a second, then the summary, no escape codes", async () => {
    await using target = await startTarget();
    const ended = await submit(LITTLE(target.url));
    expect(ended.exitCode).toBe(0);
    expect(ended.output).not.toContain(ESCAPE);
    for (const metric of ["http_req_duration", "http_reqs", "iterations", "vus", "data_received", "checks"])
      expect(ended.stdout).toContain(metric);
    expect(ended.stdout).toContain("status is 200");
    expect(ended.stderr.trim().split("\n").length).toBeGreaterThanOrEqual(2);
  });

  test.concurrent("-q leaves the progress out and keeps the summary", async () => {
    await using target = await startTarget();
    const [loud, quiet] = await Promise.all([submit(LITTLE(target.url)), submit(LITTLE(target.url), ["-q"])]);
    expect(quiet.stdout).toContain("http_req_duration");
    expect(quiet.stderr.length).toBeLessThan(loud.stderr.length);
  });

  test.concurrent("--json prints the summary document alone on stdout", async () => {
    await using target = await startTarget();
    const ended = await submit(LITTLE(target.url), ["--json"]);
    expect(ended.exitCode).toBe(0);
    expect(SummarySchema.parse(JSON.parse(ended.stdout))).toEqual(summaryOf(ended));
  });

  test.concurrent("NO_COLOR and --no-color: no escape codes even on a terminal", async () => {
    await using target = await startTarget();
    const source = LITTLE(target.url);
    const [variable, flag] = await Promise.all([
      submit(source, [], { env: { NO_COLOR: "1" } }),
      submit(source, ["--no-color"]),
    ]);
    expect(variable.output).not.toContain(ESCAPE);
    expect(flag.output).not.toContain(ESCAPE);
  });
});

describe("what a run writes", () => {
  test.concurrent(
    "-o json and -o csv: one line per metric, tag set and second, whose sums are the summary's",
    async () => {
      await using target = await startTarget();
      const ended = await submit(LITTLE(target.url), [
        "-o",
        "json=out.json",
        "-o",
        "csv=out.csv.gz",
        "--tag",
        "run=seven",
        "--cores",
        "2",
      ]);
      const requests = summaryOf(ended).metrics["http_reqs"]?.values["count"];
      expect(requests).toBeGreaterThan(50);
      const lines = (await Bun.file(join(ended.dir, "out.json")).text())
        .trim()
        .split("\n")
        .map((line): unknown => JSON.parse(line));
      let total = 0;
      for (const line of lines) {
        const { type, metric } = LineSchema.parse(line);
        if (type === "Metric" || metric !== "http_reqs") continue;
        const point = PointSchema.parse(line);
        total += point.data.value;
        expect(point.data.tags).toMatchObject({ team: "blue", run: "seven", status: "200", method: "GET" });
        expect(Number.isFinite(Date.parse(point.data.time))).toBe(true);
      }
      expect(total).toBe(requests ?? 0);
      const csv = gunzipSync(await Bun.file(join(ended.dir, "out.csv.gz")).bytes())
        .toString()
        .trim()
        .split("\n");
      const header = csv[0]?.split(",") ?? [];
      expect(header.slice(0, 3)).toEqual(["metric_name", "timestamp", "metric_value"]);
      const sum = csv
        .slice(1)
        .filter((line) => line.startsWith("http_reqs,"))
        .reduce((all, line) => all + Number(line.split(",")[2]), 0);
      expect(sum).toBe(requests ?? 0);
    },
  );

  test.concurrent("--html writes one page that needs nothing from elsewhere", async () => {
    await using target = await startTarget();
    const ended = await submit(LITTLE(target.url), ["--html", "report.html"]);
    expect(ended.exitCode).toBe(0);
    const page = await Bun.file(join(ended.dir, "report.html")).text();
    expect(page).toMatch(/^<!doctype html>/i);
    for (const word of ["http_req_duration", "status is 200", "p(95)"]) expect(page).toContain(word);
    expect(page).not.toMatch(/<(script|link|img)[^>]+(src|href)=["']?(https?:)?\/\//i);
  });

  test.concurrent("flag beats environment beats options of the file", async () => {
    const source = `export const options = { vus: 1, iterations: 3 };\nexport default async () => {};`;
    const count = async (args: readonly string[], env: Record<string, string>): Promise<number | undefined> =>
      summaryOf(await submit(source, args, { env })).metrics["iterations"]?.values["count"];
    expect(await count([], {})).toBe(3);
    expect(await count([], { HYPERSCALE_ITERATIONS: "5" })).toBe(5);
    expect(await count(["-i", "7"], { HYPERSCALE_ITERATIONS: "5" })).toBe(7);
  });
});
