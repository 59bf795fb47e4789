import { expect, test } from 'vitest';
import { readOptions } from '../../bench/options.ts';

const run = (size: number, isKept = false) => ({ kind: 'run', sizes: [size], isKept });

test.each([
  { args: [], expected: run(100), why: 'small unless said otherwise' },
  { args: ['--size', '10000'], expected: run(10_000), why: 'the given size' },
  { args: ['--size', '1000', '--keep'], expected: run(1_000, true), why: 'for the page' },
  {
    args: ['--curve'],
    expected: { kind: 'run', sizes: [100, 1_000, 10_000], isKept: true },
    why: 'every size, for the page',
  },
  { args: ['--help'], expected: { kind: 'help' }, why: 'help takes precedence' },
  { args: ['-h', '--size', '1000'], expected: { kind: 'help' }, why: 'also with other flags' },
  {
    args: ['--size', '250'],
    expected: { kind: 'problem', problem: '--size takes 100, 1000, 10000, not "250".' },
    why: 'only sizes that are compared with each other',
  },
  {
    args: ['--size', '1000', '--curve'],
    expected: { kind: 'problem', problem: expect.stringContaining('leave --size out') },
    why: 'a curve has all of them',
  },
  { args: ['--objects', '5'], expected: { kind: 'problem', problem: expect.any(String) }, why: 'no such flag' },
  { args: ['100'], expected: { kind: 'problem', problem: expect.any(String) }, why: 'no flag at all' },
])('$args: $why', ({ args, expected }) => {
  expect(readOptions(args)).toEqual(expected);
});
