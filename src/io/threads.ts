// Real engine threads: Bun Workers that run src/engine/entry.ts. The only place that knows where that file is.

import type { Thread, Threads } from "./world.ts";

/** Inside the executable all modules lie at the root of Bun's own file system ("/$bunfs"; Windows: "~BUN"). */
const EXECUTABLE_ROOT = /\/(\$bunfs|~BUN)\//;

/**
 * Address of the engine's entry module. In: the address of this module, or of the executable it is compiled into;
 * there the entries lie as they lie under src/ (build with `bun build --compile src/main.ts src/engine/entry.ts`).
 */
export function engineEntryUrl(moduleUrl: string): string {
  const path = EXECUTABLE_ROOT.test(decodeURI(moduleUrl)) ? "./engine/entry.ts" : "../engine/entry.ts";
  return new URL(path, moduleUrl).href;
}

/**
 * Threads that run the engine. Request and Reply are those of engine/messages.ts, trusted: both ends are this program.
 */
export function createThreads<Request, Reply>(
  entryUrl: string = engineEntryUrl(import.meta.url),
): Threads<Request, Reply> {
  return { spawn: () => spawn(entryUrl) };
}

function spawn<Request, Reply>(entryUrl: string): Thread<Request, Reply> {
  const worker = new Worker(entryUrl);
  let isOver = false;
  let early: Reply[] = [];
  let crashed: string | null = null;
  let handleReply: ((reply: Reply) => void) | null = null;
  let handleCrash: ((message: string) => void) | null = null;
  const crash = (message: string): void => {
    if (isOver) return;
    isOver = true;
    if (handleCrash === null) crashed = message;
    else handleCrash(message);
  };
  worker.onmessage = (event: MessageEvent) => {
    if (isOver) return;
    if (handleReply === null) early.push(event.data);
    else handleReply(event.data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    crash(event.message);
    worker.terminate();
  };
  worker.addEventListener("close", (event) =>
    crash(`the thread ended${"code" in event ? ` with code ${String(event.code)}` : ""}`),
  );
  return {
    post: (request) => worker.postMessage(request),
    onReply: (handle) => {
      handleReply = handle;
      for (const reply of early) handle(reply);
      early = [];
    },
    onCrash: (handle) => {
      handleCrash = handle;
      if (crashed !== null) handle(crashed);
    },
    terminate: () => {
      isOver = true;
      worker.terminate();
    },
  };
}
