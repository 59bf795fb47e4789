import { expect, test } from 'vitest';
import { fieldsOf, isRecord } from '../../src/domain/json.ts';

test.each([[null], [undefined], ['text'], [1], [true], [['a']]])('%j is not an object and has no fields', (value) => {
  expect(isRecord(value)).toBe(false);
  expect(fieldsOf(value)).toEqual({});
});

test('an object has its fields', () => {
  expect(isRecord({ a: 1 })).toBe(true);
  expect(fieldsOf({ a: 1 })).toEqual({ a: 1 });
});
