import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import {
  responseError,
  isRefused,
  KubeError,
  type KubeErrorReason,
  readStatus,
  reasonFor,
} from '../../src/kubernetes/errors.ts';

test.each<[number, { reason?: string; name?: string } | undefined, KubeErrorReason, string]>([
  [404, { reason: 'NotFound', name: 'web' }, 'NotFound', 'the API says that this object is not there'],
  [404, { reason: 'NotFound' }, 'Unexpected', 'the resource is not served: says nothing about the object'],
  [404, undefined, 'Unexpected', "a proxy's page: says nothing about the object"],
  [404, { name: 'web' }, 'Unexpected', 'not the API server speaking'],
  [409, { reason: 'Conflict', name: 'web' }, 'Conflict', 'another client wrote first'],
  [409, { reason: 'AlreadyExists', name: 'web' }, 'AlreadyExists', 'another meaning of the same status'],
  [400, { reason: 'BadRequest' }, 'Invalid', 'the request itself is wrong'],
  [413, undefined, 'Invalid', 'too large, now and the next time'],
  [422, { reason: 'Invalid', name: 'web' }, 'Invalid', 'the schema refuses it'],
  [401, undefined, 'Unauthorized', 'who are you?'],
  [403, { reason: 'Forbidden' }, 'Forbidden', 'the role lacks a verb'],
  [410, { reason: 'Expired' }, 'Gone', 'history was compacted'],
  [429, { reason: 'TooManyRequests' }, 'TooManyRequests', 'refused before it was handled'],
  [408, undefined, 'Timeout', 'a proxy gave up'],
  [504, { reason: 'Timeout' }, 'Timeout', 'the API server gave up'],
  [500, { reason: 'InternalError' }, 'Unavailable', 'not our fault, and passes'],
  [503, undefined, 'Unavailable', 'not ready yet'],
  [302, undefined, 'Protocol', 'an API server does not redirect'],
  [0, undefined, 'Protocol', 'an ERROR event without a status'],
  [418, undefined, 'Unexpected', 'nothing known'],
])('%i with %j is %s: %s', (httpStatus, status, reason) => {
  expect(reasonFor(httpStatus, status)).toBe(reason);
});

test.each<[KubeErrorReason, boolean]>([
  ['Forbidden', true],
  ['Invalid', true],
  ['Altered', true],
  ['Conflict', false],
  ['NotFound', false],
  ['Unauthorized', false],
  ['TooManyRequests', false],
  ['Network', false],
  ['Fenced', false],
])('a write that ends as %s is judged the same when it is sent again: %s', (reason, isJudged) => {
  expect(isRefused(new KubeError('patch x', { reason }))).toBe(isJudged);
});

test('an error reports call, status and reason in one line', () => {
  const status = readStatus({ kind: 'Status', reason: 'Conflict', message: 'the object has been modified' });
  const error = responseError('patch virtualmachines/status default/web', 409, status, { retryAfter: 1_500 });
  expect(error.message).toBe('patch virtualmachines/status default/web: 409 Conflict: the object has been modified');
  expect(error).toMatchObject({ reason: 'Conflict', status: 409, retryAfter: 1_500 });
});

test('an error about a Secret has the time to wait, and none of the words', () => {
  const error = responseError(
    'patch secrets a/b',
    429,
    { message: 'planted-key' },
    { retryAfter: 1_500, isSecret: true },
  );
  expect(error).toMatchObject({ reason: 'TooManyRequests', status: 429, retryAfter: 1_500, words: undefined });
  expect(error.message).not.toContain('planted-key');
});

test('an empty name does not name an object', () => {
  const status = readStatus({ kind: 'Status', reason: 'NotFound', details: { name: '' } });
  expect(reasonFor(404, status)).toBe('Unexpected');
});

test('an error without a Status reports that, and a long message is cut', () => {
  expect(responseError('get x', 502, undefined).message).toContain('502 Unavailable: the answer is not one of');
  expect(responseError('get x', 422, { message: 'x'.repeat(10_000) }).message.length).toBeLessThan(600);
});

test('an error contains only what it reports', () => {
  expect(inspect(responseError('get x', 503, undefined)).replaceAll(/\n\s+at .*/g, '')).not.toContain('cause');
  expect(Object.keys(responseError('get x', 503, undefined)).toSorted()).toEqual([
    'name',
    'reason',
    'retryAfter',
    'status',
  ]);
});

test.each([[undefined], [null], ['text'], [{ kind: 'Pod' }], [[]]])('%j does not count as a Status', (value) => {
  expect(readStatus(value)).toBeUndefined();
});
