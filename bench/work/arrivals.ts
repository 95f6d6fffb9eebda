// An open model at 5,000 arrivals a second for 30 s.

import type { Options, VU } from "hyperscale";

export const options: Options = {
  scenarios: {
    arrivals: {
      executor: "constant-arrival-rate",
      rate: 5_000,
      duration: "30s",
      preAllocatedVUs: 100,
      // Room for the arrivals of most of a second, in which the machine may stand still.
      maxVUs: 4_000,
    },
  },
};

export default async function ({ http, env }: VU) {
  await http.get(env["TARGET"] ?? "");
}
