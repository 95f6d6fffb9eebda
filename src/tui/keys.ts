// What was typed, as keys: the bytes of a terminal in raw mode. Unknown sequences are nothing.

/** A character, or the name of a key. */
export type Key =
  "up" | "down" | "pageUp" | "pageDown" | "home" | "end" | "left" | "right" | "interrupt" | { readonly char: string };

const SEQUENCES: Readonly<Record<string, Exclude<Key, object>>> = {
  "[A": "up",
  OA: "up",
  "[B": "down",
  OB: "down",
  "[C": "right",
  OC: "right",
  "[D": "left",
  OD: "left",
  "[5~": "pageUp",
  "[6~": "pageDown",
  "[H": "home",
  OH: "home",
  "[1~": "home",
  "[F": "end",
  OF: "end",
  "[4~": "end",
};

/** The keys of one piece of input, in order. */
export function keysOf(text: string): readonly Key[] {
  const keys: Key[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (char === "\x03") keys.push("interrupt");
    else if (char === "\x1b") {
      const sequence = /^(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])/.exec(text.slice(at + 1))?.[0] ?? "";
      at += sequence.length;
      const key = SEQUENCES[sequence];
      if (key !== undefined) keys.push(key);
      else if (sequence === "") keys.push({ char: "\x1b" });
    } else keys.push({ char });
  }
  return keys;
}
