// The work every generator of bench.ts does: one small keep-alive GET with one check, over and over.

import type { VU } from "hyperscale";

export default async function ({ http, check, env }: VU) {
  const res = await http.get(env["TARGET"] ?? "");
  check(res, { "status is 200": (r) => r.status === 200 });
}
