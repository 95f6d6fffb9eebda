// Planted bugs: each is one change of the shipped text, loaded from a copy, so that the shipped code carries no
// switch for it. A claim that catches none of them would prove nothing.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CLAIMS } from "./claims.ts";
import type { Core } from "./cluster.ts";

/** `find` occurs exactly once in `file` of src/swim. `caughtBy`: the claim that fails with it. */
export type Mutant = {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly caughtBy: keyof typeof CLAIMS;
};

export const MUTANTS: readonly Mutant[] = [
  {
    name: "a refutation does not raise the incarnation",
    file: "merge.ts",
    find: "own.incarnation = state.refuteAbove;",
    replace: "",
    caughtBy: "who is accused refutes at once, above the accusation, and not without end",
  },
  {
    name: "the limit of refutations holds the first one back",
    file: "merge.ts",
    find: "if (state.refuteTokens < 1) return;",
    replace: "if (state.refuteTokens-- < refuteBurst + 1) return;",
    caughtBy: "at 30 % loss without stream probes suspicions come and are refuted",
  },
  {
    name: "refutations have no limit",
    file: "merge.ts",
    find: "state.refuteTokens--;",
    replace: "",
    caughtBy: "who is accused refutes at once, above the accusation, and not without end",
  },
  {
    name: "confirmations do not count",
    file: "suspicion.ts",
    find: "suspicion.accusers.push(accuser);",
    replace: "",
    caughtBy: "a silent host is known by all within the figures at 10 and 100 members",
  },
  {
    name: "confirmations start the suspicion anew",
    file: "merge.ts",
    find: "if (accuser !== member.id && confirm(suspicion, accuser)) spread(state, member.id);",
    replace: "suspicion.startedAt = state.now; confirm(suspicion, accuser);",
    caughtBy: "10,000 suspicions of one member do not put its end off [A4, LD-41.17.2]",
  },
  {
    name: "the verdict waits for a last call that comes after it",
    file: "suspicion.ts",
    find: "suspicion.calledAt === null ? endAt - lastCallMs : endAt;",
    replace: "suspicion.calledAt === null ? endAt + 9_000 : endAt;",
    caughtBy: "a silent host is known by all within the figures at 10 and 100 members",
  },
  {
    name: "who never spoke is accused",
    file: "probe.ts",
    find: "if (!target.isConfirmed) return countUnanswered(turn, target);",
    replace: "",
    caughtBy: "who never spoke is never accused, and is dropped without a death [A10, LD-41.1.3]",
  },
  {
    name: "hearsay confirms",
    file: "table.ts",
    find: "isConfirmed: false,",
    replace: "isConfirmed: true,",
    caughtBy: "who never spoke is never accused, and is dropped without a death [A10, LD-41.1.3]",
  },
  {
    name: "a stall is not noticed",
    file: "swim.ts",
    find: "if (lateMs > state.config.stallMs) noteStall(turn, lateMs);",
    replace: "",
    caughtBy: "a suspicion that was opened before a stall is not judged by the lost time",
  },
  {
    name: "lost time is not given back",
    file: "swim.ts",
    find: "suspicion.startedAt += lateMs;",
    replace: "",
    caughtBy: "a suspicion that was opened before a stall is not judged by the lost time",
  },
  {
    name: "there is no anti-entropy",
    file: "sync.ts",
    find: "if (peer !== undefined) startSync(turn, peer);",
    replace: "",
    caughtBy: "views that differ are made equal by anti-entropy alone",
  },
  {
    name: "a digest that differs is not answered",
    file: "sync.ts",
    find: "hash === digest.hashes[bucket] ? [] : [bucket]",
    replace: "hash === digest.hashes[bucket] ? [] : []",
    caughtBy: "views that differ are made equal by anti-entropy alone",
  },
  {
    name: "the boot counter does not rise",
    file: "swim.ts",
    find: "boot: self.bootBefore + 1",
    replace: "boot: 1",
    caughtBy: "a restarted node is not killed by what was said of its former life",
  },
  {
    name: "boots are not compared",
    file: "member.ts",
    find: "    a.incarnation.boot - b.incarnation.boot ||\n    Number",
    replace: "    Number",
    caughtBy: "a restarted node is not killed by what was said of its former life",
  },
  {
    name: "a goodbye is spoken as a death",
    file: "join.ts",
    find: 'own.status = "left";',
    replace: 'own.status = "dead";',
    caughtBy: "a goodbye is known by all in 2 s, without suspicion, and is final",
  },
  {
    name: "one refusal is a death",
    file: "probe.ts",
    find: 'if (probe.kind === "hint" && probe.refusals >= 2) return bury(turn, target);',
    replace: 'if (probe.kind === "hint" && probe.refusals >= 1) return bury(turn, target);',
    caughtBy: "a port that refused one peer is a hint, one that refused two is a fact",
  },
  {
    name: "a reset is no hint",
    file: "swim.ts",
    find: "return startHint(turn, event.node);",
    replace: "return undefined;",
    caughtBy: "a killed process is known by all within a second",
  },
  {
    name: "nobody else is asked",
    file: "probe.ts",
    find: "drawMembers(state, indirectProbes, fits)",
    replace: "drawMembers(state, 0, fits)",
    caughtBy: "who is reached through others only is never buried",
  },
  {
    name: "a relay does not pass the ack on",
    file: "probe.ts",
    find: "return sendDatagram(turn, { id: relay.requester, address: relay.address }, ack, [relay.target]);",
    replace: "return;",
    caughtBy: "who is reached through others only is never buried",
  },
  {
    name: "there is no stream probe",
    file: "probe.ts",
    find: "streamProbe(turn, target, probe.seq, probe.endAt - turn.now);",
    replace: "",
    caughtBy: "at 30 % loss with stream probes nobody live is buried [LD-42.2.5]",
  },
  {
    name: "there is no last call",
    file: "probe.ts",
    find: "ping(turn, member, seq);\n      streamProbe(turn, member, seq, lastCallMs);",
    replace: "",
    caughtBy: "a suspect is told, and told again before the verdict",
  },
  {
    name: "a suspect is not told",
    file: "probe.ts",
    find: 'const first = target.status === "alive" ? [] : [target.id];\n  return target.isConfirmed',
    replace: "const first: string[] = [];\n  return target.isConfirmed",
    caughtBy: "a suspect is told, and told again before the verdict",
  },
  {
    name: "a rumour is told once",
    file: "gossip.ts",
    find: "if (told + 1 >= limit) {",
    replace: "if (told + 1 >= limit || told >= 0) {",
    caughtBy: "news reach all, with the state of every node, in time [A16]",
  },
  {
    name: "the probe order is never shuffled again",
    file: "probe.ts",
    find: "const other = nextBelow(state.prng, at + 1);",
    replace: "const other = at;",
    caughtBy: "every member is probed once in each cycle, in another order each time [A1]",
  },
  {
    name: "targets are drawn with replacement",
    file: "probe.ts",
    find: 'state.order[state.cursor++] ?? ""',
    replace: 'state.order[nextBelow(state.prng, state.order.length + 0 * state.cursor++)] ?? ""',
    caughtBy: "every member is probed once in each cycle, in another order each time [A1]",
  },
  {
    name: "local health never worsens",
    file: "state.ts",
    find: "state.score + change",
    replace: "state.score + Math.min(0, change)",
    caughtBy: "one who stands still buries nobody, and stands in his own way alone [LD-50.3]",
  },
  {
    name: "the dead are not called",
    file: "join.ts",
    find: "  callDead(turn);",
    replace: "",
    caughtBy: "a partition heals: all are alive again everywhere [LD-24.3.4]",
  },
  {
    name: "a remembered death is believed",
    file: "merge.ts",
    find: 'source === "sync" && update.status === "dead" && isRunning(member)',
    replace: "false",
    caughtBy: "what another node remembers of a death is doubted first",
  },
  {
    name: "anybody's ack counts",
    file: "probe.ts",
    find: "if (probe === undefined || (probe.target !== from && !probe.relays.includes(from))) return;",
    replace: "if (probe === undefined) return;",
    caughtBy: "an answer counts from the one asked alone",
  },
  {
    name: "everybody gossips all the time",
    file: "gossip.ts",
    find: 'if (bare.kind === "gossip" && updates.length === 0) return;',
    replace: "if (!hasRumours(state)) spread(state, state.self);",
    caughtBy: "an idle node sends less than 600 B/s, at 10 members as at 200 [MW-10.3.3]",
  },
];

const SOURCE = join(import.meta.dir, "../../src");

/** The core with one bug in it, from a fresh copy. `close` removes the copy. */
export async function loadMutant(mutant: Mutant): Promise<{ readonly core: Core; readonly close: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), "swim-mutant-"));
  for (const part of ["base", "swim"]) cpSync(join(SOURCE, part), join(folder, part), { recursive: true });
  const path = join(folder, "swim", mutant.file);
  const text = readFileSync(path, "utf8");
  const count = text.split(mutant.find).length - 1;
  if (count !== 1) {
    rmSync(folder, { recursive: true });
    throw new Error(`"${mutant.find}" occurs ${count} times in ${mutant.file}: "${mutant.name}" must be planted anew`);
  }
  writeFileSync(
    path,
    text.replace(mutant.find, () => mutant.replace),
  );
  const core: Core = await import(join(folder, "swim", "swim.ts"));
  return { core, close: () => rmSync(folder, { recursive: true }) };
}
