/** What Grafana puts in the place of `$__rate_interval` where it is scraped once a minute and a dashboard shows some hours: not less than four scrapes. */
export const rateInterval = '5m';

/** A query as Grafana sends it, with these in the place of its variables. */
export function withVariables(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replaceAll(/\$(\w+)/g, (whole, name: string) => values[name] ?? whole);
}
