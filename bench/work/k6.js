// The same work for k6.
import http from "k6/http";
import { check } from "k6";

export default function () {
  const res = http.get(__ENV.TARGET);
  check(res, { "status is 200": (r) => r.status === 200 });
}
