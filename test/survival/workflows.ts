// The workflows that are disturbed: one of each executor, about so many seconds long, over eight VUs or so. Every
// request names its VU, so that the target's log tells which attempt sent it.

/** Text of a workflow file by executor; `url` of the target, `seconds` of its schedule. */
export const WORKFLOWS: Readonly<Record<string, (url: string, seconds: number) => string>> = {
  "constant-vus": (url, seconds) => file(url, `executor: "constant-vus", vus: 8, duration: "${seconds}s"`),
  "ramping-vus": (url, seconds) =>
    file(
      url,
      `executor: "ramping-vus", startVUs: 2, stages: [
        { duration: "${seconds / 2}s", target: 10 },
        { duration: "${seconds / 2}s", target: 4 },
      ]`,
    ),
  "constant-arrival-rate": (url, seconds) =>
    file(url, `executor: "constant-arrival-rate", rate: 200, duration: "${seconds}s", preAllocatedVUs: 10, maxVUs: 60`),
  "ramping-arrival-rate": (url, seconds) =>
    file(
      url,
      `executor: "ramping-arrival-rate", startRate: 50, preAllocatedVUs: 10, maxVUs: 60,
        stages: [{ duration: "${seconds}s", target: 250 }]`,
    ),
  "shared-iterations": (url, seconds) =>
    file(url, `executor: "shared-iterations", vus: 8, iterations: ${8 * 40 * seconds}, maxDuration: "5m"`),
  "per-vu-iterations": (url, seconds) =>
    file(url, `executor: "per-vu-iterations", vus: 8, iterations: ${40 * seconds}, maxDuration: "5m"`),
};

function file(url: string, scenario: string): string {
  return `
    export const options = { scenarios: { load: { ${scenario} } } };
    export default async ({ id, http, check, sleep }) => {
      check(await http.get("${url}/v/" + id), { "status is 200": (r) => r.status === 200 });
      await sleep(0.02);
    };`;
}
