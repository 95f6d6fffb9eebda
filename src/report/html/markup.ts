// HTML text that cannot be forgotten to be escaped: what goes into a template is text unless it is Markup already.

/** Text that is HTML, made only by the functions here. */
export type Markup = { readonly kind: "markup"; readonly text: string };
export type Part = Markup | string | number | readonly Part[];

/** Template tag: html`<td>${name}</td>`. Strings and numbers are escaped (also inside quoted attributes), lists are joined. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = literals[0] ?? "";
  parts.forEach((part, at) => (text += render(part) + (literals[at + 1] ?? "")));
  return { kind: "markup", text };
}

/** Nothing. */
export const NOTHING: Markup = { kind: "markup", text: "" };

/** Fixed text of this program as it is: a style sheet, a script, the numbers of an SVG path. Never anything from outside. */
export function verbatim(text: string): Markup {
  return { kind: "markup", text };
}

/** A value as JSON for a script element: "<" cannot end it. */
export function scriptJson(value: unknown): Markup {
  return { kind: "markup", text: JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029") };
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function render(part: Part): string {
  if (typeof part === "string") return part.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
  if (typeof part === "number") return String(part);
  if ("kind" in part) return part.text;
  return part.map(render).join("");
}
