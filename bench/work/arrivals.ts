// An open model at 5,000 arrivals a second for 30 s.

import type { Options, VU } from "hyperscale";

export const options: Options = {
  scenarios: {
    arrivals: {
      executor: "constant-arrival-rate",
      rate: 5_000,
      duration: "30s",
      preAllocatedVUs: 100,
      maxVUs: 1_000,
    },
  },
};

export default async function ({ http, env }: VU) {
  await http.get(env["TARGET"] ?? "");
}
