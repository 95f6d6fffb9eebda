// A node's address as people write and read it.

/** "10.0.0.5:9000", "[::1]:9000": where its streams are. */
export function addressText({ host, tcp }: { readonly host: string; readonly tcp: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${tcp}`;
}
