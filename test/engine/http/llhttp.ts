// llhttp, node's parser, as a reference: the runtime carries it for node:http. Not a test.

type LlhttpParser = {
  initialize(type: number, resource: object, headersMax: number, lenient: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): number | Error | undefined;
  [event: number]: unknown;
};
type Binding = {
  readonly HTTPParser: {
    new (): LlhttpParser;
    readonly RESPONSE: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
};

/** The runtime's types leave the parser out; what is used of it is checked by the tests that use it. */
function isBinding(value: object): value is Binding {
  return "HTTPParser" in value;
}

function binding(): Binding {
  const found: object = process.binding("http_parser");
  if (!isBinding(found)) throw new Error("this runtime has no llhttp");
  return found;
}

/**
 * Status and body (Latin-1) of the first final response and nothing after it; null: llhttp refuses the bytes or they
 * are cut short.
 */
export function parseWithLlhttp(
  bytes: Buffer,
  isHead: boolean,
): { readonly status: number; readonly body: string } | null {
  const { HTTPParser } = binding();
  const parser = new HTTPParser();
  const seen = { status: 0, body: "", messages: 0, isOpen: false };
  parser.initialize(HTTPParser.RESPONSE, {}, 0, 0);
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    _headers: unknown,
    _method: unknown,
    _url: unknown,
    status: number,
  ): number => {
    if (status >= 200 || status === 101) {
      seen.messages++;
      seen.status = status;
    }
    seen.isOpen = true;
    return isHead ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (chunk: Buffer): void => {
    seen.body += chunk.toString("latin1");
  };
  parser[HTTPParser.kOnMessageComplete] = (): number => {
    seen.isOpen = false;
    return 0;
  };
  const executed = parser.execute(bytes);
  const finished = executed instanceof Error ? executed : parser.finish();
  if (finished instanceof Error || seen.messages !== 1 || seen.isOpen) return null;
  return { status: seen.status, body: seen.body };
}
