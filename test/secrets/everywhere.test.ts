import { expect, test } from 'vitest';
import { readSources } from '../architecture/sources.ts';

// The shared control plane is recorded for all tests; a test with a separate operator and control plane must record it itself.
test('every test with an operator on a separate control plane has its objects recorded', () => {
  const own = readSources('test').filter(
    ({ text }) => /\bstartOperator\(/.test(text) && /\bstartControlPlane\(/.test(text),
  );
  expect(own.map(({ path }) => path)).toContain('test/integration/operator/outage.test.ts');
  expect(own.filter(({ text }) => !/\brecordObjects\(/.test(text)).map(({ path }) => path)).toEqual([]);
});
