/**
 * The value of Grafana's `$__rate_interval` at one scrape a minute and a time range of some hours: at least four
 * scrapes.
 */
export const rateInterval = '5m';

/** A query as Grafana sends it, with its variables replaced. */
export function withVariables(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replaceAll(/\$(\w+)/g, (whole, name: string) => values[name] ?? whole);
}
