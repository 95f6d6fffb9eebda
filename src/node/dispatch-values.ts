// The values that travel with a dispatch (context, and what setup returned): in the dispatch itself where they fit into
// a frame with it, else in messages of their own before it. Together they may be larger than any frame.

/** JSON text by key, and what setup returned. */
export type Values = { readonly context: Readonly<Record<string, string>>; readonly setupJson: string | null };

/** Bytes of values in one message, at most, unless one value alone is larger. */
const PART_BYTES = 600 * 1024;
/** Bytes of UTF-8 that a character of JSON text takes at most. */
const BYTES_PER_CHARACTER = 3;
/** Attempts whose values are waited with, and parts of each. */
const PENDING_MAX = 64;
export const PARTS_MAX = 64;

const NONE: Values = { context: {}, setupJson: null };

/** Parts that each fit into a message; one where all of it does. */
export function splitValues({ context, setupJson }: Values): readonly Values[] {
  const parts: { context: Record<string, string>; setupJson: string | null }[] = [];
  let room = 0;
  const next = (bytes: number): { context: Record<string, string>; setupJson: string | null } => {
    const last = parts.at(-1);
    if (last !== undefined && bytes <= room) {
      room -= bytes;
      return last;
    }
    const part = { context: {}, setupJson: null };
    parts.push(part);
    room = PART_BYTES - bytes;
    return part;
  };
  if (setupJson !== null) next(setupJson.length * BYTES_PER_CHARACTER).setupJson = setupJson;
  for (const [key, json] of Object.entries(context))
    next((key.length + json.length) * BYTES_PER_CHARACTER).context[key] = json;
  return parts.length === 0 ? [NONE] : parts;
}

/** Values that came before their dispatch, by attempt token. What never gets one goes with the oldest. */
export class PendingValues {
  readonly #parts = new Map<number, Map<number, Values>>();

  keep(token: number, part: number, values: Values): void {
    const known = this.#parts.get(token) ?? new Map<number, Values>();
    this.#parts.set(token, known);
    if (part < PARTS_MAX) known.set(part, values);
    const [oldest] = this.#parts.keys();
    if (oldest !== undefined && this.#parts.size > PENDING_MAX) this.#parts.delete(oldest);
  }

  /** What came with the dispatch and `parts` before it, as one; no longer kept. Out: null when a part is missing. */
  take(token: number, parts: number, { context, setupJson }: Values): Values | null {
    const known = this.#parts.get(token);
    if ((known?.size ?? 0) < parts) return null;
    this.#parts.delete(token);
    const all = [{ context, setupJson }, ...(known?.values() ?? [])];
    return {
      context: Object.fromEntries(all.flatMap((part) => Object.entries(part.context))),
      setupJson: all.find((part) => part.setupJson !== null)?.setupJson ?? null,
    };
  }
}
