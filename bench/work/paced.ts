// Ten thousand patient VUs: one request a second each, begun at different moments of the first second.

import type { VU } from "hyperscale";

export default async function ({ http, env, id, iteration, sleep }: VU) {
  if (iteration === 0) await sleep((id % 1_000) / 1_000);
  await http.get(env["TARGET"] ?? "");
  await sleep(1);
}
