// Goal: submits reach the ledger together, a content is read and spread once for many, and every one of them is answered
// by what became of it. Method: the ledger of an embedded submit, whose entries are counted, and blobs that the test
// answers for.

import { describe, expect, test } from "bun:test";
import { SUBMITS_MAX } from "../../src/ledger/entries.ts";
import { digestOf } from "../../src/io/content-digest.ts";
import { createEmbeddedLedger, type LedgerPort } from "../../src/node/ledger-port.ts";
import { packSubmission } from "../../src/node/submission.ts";
import { Submits } from "../../src/node/submits.ts";
import { VirtualClock } from "./fake-world.ts";
import { BUNDLE, jobPlan, workflowPlan } from "./plans.ts";

const SMALL = content("small");

function content(name: string): { readonly bytes: Uint8Array; readonly digest: string } {
  const bytes = packSubmission({ plan: jobPlan({ name }), bundle: BUNDLE, retries: 0 });
  return { bytes, digest: digestOf(bytes) };
}

class Scene {
  readonly clock = new VirtualClock();
  readonly ledger: LedgerPort = createEmbeddedLedger(this.clock);
  readonly entries: number[] = [];
  readonly spread: string[] = [];
  readonly pulled: string[] = [];
  /** What a pull answers, by digest. */
  readonly served = new Map<string, Uint8Array>();
  spreads: (bytes: Uint8Array) => Promise<string> = (bytes) => Promise.resolve(digestOf(bytes));
  readonly submits = new Submits({
    clock: this.clock,
    ledger: this.ledger,
    blobs: {
      pull: (digest) => {
        this.pulled.push(digest);
        const bytes = this.served.get(digest);
        return bytes === undefined ? Promise.reject(new Error("nobody has it")) : Promise.resolve(bytes);
      },
      replicate: (bytes) => {
        this.spread.push(digestOf(bytes));
        return this.spreads(bytes);
      },
    },
  });

  constructor() {
    this.ledger.onApplied(({ entry }) => {
      if (entry.kind === "submits") this.entries.push(entry.jobs.length);
    });
  }

  take(id: string, { digest, bytes }: { readonly digest: string; readonly bytes: Uint8Array | null } = SMALL) {
    return this.submits.take({ client: "c", id, digest, content: bytes });
  }

  many(count: number, from = 0): Promise<readonly { readonly kind: string }[]> {
    return Promise.all(Array.from({ length: count }, (_, at) => this.take(`job ${from + at}`)));
  }
}

describe("submits of one content", () => {
  test("that come together are one entry, and the content is read and spread once", async () => {
    const scene = new Scene();
    const answers = await scene.many(50);
    expect(answers.every(({ kind }) => kind === "accepted")).toBe(true);
    expect(scene.ledger.state.jobs.size).toBe(50);
    expect(scene.entries).toEqual([50]);
    expect(scene.spread).toEqual([SMALL.digest]);
  });

  test("beyond what fits an entry go with the next; while two are under way the others gather", async () => {
    const scene = new Scene();
    await scene.many(1);
    await scene.many(3 * SUBMITS_MAX + 1, 10);
    expect(scene.entries).toEqual([1, SUBMITS_MAX, SUBMITS_MAX, SUBMITS_MAX, 1]);
  });

  test("spread it again only after a while", async () => {
    const scene = new Scene();
    await scene.many(2);
    await scene.clock.advance(19_000);
    await scene.many(2, 10);
    expect(scene.spread).toHaveLength(1);
    await scene.clock.advance(2_000);
    await scene.many(2, 20);
    expect(scene.spread).toHaveLength(2);
  });

  test("that did not come along is pulled", async () => {
    const scene = new Scene();
    scene.served.set(SMALL.digest, SMALL.bytes);
    expect(await scene.take("j", { digest: SMALL.digest, bytes: null })).toEqual({ kind: "accepted" });
    expect(scene.pulled).toEqual([SMALL.digest]);
  });
});

describe("a submit", () => {
  test("said again is accepted without another entry; with another content it is a conflict", async () => {
    const scene = new Scene();
    await scene.take("j");
    expect(await scene.take("j")).toEqual({ kind: "accepted" });
    expect(await scene.take("j", content("other"))).toMatchObject({ kind: "refused", code: "conflict" });
    expect(scene.entries).toEqual([1]);
  });

  test("of two contents under one id at once: one is accepted, the other a conflict", async () => {
    const scene = new Scene();
    const answers = await Promise.all([scene.take("j"), scene.take("j", content("other"))]);
    expect(answers.map((answer) => (answer.kind === "refused" ? answer.code : answer.kind)).sort()).toEqual([
      "accepted",
      "conflict",
    ]);
  });

  test.each([
    ["is not what its digest says", { digest: content("other").digest, bytes: SMALL.bytes }, "invalid"],
    ["is no submission", { digest: digestOf(Uint8Array.of(1, 2)), bytes: Uint8Array.of(1, 2) }, "invalid"],
    ["nobody has", { digest: "0".repeat(64), bytes: null }, "unavailable"],
  ])("whose content %s is refused, and leaves no entry", async (_what, asked, code) => {
    const scene = new Scene();
    expect(await scene.take("j", asked)).toMatchObject({ kind: "refused", code });
    expect(scene.entries).toEqual([]);
  });

  test("whose content no majority keeps is to be asked again, and then accepted", async () => {
    const scene = new Scene();
    scene.spreads = () => Promise.reject(new Error("no majority"));
    expect(await scene.take("j")).toEqual({ kind: "refused", code: "unavailable", message: "no majority" });
    scene.spreads = (bytes) => Promise.resolve(digestOf(bytes));
    expect(await scene.take("j")).toEqual({ kind: "accepted" });
  });

  test("that the ledger refuses is refused alone, with the reason", async () => {
    const scene = new Scene();
    const bytes = packSubmission({
      plan: jobPlan({ workflows: [workflowPlan("a", { after: ["b"] }), workflowPlan("b", { after: ["a"] })] }),
      bundle: BUNDLE,
      retries: 0,
    });
    const [bad, good] = await Promise.all([scene.take("bad", { bytes, digest: digestOf(bytes) }), scene.take("good")]);
    expect(bad).toMatchObject({ kind: "refused", code: "invalid", message: expect.stringContaining("wait for each") });
    expect(good).toEqual({ kind: "accepted" });
  });
});
