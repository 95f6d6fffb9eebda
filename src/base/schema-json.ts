// What a schema (schema.ts) says, in the words of JSON Schema: plain data, put together where schemas are.

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [key: string]: unknown };

/** It says nothing: anything is fine. */
export const none: JsonSchema = {};

/** The text of a schema file. `head`: keys that come first. */
export function text(schema: JsonSchema, head: JsonSchema): string {
  const whole = { ...head, $schema: "https://json-schema.org/draft/2020-12/schema", ...schema };
  return `${JSON.stringify(whole, null, 2)}\n`;
}
