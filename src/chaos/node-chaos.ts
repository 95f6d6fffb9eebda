// A node that was started with --chaos: registered while it runs, and taking orders on a socket that only its user can
// open. What an order does is in the faulty ports.

import { messageOf } from "../base/error.ts";
import type { EngineReply, EngineRequest } from "../engine/messages.ts";
import type { OwnProcess } from "../io/local-process.ts";
import { wakeLater } from "../io/local-process.ts";
import { listenLines } from "../io/unix-lines.ts";
import type { World } from "../io/world.ts";
import type { NodeAddress } from "../node/station.ts";
import type { NodeStatus } from "../node/status.ts";
import { type Answer, type Order, orderSchema } from "./faults.ts";
import { faultyWorld } from "./faulty-world.ts";
import type { Entry, Registry } from "./registry.ts";

/** What a node is, as far as orders to it are concerned. */
export type OrderedNode = {
  readonly role: "manager" | "worker";
  readonly data: string;
  readonly listen: NodeAddress;
  readonly address: NodeAddress;
  readonly status: () => NodeStatus;
};

export type NodeChaos<Ports> = {
  /** What the node is to be started with. */
  readonly world: Ports;
  /** From now on it is in the registry and takes orders. Throws `storage`. Out: it leaves in order. */
  register(node: OrderedNode): { close(): void };
};

/** In: the ports of the node; its process; variables that a node started anew should have. */
export function openNodeChaos<Ports extends World<EngineRequest, EngineReply>>(options: {
  readonly ports: Ports;
  readonly registry: Registry;
  readonly self: OwnProcess;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): NodeChaos<Ports> {
  const { ports, registry, self, environment } = options;
  const { world, faults, crashCore } = faultyWorld(ports);
  let callOff = (): void => {};
  const obey = (order: Order, node: OrderedNode): Answer => {
    switch (order.kind) {
      case "tell":
        return { kind: "told", status: node.status(), faults: faults.active };
      case "inflict":
        if (order.fault.kind === "slowCores" && node.role !== "worker")
          return refused("a manager has no cores to slow");
        faults.inflict(order.fault, order.forMs);
        return { kind: "done", count: 1 };
      case "heal":
        return { kind: "done", count: faults.heal() };
      case "crashCore":
        if (node.role !== "worker") return refused("a manager has no cores");
        return crashCore() ? { kind: "done", count: 1 } : refused("no core of it runs anything now");
      case "brace":
        callOff();
        callOff = wakeLater(self, order.forMs);
        return { kind: "done", count: 1 };
      case "woken":
        callOff();
        return { kind: "done", count: 1 };
    }
  };
  return {
    world,
    register: (node) => {
      const { id } = node.status().node;
      const entry: Entry = {
        version: 1,
        id,
        role: node.role,
        pid: self.pid,
        startTime: self.startTime,
        argv: self.argv,
        program: self.program,
        directory: self.directory,
        environment: neededOf(environment),
        logFile: self.logFile,
        addresses: addressesOf(node),
        data: node.data,
        socket: registry.folder.pathOf(`${id}.sock`),
      };
      const server = listenLines(entry.socket, async (line) =>
        JSON.stringify(answerTo(line, (order) => obey(order, node))),
      );
      registry.put(entry);
      return {
        close: () => {
          faults.heal();
          server.close();
          registry.remove(entry);
        },
      };
    },
  };
}

/** What is no order is refused with a reason, and nothing else happens. */
export function answerTo(line: string, obey: (order: Order) => Answer): Answer {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return refused(`the order is not JSON: ${messageOf(error)}`);
  }
  const order = orderSchema.safeParse(value);
  if (order.success) return obey(order.data);
  const [issue] = order.error.issues;
  return refused(`this is no order: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
}

function refused(message: string): Answer {
  return { kind: "refused", message };
}

/** The host listened on may not be the one that others dial. */
function addressesOf({ listen, address }: OrderedNode): readonly NodeAddress[] {
  return listen.host === address.host ? [address] : [address, { ...address, host: listen.host }];
}

/** The product's own, and those that say where a user's files are. */
function neededOf(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value !== undefined && /^(HYPERSCALE_\w+|XDG_\w+|HOME|PATH|NO_COLOR)$/.test(name) ? [[name, value]] : [],
    ),
  );
}
