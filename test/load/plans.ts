// Plans files for tests: the simple form and the job form from their options alone, and the lines of what is wrong.

import { expect } from "bun:test";
import { HyperscaleError } from "../../src/base/error.ts";
import { planJob } from "../../src/load/options.ts";
import type { FileShape, Overrides, Planned } from "../../src/load/options.ts";
import type { Executor } from "../../src/load/plan.ts";

export type Given = { readonly overrides?: Overrides; readonly module?: Partial<FileShape> };

/** The simple form. */
export function plan(options: unknown, { overrides = {}, module = {} }: Given = {}): Planned {
  const file: FileShape = {
    options,
    form: "simple",
    functions: ["default", "browse"],
    exports: [],
    hasSetup: false,
    hasTeardown: false,
    feeds: [],
    metrics: [],
    ...module,
  };
  return planJob({ module: file, overrides, name: "test" });
}

/** The job form. */
export function job(options: unknown, given: Given = {}): Planned {
  return plan(options, { ...given, module: { form: "job", functions: [], ...given.module } });
}

export function executors(planned: Planned): readonly Executor[] {
  return planned.plan.workflows.map((workflow) => workflow.executor);
}

/** Lines of the error, each with its hint; [] when the options are fine. */
export function problems(make: () => Planned): readonly string[] {
  try {
    make();
  } catch (cause) {
    if (!(cause instanceof HyperscaleError)) throw cause;
    expect(cause.code).toBe("invalid");
    const [first = "", ...rest] = cause.message.split("\n");
    if (rest.length > 0) {
      expect(first).toMatch(/^\d+ problems$/);
      return rest.map((line) => line.trim());
    }
    return [cause.hint === undefined ? first : `${first} (${cause.hint})`];
  }
  return [];
}
