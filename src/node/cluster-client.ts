// What a client of a cluster can ask of it, and what it knows of its way there (client.ts).

import type { Address } from "../io/world.ts";
import type { JobResult } from "../load/result.ts";
import type { Change } from "../raft/raft.ts";
import type { SteerOrder } from "./client-messages.ts";
import type { DialFailure } from "./network/links.ts";
import type { LiveEvent } from "./messages.ts";
import type { JobLine, NodeStatus } from "./status.ts";
import type { Submission } from "./submission.ts";

/** What came of the last try at an address. role: no manager is there, but another node. `why`: a sentence. */
export type ContactFailure = {
  readonly address: Address;
  readonly failure: DialFailure | "role";
  readonly why: string;
};

/** Whom a client talks to (null: nobody just now), and what came of the last try at each address that failed. */
export type ClientContact = {
  readonly address: Address | null;
  readonly failures: readonly ContactFailure[];
  /** Ms of the client's clock at the last word of it, or since when it is asked. */
  readonly heardAtMs: number;
  /** Why the last thing asked was not decided; null: nothing was put off. */
  readonly undecided: string | null;
};

export type FollowedJob = {
  /** Resolves when the submit is committed; rejects when it is refused. */
  readonly accepted: Promise<void>;
  /** Rejects when the job is refused, unknown, or its result is not kept. */
  readonly result: Promise<JobResult>;
  /** Ends the job gracefully; `result` still comes. */
  cancel(): void;
};

export type ClusterClient = {
  /** Submits under that id, again and again until the answer is known, and follows. */
  submit(id: string, submission: Submission, onEvent: (event: LiveEvent) => void): FollowedJob;
  /** Submits and leaves it at that; resolves when the job is accepted. */
  hand(id: string, submission: Submission): Promise<void>;
  /** Follows a job that somebody submitted. */
  follow(id: string, onEvent: (event: LiveEvent) => void): FollowedJob;
  /** Resolves when it is committed, or the job had ended; rejects when there is no such job. */
  cancel(id: string, by: "user" | "other"): Promise<void>;
  /** Pauses a job, lets it go on, or scales it. Resolves when it is committed; rejects with `invalid` when refused. */
  steer(id: string, order: SteerOrder): Promise<void>;
  /** All jobs, the oldest first. */
  jobs(): Promise<readonly JobLine[]>;
  /**
   * Of who the managers are since that entry (quorum.membershipIndex of a status). Resolves when the leader has it in
   * its log; rejects with its refusal: `changed` when they are others by now.
   */
  change(change: Change, since: number): Promise<void>;
  /** What the node that answers knows of the cluster. */
  status(): Promise<NodeStatus>;
  contact(): ClientContact;
  /** Nothing is said or heard after it; what waits rejects. Idempotent. */
  close(): void;
};
