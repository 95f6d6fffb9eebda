// Imagined pictures of a cluster for the tests of what is drawn of it.

import type { NodeStatus } from "../../src/node/status.ts";

const M0 = "a0a0a0a0a0a0a0a0";
const M1 = "b1b1b1b1b1b1b1b1";
const M2 = "c2c2c2c2c2c2c2c2";
const W0 = "d3d3d3d3d3d3d3d3";

type Member = NodeStatus["members"][number];

function member(id: string, role: Member["role"], tcp: number, changes: Partial<Member> = {}): Member {
  const address = { host: "127.0.0.1", tcp, udp: tcp + 1 };
  return { id, role, address, status: "alive", incarnation: { boot: 1, count: 0 }, isLinked: true, ...changes };
}

type Quorum = NonNullable<NodeStatus["quorum"]>;

/** What a job does just now. */
export function rateOf(changes: Partial<NonNullable<NodeStatus["jobs"][number]["live"]>> = {}) {
  return {
    name: "checkout",
    phase: "running" as const,
    elapsedMs: 61_000,
    vus: 20,
    requests: 4_000,
    requestsPerSecond: 100,
    iterationsPerSecond: 100,
    p99Ms: 12,
    failedRatio: 0,
    ...changes,
  };
}

/** A quorum with nothing under way. */
export function quorumOf(quorum: Pick<Quorum, "have" | "need" | "voters">): Quorum {
  return { ...quorum, learners: [], replacing: null, membershipIndex: 0, isChanging: false, behind: {} };
}

/** Three managers, the second leads and the first was asked; one worker; one job runs and one is over. */
export function managerPicture(changes: Partial<NodeStatus> = {}): NodeStatus {
  return {
    version: 1,
    node: {
      id: M0,
      role: "manager",
      boot: "1-00000000",
      address: { host: "127.0.0.1", tcp: 9_000, udp: 9_001 },
      environment: "default",
      dc: null,
    },
    cluster: "f00dfeed",
    leader: M1,
    term: 7,
    quorum: quorumOf({ have: 3, need: 2, voters: [M0, M1, M2] }),
    problem: null,
    isDiskFull: false,
    suspicions: 0,
    answers: null,
    members: [
      member(M0, "manager", 9_000),
      member(M1, "manager", 9_002),
      member(M2, "manager", 9_004),
      member(W0, "worker", 9_200),
    ],
    workers: [
      { id: W0, boot: "1-11111111", cores: 4, busy: 3, labels: { region: "east" }, jobs: [{ id: "new", cores: 3 }] },
    ],
    jobs: [
      {
        id: "old",
        state: "finished",
        outcome: "failed",
        isPaused: false,
        cores: 0,
        owner: M1,
        result: "digest",
        live: null,
      },
      { id: "new", state: "open", outcome: null, isPaused: false, cores: 3, owner: M0, result: null, live: null },
    ],
    waiting: 0,
    circuits: [],
    pressure: "none",
    shares: [],
    ...changes,
  };
}

/** The worker of that cluster, with one share. */
export function workerPicture(): NodeStatus {
  return managerPicture({
    node: {
      id: W0,
      role: "worker",
      boot: "1-11111111",
      address: { host: "127.0.0.1", tcp: 9_200, udp: 9_201 },
      environment: "default",
      dc: null,
    },
    cluster: null,
    leader: null,
    term: null,
    quorum: null,
    members: [member(M0, "manager", 9_000), member(M1, "manager", 9_002, { isLinked: false, status: "dead" })],
    workers: [],
    jobs: [],
    shares: [{ job: "new", workflow: "browse", share: 1, token: 9, state: "running" }],
  });
}
