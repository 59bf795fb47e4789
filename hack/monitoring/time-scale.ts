import { parseDuration } from '../../src/domain/duration.ts';
import type { Alert } from '../generate/monitoring/alerts.ts';

/** A second of a run stands for a minute: every duration in an alert or a query is divided by this. */
export const timeScale = 60;

/** `15m` → `15000ms`, which Prometheus accepts too. */
export function scaledDuration(text: string): string {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) throw new Error(`${text} is not a duration`);
  return `${milliseconds / timeScale}ms`;
}

/** Scales ranges, and limits of metrics in seconds. Expressions have no other durations. */
export function scaledExpression(expr: string): string {
  return expr
    .replaceAll(/\[(\w+)\]/g, (_, range: string) => `[${scaledDuration(range)}]`)
    .replaceAll(
      /(_seconds\)* [<>]=? )(\d+)/g,
      (_, before: string, limit: string) => `${before}${Number(limit) / timeScale}`,
    );
}

export function scaledAlert(alert: Alert): Alert {
  return { ...alert, expr: scaledExpression(alert.expr), for: scaledDuration(alert.for) };
}
