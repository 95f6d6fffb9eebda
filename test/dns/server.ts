// A name server on loopback that answers what it is told to: A and SRV over UDP (RFC 1035, RFC 2782). Not a test.

export type Records = {
  /** IPv4 addresses by name. */
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
  /** "host:port" by service. */
  readonly services?: Readonly<Record<string, readonly string[]>>;
};

export type NameServer = AsyncDisposable & {
  /** "127.0.0.1:port". */
  readonly address: string;
  records: Records;
  /** false: it hears and says nothing. */
  doesAnswer: boolean;
  /** Names that were asked for, in order. */
  readonly asked: readonly string[];
};

const TYPE_A = 1;
const TYPE_SRV = 33;
const NO_SUCH_NAME = 3;

export async function startNameServer(records: Records): Promise<NameServer> {
  const asked: string[] = [];
  const server = { records, doesAnswer: true };
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(self, query, port, address) {
        const { name, type, question } = questionOf(query);
        asked.push(name);
        if (server.doesAnswer)
          self.send(answerTo(query, question, answersOf(server.records, name, type)), port, address);
      },
    },
  });
  return Object.assign(server, {
    address: `127.0.0.1:${socket.port}`,
    asked,
    [Symbol.asyncDispose]: async () => socket.close(),
  });
}

function questionOf(query: Buffer): { readonly name: string; readonly type: number; readonly question: Buffer } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return {
    name: labels.join(".").toLowerCase(),
    type: query.readUInt16BE(at + 1),
    question: query.subarray(12, at + 5),
  };
}

/** Out: null when the name is not known. */
function answersOf({ addresses = {}, services = {} }: Records, name: string, type: number): readonly Buffer[] | null {
  const [hosts, targets] = [addresses[name], services[name]];
  if (hosts === undefined && targets === undefined) return null;
  if (type === TYPE_A) return (hosts ?? []).map((ip) => record(TYPE_A, Buffer.from(ip.split(".").map(Number))));
  if (type !== TYPE_SRV) return [];
  return (targets ?? []).map((target) => {
    const [host = "", port = "0"] = target.split(":");
    const numbers = Buffer.alloc(6);
    numbers.writeUInt16BE(Number(port), 4);
    const labels = host.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
    return record(TYPE_SRV, Buffer.concat([numbers, ...labels, Buffer.from([0])]));
  });
}

/** Of the name of the question, for a second. */
function record(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(1, 6);
  head.writeUInt16BE(content.length, 10);
  return Buffer.concat([head, content]);
}

function answerTo(query: Buffer, question: Buffer, answers: readonly Buffer[] | null): Buffer {
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180 | (answers === null ? NO_SUCH_NAME : 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(answers?.length ?? 0, 6);
  return Buffer.concat([head, question, ...(answers ?? [])]);
}
