// The Bun Worker of one core: loads the user's code, runs one share at a time, reports cuts to the main thread.
// Entry point of the thread; src/main.ts is the other one of the executable.

import { openThread } from "./thread.ts";

openThread();
