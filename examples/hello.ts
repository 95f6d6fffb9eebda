// The smallest test: one page, ten virtual users, five seconds. Run it with
//   hyperscale submit examples/hello.ts -e TARGET=http://127.0.0.1:8080
import type { Options, VU } from "hyperscale";

export const options: Options = { vus: 10, duration: "5s", thresholds: { http_req_failed: ["rate<0.01"] } };

export default async function ({ http, check, env }: VU) {
  const response = await http.get(env["TARGET"] ?? "http://127.0.0.1:8080/");
  check(response, { "status is 200": (r) => r.status === 200 });
}
