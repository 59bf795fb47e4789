import { parseDuration } from '../../src/domain/duration.ts';
import type { Alert } from '../generate/monitoring/alerts.ts';

/** A second of a run stands for a minute of life: whatever takes time in an alert or a query takes a sixtieth of it. */
export const pace = 60;

/** `15m` → `15000ms`, as Prometheus reads it too. */
export function hurriedDuration(text: string): string {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) throw new Error(`${text} is no duration`);
  return `${milliseconds / pace}ms`;
}

/** Ranges, and limits of metrics in seconds; all else in an expression is no time. */
export function hurriedExpression(expr: string): string {
  return expr
    .replaceAll(/\[(\w+)\]/g, (_, range: string) => `[${hurriedDuration(range)}]`)
    .replaceAll(
      /(_seconds\)* [<>]=? )(\d+)/g,
      (_, before: string, limit: string) => `${before}${Number(limit) / pace}`,
    );
}

export function hurriedAlert(alert: Alert): Alert {
  return { ...alert, expr: hurriedExpression(alert.expr), for: hurriedDuration(alert.for) };
}
