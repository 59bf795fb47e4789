import { expect, test } from 'vitest';
import { failed, type FailureClass, succeeded } from '../../../src/domain/failure.ts';
import { KeyVerdict } from '../../../src/provider/account/credential-status.ts';

const fine = succeeded(undefined);
const failing = (treatment: FailureClass) =>
  failed({ operation: 'ListMachines', class: treatment, code: 'Unauthorized', status: 401, text: '' });
const refused = failing('Credentials');

test('a call that is answered accepts a key that nobody has judged, and no list is needed', () => {
  let accepted = 0;
  const key = new KeyVerdict(() => (accepted += 1));
  expect([key.heard(fine, 0), key.verdict, key.heard(fine, 0)]).toEqual([true, 'Accepted', false]);
  key.judge(1, fine);
  expect(accepted).toBe(1);
});

test('a call that fails changes no verdict; only a refusal raises doubt', () => {
  const key = new KeyVerdict();
  expect([key.heard(failing('Retry'), 5), key.doubtedAt]).toEqual([false, undefined]);
  expect([key.heard(refused, 5), key.doubtedAt, key.verdict]).toEqual([false, 5, 'Unverified']);
});

test.for([
  { list: 'that started before the refusal', startedAt: 4, outcome: fine, doubtedAt: 5 },
  { list: 'that started with it', startedAt: 5, outcome: fine, doubtedAt: undefined },
  { list: 'that fails for another reason', startedAt: 9, outcome: failing('Retry'), doubtedAt: 5 },
  { list: 'that is refused too', startedAt: 4, outcome: refused, doubtedAt: undefined },
])('doubt of a call that was refused after a list $list: since $doubtedAt', ({ startedAt, outcome, doubtedAt }) => {
  const key = new KeyVerdict();
  key.judge(0, fine);
  key.heard(refused, 5);
  key.judge(startedAt, outcome);
  expect(key.doubtedAt).toBe(doubtedAt);
});

test('a key that is to be tried again is tried by a list that starts no earlier', () => {
  const key = new KeyVerdict();
  key.judge(0, refused);
  key.retryAt = 5;
  key.judge(4, refused);
  expect(key.retryAt).toBe(5);
  key.judge(5, refused);
  expect(key.retryAt).toBeUndefined();
});

test('the refusal is kept until the key is accepted', () => {
  const key = new KeyVerdict();
  key.judge(0, refused);
  expect(key.rejection).toMatchObject({ class: 'Credentials', status: 401 });
  key.judge(1, fine);
  expect(key.rejection).toBeUndefined();
});

test('refusals count until the key is accepted, and no more after that', () => {
  const key = new KeyVerdict();
  const counts = [refused, failing('Retry'), refused, fine, refused].map((outcome, startedAt) => {
    const isNew = key.judge(startedAt, outcome);
    return [isNew, key.verdict, key.rejections];
  });
  expect(counts).toEqual([
    [true, 'Rejected', 1],
    [false, 'Rejected', 1],
    [false, 'Rejected', 2],
    [true, 'Accepted', 0],
    [true, 'Rejected', 0],
  ]);
});
