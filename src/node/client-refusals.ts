// What a client's caller is told of a refusal: its kind, the manager's words, and what to do.

import { HyperscaleError } from "../base/error.ts";
import { formatDuration } from "../base/units.ts";
import type { FromDesk, ToDesk } from "./client-messages.ts";

/** Said by a manager. */
export type Refused = Extract<FromDesk, { kind: "refused" }>;

/** Its limit, and for how long it was tried. */
export function noRoom({ kind }: ToDesk, message: string, afterMs: number): HyperscaleError {
  const what = kind === "submit" ? "the job was refused" : "nothing was answered";
  return new HyperscaleError("cluster", `${what} for ${formatDuration(Math.floor(afterMs))}: ${message}`, {
    cause: "limited",
    hint: "try again later, or from fewer places at once; managers take more with a higher --submit-rate",
  });
}

/** Refused for good. */
export function refusal(request: ToDesk, { code, message }: Refused): HyperscaleError {
  const hint = code === "disk_full" ? { hint: "free space on the managers' disks and submit again" } : {};
  // What is asked of a job can only be wrong, or too late.
  const isSteer = request.kind === "steer" && code !== "elsewhere";
  if (isSteer && code === "finished")
    return new HyperscaleError("invalid", `job ${request.id} has ended already`, { cause: code });
  if (code === "unknown" || isSteer) return new HyperscaleError("invalid", message, { cause: code });
  const text = request.kind === "submit" ? `the job was refused: ${message}` : message;
  return new HyperscaleError("cluster", text, { cause: code, ...hint });
}
