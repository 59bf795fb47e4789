import { expect, test } from 'vitest';
import { alerts } from '../../hack/generate/monitoring/alerts.ts';
import { scaledAlert, scaledDuration, scaledExpression } from '../../hack/monitoring/time-scale.ts';

test.each([
  ['1h', '60000ms'],
  ['15m', '15000ms'],
  ['30s', '500ms'],
])('%s of real time is %s', (life, run) => {
  expect(scaledDuration(life)).toBe(run);
});

test('an invalid duration is refused', () => {
  expect(() => scaledDuration('soon')).toThrow('soon is not a duration');
});

test.each([
  ['rate(a[10m]) > 0.2', 'rate(a[10000ms]) > 0.2', 'ranges, and not what is compared'],
  ['max by (job) (b_seconds) > 3600', 'max by (job) (b_seconds) > 60', 'a limit of seconds'],
  ['max by (job) (b_bytes) > 3600', 'max by (job) (b_bytes) > 3600', 'a limit of something else'],
  ['b_seconds <= 60', 'b_seconds <= 1', 'any comparison'],
])('%s becomes %s: %s', (expr, scaled) => {
  expect(scaledExpression(expr)).toBe(scaled);
});

/** Finds an alert with a duration in another form here, and not in a run of minutes. */
test('every duration of an alert is scaled', () => {
  const slow = alerts.map(scaledAlert).filter(({ expr }) => /\[\d+[smh]\]|_seconds\)* [<>]=? \d{3}/.test(expr));
  expect(slow).toEqual([]);
  expect(alerts.map((alert) => scaledAlert(alert).for)).not.toContain('5m');
});
