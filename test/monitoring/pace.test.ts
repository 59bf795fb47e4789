import { expect, test } from 'vitest';
import { alerts } from '../../hack/generate/monitoring/alerts.ts';
import { hurriedAlert, hurriedDuration, hurriedExpression } from '../../hack/monitoring/pace.ts';

test.each([
  ['1h', '60000ms'],
  ['15m', '15000ms'],
  ['30s', '500ms'],
])('%s of life is %s', (life, run) => {
  expect(hurriedDuration(life)).toBe(run);
});

test('what is no duration is refused', () => {
  expect(() => hurriedDuration('soon')).toThrow('soon is no duration');
});

test.each([
  ['rate(a[10m]) > 0.2', 'rate(a[10000ms]) > 0.2', 'ranges, and not what is compared'],
  ['max by (job) (b_seconds) > 3600', 'max by (job) (b_seconds) > 60', 'a limit of seconds'],
  ['max by (job) (b_bytes) > 3600', 'max by (job) (b_bytes) > 3600', 'a limit of something else'],
  ['b_seconds <= 60', 'b_seconds <= 1', 'whichever way it is compared'],
])('%s becomes %s: %s', (expr, hurried) => {
  expect(hurriedExpression(expr)).toBe(hurried);
});

/** So that an alert with a time written in another way is noticed here, and not by a run of minutes. */
test('nothing of an alert stays slow', () => {
  const slow = alerts.map(hurriedAlert).filter(({ expr }) => /\[\d+[smh]\]|_seconds\)* [<>]=? \d{3}/.test(expr));
  expect(slow).toEqual([]);
  expect(alerts.map((alert) => hurriedAlert(alert).for)).not.toContain('5m');
});
