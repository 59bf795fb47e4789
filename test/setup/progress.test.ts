import { beforeEach, expect, test, vi } from 'vitest';
import { showProgress } from '../../hack/setup/progress.mjs';

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

/** What is written for `milliseconds` of some work. */
function shown(milliseconds: number, stream: { isTTY?: boolean; columns?: number }, text = 'Building etcd'): string {
  let written = '';
  const finish = showProgress(() => text, { ...stream, write: (more) => (written += more) });
  vi.advanceTimersByTime(milliseconds);
  finish('Built etcd');
  return written;
}

test('without a terminal, progress is a line at once and one every 20 seconds', () => {
  expect(shown(45_000, {})).toBe('Building etcd\nBuilding etcd (20 s)\nBuilding etcd (40 s)\nBuilt etcd in 45 s\n');
});

test('on a terminal, progress is one line that is updated every second', () => {
  const [first, second] = ['\rBuilding etcd\u001B[K', '\rBuilding etcd (1 s)\u001B[K'];
  expect(shown(1_500, { isTTY: true })).toBe(`${first}${second}\r\u001B[KBuilt etcd in 2 s\n`);
});

test.each([
  [40, 39],
  [undefined, 79],
])('a line that a terminal of %s columns would wrap is cut to %i', (columns, length) => {
  const stream = columns === undefined ? { isTTY: true } : { isTTY: true, columns };
  expect(shown(0, stream, 'x'.repeat(100))).toMatch(new RegExp(`^\\rx{${length}}\\u001B\\[K\\r`));
});
