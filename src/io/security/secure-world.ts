// A world whose network keeps strangers out: streams under mutual TLS, sealed datagrams, and nobody is spoken to before
// the self-test has shown that TLS does so here and now. The only way in which nodes and clients reach each other.

import { messageOf } from "../../base/error.ts";
import { limitWarnings } from "../log-limit.ts";
import { NetError } from "../net-error.ts";
import type { Datagrams, NodeWorld, Streams } from "../world.ts";
import type { Credentials } from "./credentials.ts";
import { createSealedDatagrams, type DropReason } from "./seal.ts";
import { selfTest } from "./self-test.ts";
import { createTlsStreams } from "./tls.ts";

/** `tested`: rejects with `cluster` when TLS let a stranger in: then the process has to end. */
export type Secured<World> = { readonly world: World; readonly tested: Promise<void> };

/**
 * The same world, its streams and datagrams as of the holder of these credentials. Listening and connecting begin at
 * once; connections are handed over when the self-test is through. Who is refused goes to the log, at most some lines
 * at a time.
 */
export function secureWorld<World extends NodeWorld>(world: World, credentials: Credentials): Secured<World> {
  const { clock, log, random } = world;
  const [warnOfStreams, warnOfDatagrams] = [limitWarnings(() => log, clock), limitWarnings(() => log, clock)];
  const tested = selfTest({ credentials, clock });
  // Whoever waits for it hears it too.
  tested.catch(() => {});
  const tls = createTlsStreams({
    credentials,
    clock,
    onRefused: ({ host }, why) => warnOfStreams(`a connection from ${host} was refused: ${why}`),
  });
  const { gossipKeys } = credentials;
  const datagrams =
    gossipKeys.length === 0
      ? world.datagrams
      : createSealedDatagrams(world.datagrams, {
          gossipKeys,
          random,
          onDropped: ({ host, port }, reason) => {
            const why = DROP_WORDS[reason];
            if (why !== null) warnOfDatagrams(`a datagram from ${host}:${port} was dropped: ${why}`);
          },
        });
  return { world: { ...world, streams: after(tested, tls), datagrams }, tested };
}

/** null: networks double and delay datagrams, nodes start anew and take over addresses: nothing is wrong. */
const DROP_WORDS: Readonly<Record<DropReason, string | null>> = {
  plain: "it is not sealed: sent by no node, or by one of another version",
  foreign: "it is under a key that this node does not have, of another cluster or not in its key file yet or any more",
  forged: "it was changed on its way, or made by someone without the key",
  twin: "two processes run as one node: a copied data folder?",
  itself: null,
  ownName: "it comes under this node's own id: a copied data folder?",
  replayed: null,
  oldBoot: null,
};

/** Streams that hand nothing over before it is resolved, and nothing at all when it rejects. */
function after(tested: Promise<void>, streams: Streams): Streams {
  let isTested = false;
  tested.then(
    () => {
      isTested = true;
    },
    () => {},
  );
  return {
    listen: (at, accept) =>
      streams.listen(at, (connection) => {
        if (isTested) return accept(connection);
        tested.then(
          () => accept(connection),
          () => connection.destroy(),
        );
      }),
    connect: async (to, options) => {
      if (!isTested)
        await tested.catch((error: unknown) => {
          throw new NetError("denied", "connect to", to, { reason: messageOf(error), cause: error });
        });
      return streams.connect(to, options);
    },
  };
}
