import { expect, test } from 'vitest';
import { isErrorCode } from '../../src/domain/error-code.ts';

test.each<[code: unknown, isCode: boolean, reason: string]>([
  ['ECONNRESET', true, 'a code of Node'],
  ['UND_ERR_SOCKET', true, 'a code of undici'],
  [`E${'X'.repeat(63)}`, true, 'the longest code'],
  [`E${'X'.repeat(64)}`, false, 'too long'],
  ['E', false, 'too short'],
  ['ECONNRESET token=k', false, 'a text that begins with a code can contain the request'],
  ['token ECONNRESET', false, 'a text that ends with a code can contain the request'],
  ['econnreset', false, 'lower case'],
  ['ECONNRESET\n', false, 'a line break'],
  [5, false, 'a number'],
  [undefined, false, 'an error without a code'],
])('whether %j is an error code: %s, %s', (code, isCode) => {
  expect(isErrorCode(code)).toBe(isCode);
});
