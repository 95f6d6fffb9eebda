// Header fields of a received head, decoded only when somebody asks. The parser has checked the bytes.

/** Values by canonical name ("Content-Type"), in the order of arrival; a folded line counts as one with a space. */
export type HeaderFields = ReadonlyMap<string, readonly string[]>;

/** Fields of a head in `bytes` from its status line to its empty line. */
export function readFields(bytes: Buffer, from: number, to: number): HeaderFields {
  const fields = new Map<string, string[]>();
  const lines = bytes
    .toString("utf8", from, to)
    .replace(/(?:\r?\n[ \t]+)+/g, " ")
    .split("\n");
  for (let at = 1; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    const name = canonicalName(line.slice(0, colon));
    const value = line.slice(colon + 1).trim();
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
  }
  return fields;
}

/** Status line of a head: "200 OK" of "HTTP/1.1 200 OK". */
export function readStatusText(bytes: Buffer, from: number, to: number): string {
  const end = bytes.indexOf("\n", from);
  return bytes.toString("utf8", from + 9, end < 0 || end > to ? to : end).trim();
}

/** "content-type" -> "Content-Type", as Go and k6 write names. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
}
