// Goal: etcd's numbers are read whether its own check passed or failed. Method: the words of etcdctl 3.4 to 3.6
// (etcdctl/ctlv3/command/check.go).

import { expect, test } from "bun:test";
import { perfOf } from "../../bench/etcd.ts";

test("passed and failed checks of etcdctl are read alike", () => {
  const passed =
    " 60 / 60 Booooom 100.00%\nPASS: Throughput is 7984 writes/s\nPASS: Slowest request took 0.131583s\n" +
    "PASS: Stddev is 0.013s\nPASS\n";
  expect(perfOf(passed)).toEqual({ rate: "7984", slowest: "0.131583", deviation: "0.013" });
  const failed =
    "FAIL: Throughput too low: 3420 writes/s\nSlowest request took too long: 0.530112s\nStddev too high: 0.2s\nFAIL\n";
  expect(perfOf(failed)).toEqual({ rate: "3420", slowest: "0.530112", deviation: "0.2" });
  expect(perfOf("Error: context deadline exceeded")).toEqual({ rate: null, slowest: null, deviation: null });
});
