// One result of a job, whoever makes it: under owners that die at its end, and read by clients of other versions. A
// simulated cluster; the codec by hand.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { packResult, unpackResult } from "../../src/node/result-codec.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import { counted } from "../node/sim-cluster.ts";
import { clusterUp, jobOf, seen, steady } from "./cluster.ts";

setDefaultTimeout(60_000);

describe("a result", () => {
  test("[LD-51.1] is made once though its owner dies while it is made: every client gets the same, counted once", () => {
    const cluster = clusterUp();
    const submitted = cluster.submit("c0", "job1", { workflows: steady(2, { vus: 4 }) });
    const again = cluster.submit("c1", "job1", { workflows: steady(2, { vus: 4 }) });
    cluster.until(() => jobOf(cluster)?.phase === "closing");
    const owner = cluster.ownerOf("job1") ?? "";
    const token = jobOf(cluster)?.owner?.token;
    cluster.kill(owner);
    const result = cluster.finish(submitted);
    expect(jobOf(cluster)?.owner?.token).not.toBe(token);
    expect(cluster.finish(again)).toEqual(result);
    expect(result.state).toBe("completed");
    const { requests, unsent } = counted(result);
    expect(requests - unsent).toBe(seen(cluster));
  });

  test("[LD-51.3] of a later version is read without what is new in it; what lacks a part is refused", () => {
    const cluster = clusterUp({ workers: 1, managers: 1 });
    const result = cluster.finish(cluster.submit("c0", "job1", { workflows: steady(1, { vus: 2 }) }));
    const decoded = decode(packResult(result));
    if (!decoded.ok || typeof decoded.value !== "object" || decoded.value === null) throw new Error("it is a map");
    const { value } = decoded;
    expect(unpackResult(encode(value))).toEqual(result);
    expect(unpackResult(encode({ ...value, sinceLater: { much: [1, 2] } }))).toMatchObject({ ...result });
    for (const key of ["workflows", "plan", "state", "disturbed"])
      expect(() => unpackResult(encode({ ...value, [key]: null }))).toThrow();
    expect(() => unpackResult(Uint8Array.of(0xc1))).toThrow("the result cannot be read");
  });
});
