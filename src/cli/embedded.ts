// A job run within this process, as the command line follows it. The parts that run it are node/'s.

import { HyperscaleError } from "../base/error.ts";
import { mintJobId } from "../base/ids.ts";
import type { Bundle } from "../engine/messages.ts";
import type { World } from "../io/world.ts";
import type { EngineReply, EngineRequest } from "../engine/messages.ts";
import type { JobPlan } from "../load/plan.ts";
import type { JobResult } from "../load/result.ts";
import { runEmbedded } from "../node/embedded.ts";
import type { ClientEvent } from "../node/messages.ts";

export type JobStart = {
  readonly world: World<EngineRequest, EngineReply>;
  readonly plan: JobPlan;
  readonly bundle: Bundle;
  /** null: a new one. */
  readonly id: string | null;
  readonly cores: number;
  /** null: the default part of what the machine or cgroup allows. */
  readonly memoryMaxBytes: number | null;
};

export type RunningJob = {
  /** It goes on when this process ends. */
  readonly survives: boolean;
  /** Its id, once it is accepted for good. */
  readonly accepted: Promise<string>;
  /** Ends it gracefully; `result` still comes. */
  cancel(): void;
  /** Rejects when the job is refused. */
  readonly result: Promise<JobResult>;
};

/** Starts a job; `onEvent` gets what it reports until its result comes. */
export type StartJob = (start: JobStart, onEvent: (event: ClientEvent) => void) => RunningJob;

/** Starts the job in this process. */
export const startEmbedded: StartJob = (start, onEvent) => {
  const { world, plan, bundle, cores, memoryMaxBytes } = start;
  const id = start.id ?? mintJobId(world.clock.epochMs(), world.random.bytes(10));
  const { promise, resolve, reject } = Promise.withResolvers<JobResult>();
  const accepted = Promise.withResolvers<string>();
  // Whoever waits for the result has seen the refusal there.
  accepted.promise.catch(() => {});
  const refuse = (error: HyperscaleError): void => {
    accepted.reject(error);
    reject(error);
  };
  const embedded = runEmbedded({
    world,
    id,
    plan,
    bundle,
    cores,
    memoryMaxBytes,
    onEvent: (event) => {
      if (event.kind === "finished") resolve(event.result);
      else if (event.kind === "refused") refuse(new HyperscaleError("failed", `the job was refused: ${event.message}`));
      else if (event.kind === "accepted") accepted.resolve(id);
      else onEvent(event);
    },
  });
  return {
    survives: false,
    accepted: accepted.promise,
    result: promise.finally(() => embedded.close()),
    cancel: () => embedded.cancel("user"),
  };
};
