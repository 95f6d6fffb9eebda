// No two attempts of a share send at the same time: once a newer one has sent, the older one is silent. Its lease is
// over by then, give or take what clocks drift.

import type { Arrived } from "../target.ts";
import { Violation } from "./violation.ts";

const SLACK_MS = 100;

export class Overlap {
  /** "job workflow share" -> the newest attempt that sent, and since when (true ms). */
  readonly #newest = new Map<string, { readonly token: number; readonly sinceMs: number }>();

  /** A request arrives. */
  arrive({ attempt: { id } }: Arrived, atMs: number): void {
    const key = `${id.job} ${id.workflow} ${id.share}`;
    const newest = this.#newest.get(key);
    if (newest === undefined || id.token > newest.token) this.#newest.set(key, { token: id.token, sinceMs: atMs });
    else if (id.token < newest.token && atMs > newest.sinceMs + SLACK_MS)
      throw new Violation(
        "overlap",
        `${key}: attempt ${id.token} sends ${Math.round(atMs - newest.sinceMs)} ms after attempt ${newest.token} began`,
      );
  }
}
