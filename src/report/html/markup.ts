// HTML text whose escaping cannot be forgotten: what goes into a template is text unless it is Markup already; and the
// few pieces that many parts of the page are made of.

/** Text that is HTML, made only by the functions here. */
export type Markup = { readonly kind: "markup"; readonly text: string };
export type Part = Markup | string | number | readonly Part[];

/** Template tag: html`<td>${name}</td>`. Strings are escaped, also for quoted attributes; lists are joined. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = literals[0] ?? "";
  parts.forEach((part, at) => (text += render(part) + (literals[at + 1] ?? "")));
  return { kind: "markup", text };
}

/** Nothing. */
export const NOTHING: Markup = { kind: "markup", text: "" };

/** Fixed text of this program as it is: a style sheet, the numbers of an SVG path. Never anything from outside. */
export function verbatim(text: string): Markup {
  return { kind: "markup", text };
}

/** A value as JSON for a script element: "<" cannot end it. */
export function scriptJson(value: unknown): Markup {
  return { kind: "markup", text: JSON.stringify(value).replaceAll("<", "\\u003c") };
}

export type Tone = "good" | "bad" | "warn";

/** A few words that stand out. */
export function badge(tone: Tone, text: string): Markup {
  return html`<span class="badge ${tone}">${text}</span>`;
}

/** A ratio 0..1 as a bar, with its text behind it. */
export function meter(ratio: number, tone: "good" | "bad" | "plain", text: string): Markup {
  const width = (Math.min(1, Math.max(0, ratio)) * 100).toFixed(1);
  return html`<span class="meter ${tone}"><i style="width:${width}%"></i></span><span>${text}</span>`;
}

/** A card under a title. */
export function section(title: string, body: Markup): Markup {
  return html`<h2>${title}</h2>
    <div class="card">${body}</div>`;
}

/** A column's title over figures. */
export function figures(title: string): Markup {
  return html`<th scope="col" class="n">${title}</th>`;
}

/** A table that scrolls sideways where it must. `columns`: titles, as text or from `figures`. */
export function table(columns: readonly Part[], rows: readonly Markup[]): Markup {
  const heads = columns.map((column) => (typeof column === "string" ? html`<th scope="col">${column}</th>` : column));
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function render(part: Part): string {
  if (typeof part === "string") return part.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? found);
  if (typeof part === "number") return String(part);
  if ("kind" in part) return part.text;
  return part.map(render).join("");
}
