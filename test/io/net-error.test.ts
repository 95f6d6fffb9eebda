// What the system says of sockets, told in the ports' own codes and with the address it was about.

import { expect, test } from "bun:test";
import { NetError, netError, netErrorCode } from "../../src/io/net-error.ts";

const AT = { host: "m1", port: 7 };
const thrown = (code: string): Error => Object.assign(new Error("the system's words"), { code });

test("codes of the system become those of the port, with the address and a reason", () => {
  const cases = {
    ECONNREFUSED: "refused",
    ENOTFOUND: "unreachable",
    EHOSTUNREACH: "unreachable",
    ETIMEDOUT: "timeout",
    EADDRINUSE: "inUse",
    EACCES: "denied",
    EMFILE: "other",
  } as const;
  for (const [system, code] of Object.entries(cases)) expect(netError("bind", AT, thrown(system)).code).toBe(code);
  expect(netError("connect to", AT, thrown("ECONNREFUSED")).message).toBe(
    "cannot connect to m1:7: connection refused: nothing listens there",
  );
  expect(netError("connect to", AT, thrown("ENOTFOUND")).reason).toBe("no host of that name is known");
  expect(netError("bind", AT, thrown("EADDRNOTAVAIL")).message).toBe("cannot bind m1:7: it is no address of this host");
  expect(netError("bind", AT, thrown("EMFILE")).message).toBe("cannot bind m1:7: the system's words");
  expect(netError("bind", AT, "a string").message).toBe("cannot bind m1:7: a string");
});

test("an error of the port stays what it is, and nothing else has a code", () => {
  const error = new NetError("timeout", "connect to", AT);
  expect(netError("bind", AT, error)).toBe(error);
  expect(netErrorCode(error)).toBe("timeout");
  expect(netErrorCode(thrown("ETIMEDOUT"))).toBeNull();
});
