// A job of three workflows: log in once, then browse at a steady rate while others buy in growing numbers. Run it with
//   hyperscale submit examples/checkout.ts -e TARGET=http://127.0.0.1:8080
// against examples/target.ts, or let `bun run demo` do both.
import { data, defineJob, Trend, workflow, type VU } from "hyperscale";

/** Rows are handed out over all cores, around and around. */
const carts = data(
  [
    { item: "3", amount: 1 },
    { item: "5", amount: 2 },
    { item: "0", amount: 4 },
  ],
  { pick: "circular" },
);

const cartTime = new Trend("cart_time", true);

function target(vu: VU): string {
  return vu.env["TARGET"] ?? "http://127.0.0.1:8080";
}

export default defineJob({
  name: "checkout",
  thresholds: {
    "http_req_duration{workflow:browse}": ["p(95)<200"],
    response_time: ["p(95)<1000"],
    http_req_failed: ["rate<0.05"],
    checks: ["rate>0.95"],
  },
  workflows: {
    login: workflow({
      vus: 1,
      iterations: 1,
      async run(vu) {
        const response = await vu.http.post(`${target(vu)}/login`, JSON.stringify({ user: "ada" }), {
          headers: { "content-type": "application/json" },
        });
        vu.check(response, { "logged in": (r) => r.status === 200 });
        // The workflows that name this one in `after` find it in their context.
        vu.provide("token", response.json<{ token: string }>().token);
      },
    }),
    browse: workflow({
      after: ["login"],
      executor: "constant-arrival-rate",
      rate: 200,
      duration: "10s",
      preAllocatedVUs: 20,
      maxVUs: 100,
      async run(vu) {
        const headers = { authorization: String(vu.context["token"]) };
        const items = await vu.http.get(`${target(vu)}/items`, { headers });
        vu.check(items, { "items are listed": (r) => r.status === 200 && r.json<unknown[]>().length === 8 });
        await vu.http.get(vu.http.url`${target(vu)}/items/${vu.iteration % 8}`);
        if (vu.iteration % 10 === 0) await vu.http.get(`${target(vu)}/flaky`);
      },
    }),
    buy: workflow({
      after: ["login"],
      executor: "ramping-vus",
      stages: [
        { duration: "5s", target: 10 },
        { duration: "3s", target: 10 },
        { duration: "2s", target: 0 },
      ],
      async run(vu) {
        const cart = carts.next();
        await vu.group("checkout", async () => {
          const slow = await vu.http.get(`${target(vu)}/slow`);
          const placed = await vu.http.post(`${target(vu)}/cart`, JSON.stringify(cart), {
            headers: { authorization: String(vu.context["token"]) },
          });
          vu.check(placed, { "order is placed": (r) => r.status === 201 });
          cartTime.add(slow.timings.duration + placed.timings.duration);
        });
        await vu.sleep("100ms");
      },
    }),
  },
});
