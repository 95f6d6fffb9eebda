// A cgroup that is frozen and thawed: all processes of a command stand still at once, as on a machine whose host takes
// its CPU away. Linux as root, cgroup v1 (with the controller freezer) or v2.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const V1 = "/sys/fs/cgroup/freezer";
const V2 = "/sys/fs/cgroup";
const REMOVE_MS_MAX = 5_000;

/** The file that freezes, and what it is told. */
type Switch = { readonly root: string; readonly file: string; readonly on: string; readonly off: string };

/** What this machine lacks; null: nothing. */
export function freezerProblem(): string | null {
  if (process.platform !== "linux") return "stalls need Linux: its cgroups freeze processes";
  if (process.getuid?.() !== 0) return "stalls need root: only root makes cgroups";
  if (switchHere() === null)
    return `stalls need cgroups that freeze: neither ${V1} (v1) nor ${V2}/cgroup.procs (v2) is there`;
  return null;
}

export class Freezer {
  readonly #switch: Switch;
  readonly #dir: string;

  /** Makes its cgroup. Throws what `freezerProblem` says. */
  constructor() {
    const here = switchHere();
    const problem = freezerProblem();
    if (here === null || problem !== null) throw new Error(problem ?? "no freezer");
    this.#switch = here;
    this.#dir = join(here.root, `hyperscale-stall-${process.pid}`);
    mkdirSync(this.#dir);
  }

  /** The command line that runs another within the cgroup. */
  within(command: readonly string[]): readonly string[] {
    return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', this.#procs, ...command];
  }

  freeze(): void {
    writeFileSync(join(this.#dir, this.#switch.file), this.#switch.on);
  }

  /** Also once it is closed. */
  thaw(): void {
    quietly(() => writeFileSync(join(this.#dir, this.#switch.file), this.#switch.off));
  }

  /** Thaws, ends what the command left behind, and removes the cgroup. Throws when it cannot be removed in 5 s. */
  async close(): Promise<void> {
    const untilMs = performance.now() + REMOVE_MS_MAX;
    while (existsSync(this.#dir)) {
      this.thaw();
      for (const pid of this.#left()) quietly(() => process.kill(pid, "SIGKILL"));
      quietly(() => rmdirSync(this.#dir));
      if (performance.now() > untilMs) throw new Error(`${this.#dir} cannot be removed`);
      // A process that was killed is in its cgroup until it has ended.
      await Bun.sleep(10);
    }
  }

  get #procs(): string {
    return join(this.#dir, "cgroup.procs");
  }

  #left(): readonly number[] {
    return readFileSync(this.#procs, "utf8").split("\n").filter(Boolean).map(Number);
  }
}

function switchHere(): Switch | null {
  if (existsSync(V1)) return { root: V1, file: "freezer.state", on: "FROZEN", off: "THAWED" };
  if (existsSync(join(V2, "cgroup.procs"))) return { root: V2, file: "cgroup.freeze", on: "1", off: "0" };
  return null;
}

/** What has ended meanwhile is no failure; `close` looks at what is left. */
function quietly(run: () => void): void {
  try {
    run();
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown)) throw thrown;
  }
}
