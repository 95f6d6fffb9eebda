// Options that shape a job: shared by every command that loads a workflow file. k6's spelling where k6 has the flag,
// with what users of other load tools type for the same thing as aliases. Their values are read in job.ts and url.ts.

import type { OptionTable } from "./command.ts";

export const LOAD_OPTIONS = {
  "file": {
    type: "positional", required: true, valueHint: "FILE|URL", completion: "file",
    description: "workflow file (TypeScript or JavaScript), a URL to request, or - for a file on standard input",
  },
  "vus": { type: "string", alias: ["u", "users"], valueHint: "N", description: "Virtual users", section: "Load" },
  "duration": { type: "string", alias: ["d", "z", "run-time"], valueHint: "TIME", description: "How long to run: 30s, 1m30s", section: "Load" },
  "iterations": {
    type: "string", alias: ["i", "n"], valueHint: "N", section: "Load",
    description: "Iterations in all, shared by the virtual users; 10k is 10,000",
  },
  "stage": {
    type: "string", alias: ["s"], valueHint: "TIME:VUS", isRepeatable: true, isList: true, section: "Load",
    description: "Ramp the virtual users to a number over a time: -s 30s:10 -s 1m:0",
  },
  "rate": {
    type: "string", valueHint: "N/s", section: "Load",
    description: "Start this many iterations per second (/m, /h, /500ms) whether or not earlier ones have ended; needs --duration",
  },
  "max-vus": { type: "string", valueHint: "N", section: "Load", description: "With --rate: virtual users at most; --vus are made before the start" },
  "method": { type: "string", alias: ["X"], valueHint: "METHOD", section: "Requests to a URL", completion: ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"], description: "Method; default GET, with a body POST" },
  "header": {
    type: "string", alias: ["H"], valueHint: "'NAME: VALUE'", isRepeatable: true, pair: ": ", section: "Requests to a URL",
    description: "Header",
  },
  "body": { type: "string", alias: ["b", "data"], valueHint: "TEXT|@FILE", section: "Requests to a URL", description: "Body, or @FILE to send a file's bytes" },
  "env": {
    type: "string", alias: ["e"], valueHint: "NAME=VALUE", isRepeatable: true, pair: "=", section: "Test",
    description: "Value for the test, which reads it as vu.env.NAME",
  },
  "tag": {
    type: "string", valueHint: "NAME=VALUE", isRepeatable: true, pair: "=", section: "Test",
    description: "Tag put on everything that is measured",
  },
  "threshold": {
    type: "string", valueHint: "METRIC:EXPR", isRepeatable: true, pair: ":", section: "Test",
    description: "Threshold besides those of the file: 'http_req_duration:p(95)<500'",
  },
  "no-thresholds": { type: "boolean", section: "Test", description: "Judge no thresholds" },
  "no-setup": { type: "boolean", section: "Test", description: "Do not run setup" },
  "no-teardown": { type: "boolean", section: "Test", description: "Do not run teardown" },
  "config": {
    type: "string", alias: ["c"], valueHint: "FILE", section: "Test", completion: "file",
    description: "JSON file of options, by name: { \"vus\": 10, \"summaryExport\": \"out.json\" }",
  },
  "insecure-skip-tls-verify": { type: "boolean", alias: ["k", "insecure"], section: "HTTP", description: "Accept any certificate" },
  "discard-response-bodies": { type: "boolean", section: "HTTP", description: "Read bodies and throw them away" },
  "no-connection-reuse": { type: "boolean", section: "HTTP", description: "Open a connection for every request" },
  "user-agent": { type: "string", valueHint: "TEXT", section: "HTTP", description: "User-Agent header" },
  "max-redirects": { type: "string", valueHint: "N", section: "HTTP", description: "Redirects to follow; default 10" },
  "cores": { type: "string", valueHint: "N", section: "Generator", description: "CPU cores to run on; default all" },
} as const satisfies OptionTable;
