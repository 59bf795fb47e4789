import { expect, it } from 'vitest';
import { byNearness, nearest } from '../../src/domain/nearest-names.ts';

const templates = ['CentOS 7', 'Ubuntu 24.04 x64', 'Windows Server 2025', 'Debian 12 x64', 'Debian 13 x64'];

it.each([
  { word: 'Debain 13 x64', first: ['Debian 13 x64', 'Debian 12 x64'], because: 'two letters changed places' },
  { word: 'debian 13 x64', first: ['Debian 13 x64'], because: 'case does not count' },
  {
    word: 'Debian',
    first: ['Debian 12 x64', 'Debian 13 x64'],
    because: 'the beginning, though CentOS takes fewer edits',
  },
  { word: '2025', first: ['Windows Server 2025'], because: 'any part of a name' },
  {
    word: 'Debian 13 x64'.repeat(1_000),
    first: ['Debian 13 x64'],
    because: 'of a long word only the beginning counts',
  },
])('the nearest to "$word" come first: $because', ({ word, first }) => {
  const sorted = byNearness(word, templates, (name) => name);
  expect(sorted.slice(0, first.length)).toEqual(first);
  expect(sorted.toSorted()).toEqual(templates.toSorted());
});

it.each([
  { word: '--worker', suggestion: '--workers' },
  { word: '--WORKERS', suggestion: '--workers' },
  { word: '--wrks', suggestion: '--workers' },
  { word: '--wks', suggestion: undefined },
])('a suggestion differs by at most three edits: $word', ({ word, suggestion }) => {
  expect(nearest(word, ['--shards', '--workers'])).toBe(suggestion);
});
