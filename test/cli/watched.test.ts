// Goal: who follows a job waits however long nobody answers, but not for managers that do not take it any more. Method:
// virtual time, and a client whose contact is made up.

import { expect, test } from "bun:test";
import { HyperscaleError, messageOf } from "../../src/base/error.ts";
import { type ClusterPlace, watched } from "../../src/cli/cluster.ts";
import type { ClientContact } from "../../src/node/cluster-client.ts";
import { VirtualClock } from "../node/fake-world.ts";

const ADDRESS = { host: "10.0.0.1", port: 9_000 };
const place: ClusterPlace = {
  managers: [{ host: "10.0.0.1", tcp: 9_000, udp: 9_001 }],
  discover: () => Promise.resolve(null),
  text: "10.0.0.1:9000",
  environment: "default",
  given: { kind: "issued", path: "client.credentials" },
  credentials: () => Promise.reject(new Error("none are needed")),
};

const failed = (failure: "refused" | "denied", why: string): ClientContact => ({
  address: null,
  failures: [{ address: ADDRESS, failure, why }],
  heardAtMs: Infinity,
  undecided: null,
});

function follow() {
  const clock = new VirtualClock();
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const log = { debug: say, info: say, warn: say, error: say };
  const state: { contact: ClientContact; end: string } = { contact: failed("refused", "nothing listens"), end: "" };
  const result = Promise.withResolvers<string>();
  const set = (text: string): void => void (state.end = text);
  watched({ clock, place, log }, { contact: () => state.contact }, result.promise).then(set, (error: unknown) =>
    set(error instanceof HyperscaleError ? `${error.message}\n${error.hint}` : messageOf(error)),
  );
  return { clock, said, state, result };
}

test("nobody there is waited for, and said once", async () => {
  const { clock, said, state, result } = follow();
  await clock.advance(600_000);
  expect([state.end, said]).toEqual(["", ["no manager answers; trying again until one does"]]);
  state.contact = { address: ADDRESS, failures: [], heardAtMs: clock.nowMs(), undecided: null };
  await clock.advance(1_000);
  expect(said.at(-1)).toBe("following again at 10.0.0.1:9000");
  result.resolve("ended");
  await clock.advance(1);
  expect([state.end, clock.pending]).toEqual(["ended", 0]);
});

test("managers that all refuse for a minute end it, in their words; one that was down in between begins it anew", async () => {
  const { clock, state } = follow();
  state.contact = failed("denied", "its certificate was not signed");
  await clock.advance(50_000);
  state.contact = failed("refused", "nothing listens");
  await clock.advance(1_000);
  state.contact = failed("denied", "its certificate was not signed");
  await clock.advance(50_000);
  expect(state.end).toBe("");
  await clock.advance(11_000);
  expect(state.end).toContain("no node takes this client within 1m0s: 10.0.0.1:9000 (its certificate was not signed)");
  expect(state.end).toContain("\na job that was accepted goes on, and hyperscale results ID will have its summary; ");
  expect(clock.pending).toBe(0);
});

test("a manager that is linked and says nothing any more is one that does not answer", async () => {
  const { clock, said, state } = follow();
  state.contact = { address: ADDRESS, failures: [], heardAtMs: clock.nowMs(), undecided: null };
  await clock.advance(4_500);
  expect(said).toEqual([]);
  await clock.advance(1_000);
  expect(said).toEqual(["no manager answers; trying again until one does"]);
  state.contact = { ...state.contact, heardAtMs: clock.nowMs() };
  await clock.advance(500);
  expect(said.slice(1)).toEqual(["following again at 10.0.0.1:9000"]);
});
