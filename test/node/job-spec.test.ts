// Goal: what a workflow asks of its workers reaches the ledger, and whatever options allow the ledger takes. Method: plans
// made of options, as specs, through the ledger's schema and through a submission's bytes.

import { expect, test } from "bun:test";
import { jobSpecSchema } from "../../src/ledger/entries.ts";
import { jobSpecOf } from "../../src/node/job-spec.ts";
import { packSubmission, unpackSubmission } from "../../src/node/submission.ts";
import { plan } from "../load/plans.ts";
import { BUNDLE } from "./plans.ts";

function specOf(scenario: object) {
  const made = plan({ scenarios: { a: { executor: "constant-vus", duration: "1s", exec: "default", ...scenario } } });
  const { submission } = unpackSubmission(packSubmission({ plan: made.plan, bundle: BUNDLE, retries: 0 }));
  if (submission === null) throw new Error("the submission is not taken");
  const [workflow] = jobSpecSchema.parse(jobSpecOf(submission.plan, 0)).workflows;
  return workflow;
}

test("labels that a workflow requires and prefers are in its spec", () => {
  const asked = { requires: { region: "us-east-1" }, prefers: { type: "build" }, priority: "exclusive" };
  expect(specOf(asked)).toMatchObject(asked);
  expect(specOf({})).toMatchObject({ requires: {}, prefers: {}, priority: "auto" });
});

test("as many and as long labels as options allow are taken", () => {
  const labels = Object.fromEntries(
    Array.from({ length: 64 }, (_, at) => [`${at}`.padStart(64, "k"), "v".repeat(256)]),
  );
  expect(specOf({ requires: labels })?.requires).toEqual(labels);
});
