// Durations and sizes as people write them, and back. Milliseconds and bytes inside the program.

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of a duration: a number is milliseconds already, text is Go's and k6's form ("1h30m",
 * "10s", "500ms", "1.5m"); bare digits in text are milliseconds, as in k6. Out: null if it is no duration.
 */
export function parseDuration(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value : null;
  if (typeof value !== "string") return null;
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+$/.test(text)) return null;
  let totalMs = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g)) {
    totalMs += Number(part[1]) * (UNIT_MS[part[2] ?? ""] ?? 0);
  }
  return totalMs;
}

/** A length of time the way k6 prints a schedule: 90000 -> "1m30s", 500 -> "500ms", 0 -> "0s". */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return ms === 0 ? "0s" : `${Number(ms.toFixed(3))}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = Number(((ms % 60_000) / 1_000).toFixed(3));
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}

/** A measured time the way k6 prints one: 0.0123 -> "12.3µs", 12.3456 -> "12.35ms", 1500 -> "1.5s". */
export function formatLatency(ms: number): string {
  const size = Math.abs(ms);
  if (size === 0) return "0s";
  if (size < 0.001) return `${trim(ms * 1e6)}ns`;
  if (size < 1) return `${trim(ms * 1e3)}µs`;
  if (size < 1_000) return `${trim(ms)}ms`;
  if (size < 60_000) return `${trim(ms / 1_000)}s`;
  return formatDuration(Math.round(ms / 10) * 10);
}

/** Bytes with decimal prefixes as k6 prints them: 1234567 -> "1.2 MB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let size = bytes;
  let unit = 0;
  while (Math.abs(size) >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit++;
  }
  return `${unit === 0 ? Math.round(size) : size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Bytes of "512mb", "2GiB", "1g" or a bare number. Out: null if it is no size. */
export function parseBytes(value: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(b|k|kb|kib|m|mb|mib|g|gb|gib)?$/i.exec(value.trim());
  if (match === null) return null;
  const power = {
    b: 1,
    k: 2 ** 10,
    kb: 1e3,
    kib: 2 ** 10,
    m: 2 ** 20,
    mb: 1e6,
    mib: 2 ** 20,
    g: 2 ** 30,
    gb: 1e9,
    gib: 2 ** 30,
  };
  const unit = (match[2] ?? "b").toLowerCase();
  return Math.round(Number(match[1]) * (Object.entries(power).find(([name]) => name === unit)?.[1] ?? 1));
}

function trim(value: number): string {
  return String(Number(value.toFixed(2)));
}
