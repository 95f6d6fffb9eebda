// Goal: a change of the managers is asked for until it is taken or refused for good. Method: a client that answers as
// told, virtual time.

import { expect, test } from "bun:test";
import { HyperscaleError, messageOf } from "../../src/base/error.ts";
import { type Asked, change } from "../../src/cli/peer.ts";
import type { ClusterClient } from "../../src/node/cluster-client.ts";
import { VirtualClock } from "../node/fake-world.ts";
import { managerPicture } from "../tui/statuses.ts";

/** Asks a cluster that refuses with these codes, one after the other, and then takes it. */
function ask(codes: readonly string[]): { readonly said: string[]; readonly clock: VirtualClock } {
  const clock = new VirtualClock();
  const said: string[] = [];
  const left = [...codes];
  const unused = (): never => {
    throw new Error("nobody asks for that");
  };
  const client: ClusterClient = {
    submit: unused,
    hand: unused,
    follow: unused,
    cancel: unused,
    steer: unused,
    jobs: unused,
    change: () => {
      const code = left.shift();
      if (code === undefined) return Promise.resolve();
      return Promise.reject(new HyperscaleError("cluster", `refused: ${code}`, { cause: code }));
    },
    status: () => Promise.resolve(managerPicture()),
    contact: unused,
    close: () => {},
  };
  const cluster = { client, answer: <Answer>(asked: Promise<Answer>) => asked, close: () => {} };
  const asked: Asked = { cluster, clock, say: () => {} };
  change(asked, { kind: "remove", node: "c2c2c2c2c2c2c2c2" }, () => false).then(
    (wasAsked) => said.push(`asked: ${wasAsked}`),
    (error: unknown) => said.push(messageOf(error)),
  );
  return { said, clock };
}

test("a change before it that is not committed yet, and managers that are others by now, are waited for", async () => {
  const { said, clock } = ask(["pending", "changed", "pending"]);
  await clock.advance(2_000);
  expect(said).toEqual(["asked: true"]);
});

test("a refusal for good is told at once; a change that is never committed is not waited for without end", async () => {
  const refused = ask(["last_voter"]);
  await refused.clock.advance(1);
  expect(refused.said).toEqual(["refused: last_voter"]);
  const stuck = ask(Array(1_000).fill("pending"));
  await stuck.clock.advance(40_000);
  expect(stuck.said).toEqual(["waited 30 s for the managers to agree on who they are"]);
});
