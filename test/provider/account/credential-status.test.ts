import { expect, test } from 'vitest';
import { failed, type FailureClass, succeeded } from '../../../src/domain/failure.ts';
import { CredentialStatus } from '../../../src/provider/account/credential-status.ts';

const fine = succeeded(undefined);
const failing = (treatment: FailureClass) =>
  failed({ operation: 'ListMachines', class: treatment, code: 'Unauthorized', status: 401, text: '' });
const refused = failing('Credentials');

test('a successful call accepts an unverified key, without a list', () => {
  let accepted = 0;
  const key = new CredentialStatus(() => (accepted += 1));
  expect([key.onCall(fine, 0), key.status, key.onCall(fine, 0)]).toEqual([true, 'Accepted', false]);
  key.onList(1, fine);
  expect(accepted).toBe(1);
});

test('a failed call changes no credential status; only a rejection raises suspicion', () => {
  const key = new CredentialStatus();
  expect([key.onCall(failing('Retry'), 5), key.suspectedAt]).toEqual([false, undefined]);
  expect([key.onCall(refused, 5), key.suspectedAt, key.status]).toEqual([false, 5, 'Unverified']);
});

test.for([
  { list: 'that started before the refusal', startedAt: 4, outcome: fine, doubtedAt: 5 },
  { list: 'that started with it', startedAt: 5, outcome: fine, doubtedAt: undefined },
  { list: 'that fails for another reason', startedAt: 9, outcome: failing('Retry'), doubtedAt: 5 },
  { list: 'that is refused too', startedAt: 4, outcome: refused, doubtedAt: undefined },
])(
  'a key is suspected after a rejected call and a list $list: since $doubtedAt',
  ({ startedAt, outcome, doubtedAt }) => {
    const key = new CredentialStatus();
    key.onList(0, fine);
    key.onCall(refused, 5);
    key.onList(startedAt, outcome);
    expect(key.suspectedAt).toBe(doubtedAt);
  },
);

test('a key that is to be retried is tried by a list that starts no earlier', () => {
  const key = new CredentialStatus();
  key.onList(0, refused);
  key.retryAt = 5;
  key.onList(4, refused);
  expect(key.retryAt).toBe(5);
  key.onList(5, refused);
  expect(key.retryAt).toBeUndefined();
});

test('a rejection is kept until the key is accepted', () => {
  const key = new CredentialStatus();
  key.onList(0, refused);
  expect(key.rejection).toMatchObject({ class: 'Credentials', status: 401 });
  key.onList(1, fine);
  expect(key.rejection).toBeUndefined();
});

test('rejections count until the key is accepted, and are reset then', () => {
  const key = new CredentialStatus();
  const counts = [refused, failing('Retry'), refused, fine, refused].map((outcome, startedAt) => {
    const isNew = key.onList(startedAt, outcome);
    return [isNew, key.status, key.rejections];
  });
  expect(counts).toEqual([
    [true, 'Rejected', 1],
    [false, 'Rejected', 1],
    [false, 'Rejected', 2],
    [true, 'Accepted', 0],
    [true, 'Rejected', 0],
  ]);
});
