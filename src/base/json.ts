// JSON from outside: a text that is none is no surprise. What the value has to be, whoever asked for it checks.

/** The value of a JSON text; null when it is none. Never throws. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
