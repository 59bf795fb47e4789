import { expect, test } from 'vitest';
import { readSources } from '../architecture/sources.ts';

// The shared control plane is recorded for everybody; whoever brings an operator and a control plane of their own must see to it.
test('whoever runs an operator on a control plane of their own has its objects recorded', () => {
  const own = readSources('test').filter(
    ({ text }) => /\bstartOperator\(/.test(text) && /\bstartControlPlane\(/.test(text),
  );
  expect(own.map(({ path }) => path)).toContain('test/integration/operator/outage.test.ts');
  expect(own.filter(({ text }) => !/\brecordObjects\(/.test(text)).map(({ path }) => path)).toEqual([]);
});
