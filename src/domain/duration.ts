const unitMilliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Longer texts are refused. */
const longest = 64;
const shape = /^([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+$/;
/** The same for other languages; JSON Schema and Go read it too. */
export const durationPattern = shape.source;
const part = /([0-9.]+)([^0-9.]+)/g;

/**
 * Reads a duration as Go and Kubernetes write it (`5m`, `1h30m`, `1.5s`, `500ms`) into milliseconds.
 * Undefined for anything else, a negative duration and a bare number included.
 */
export function parseDuration(text: string): number | undefined {
  if (text.length > longest || !shape.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(part)) {
    total += Number(amount) * (unitMilliseconds[unit ?? ''] ?? 0);
  }
  return total;
}

/** Milliseconds (not negative) as the shortest text that `parseDuration` reads back: `1h30m`, `1.5s`, `500ms`, `0s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  if (milliseconds < 1_000) return `${milliseconds}ms`;
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = Math.floor((milliseconds % 3_600_000) / 60_000);
  // The last digits of a fractional remainder are rounding errors, so only whole milliseconds count.
  const seconds = Math.round(milliseconds % 60_000) / 1_000;
  return [hours > 0 && `${hours}h`, minutes > 0 && `${minutes}m`, seconds > 0 && `${seconds}s`]
    .filter(Boolean)
    .join('');
}
