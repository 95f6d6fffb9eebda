// The value at a path of parsed JSON, in the part of gjson's syntax that k6's tests use: "user.roles.0", "users.#"
// (how many), "users.#.name" (of each), with "\." for a dot in a key.

/** What gjson takes for a query, a wildcard, a pipe or a modifier. */
const OTHER_SYNTAX = /^#\(|^@|[*?|]/;

/**
 * The value at `path`, `value` itself for "". Out: undefined where there is none. The caller vouches for its type.
 * Throws TypeError at the rest of gjson's syntax, which would find nothing.
 */
export function valueAt<T>(value: unknown, path: string): T;
export function valueAt(value: unknown, path: string): unknown {
  if (path === "") return value;
  return walk(
    value,
    path.split(/(?<!\\)\./).map((key) => key.replaceAll("\\.", ".")),
    0,
  );
}

function walk(value: unknown, keys: readonly string[], at: number): unknown {
  const key = keys[at];
  if (key === undefined) return value;
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value) && key === "#") {
    if (at === keys.length - 1) return value.length;
    return value.map((member) => walk(member, keys, at + 1)).filter((member) => member !== undefined);
  }
  const member = Object.getOwnPropertyDescriptor(value, key);
  if (member === undefined && OTHER_SYNTAX.test(key))
    throw new TypeError(
      `json(): "${key}" is not known in a path, only keys, indexes and #: search in the value itself`,
    );
  return member === undefined || (Array.isArray(value) && key === "length")
    ? undefined
    : walk(member.value, keys, at + 1);
}
