import { expect, test } from 'vitest';
import { explore } from './checker.ts';
import { startOf } from './configurations.ts';
import { invariants } from './invariants.ts';
import { createModel } from './model.ts';
import { mutations } from './mutations.ts';
import { loadSubject } from './subject.ts';

/** More than the largest of their worlds has. */
const limits = { states: 20_000 };

const real = await loadSubject();

test.each(mutations)('a mistake is found: $mistake', { timeout: 60_000 }, async (mutation) => {
  const subject = await loadSubject([mutation]);
  const start = await startOf(real, { name: mutation.mistake, ...mutation.configuration });
  const { violation } = await explore(createModel(subject, start), invariants, limits);
  expect(violation?.invariant).toBe(mutation.breaks);
});

test('every invariant is broken by some mistake, which shows that it has an effect', () => {
  const broken = new Set(mutations.map(({ breaks }) => breaks));
  expect(invariants.map(({ name }) => name).filter((name) => !broken.has(name))).toEqual([]);
});

test('a mistake that no longer fits its source is an error, not a mistake that is found', async () => {
  const mistake = { file: 'plan/plan.ts', function: 'isDeleting', find: 'noSuchCall()', replacement: '' };
  await expect(loadSubject([mistake])).rejects.toThrow('src/plan/plan.ts has "noSuchCall()" 0 times in isDeleting');
});
