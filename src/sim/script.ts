// What the functions of a simulated test do, written as JSON where a real bundle has code: by name of the workflow. So
// two submissions differ by their bytes as real ones do, and a core needs nothing but its bundle to play its part.

import type { Bundle } from "../engine/messages.ts";

/** Times in ms of schedule. unsentPart: 0 to 1, of requests that never get a socket. */
export type Script = {
  readonly readyMs: number;
  readonly latencyMs: number;
  readonly unsentPart: number;
  readonly isBroken: boolean;
  /** A one-shot function throws, or never returns. */
  readonly doesThrow: boolean;
  readonly doesHang: boolean;
  /** Given once by each attempt, by the VU that comes first. */
  readonly provide: { readonly key: string } | null;
  /** vu.abort(). */
  readonly abortMs: number | null;
  /** The code kills its thread, in every attempt that is there at that time. */
  readonly crashMs: number | null;
  /** The code kills the whole process of its worker. */
  readonly killMs: number | null;
};

/** A function that does its work. */
export const GOOD: Script = {
  readyMs: 20,
  latencyMs: 100,
  unsentPart: 0.02,
  isBroken: false,
  doesThrow: false,
  doesHang: false,
  provide: null,
  abortMs: null,
  crashMs: null,
  killMs: null,
};

/** The bundle of a simulated test. `label` makes it differ from others of the same scripts. */
export function scriptBundle(scripts: Readonly<Record<string, Partial<Script>>>, label: string): Bundle {
  return { code: JSON.stringify({ label, scripts }), entry: "script.json", files: {} };
}

/** What the bundle says of a workflow. */
export function readScript(bundle: Bundle, workflow: string): Script {
  const { scripts }: { scripts: Readonly<Record<string, Partial<Script>>> } = JSON.parse(bundle.code);
  return { ...GOOD, ...scripts[workflow] };
}
