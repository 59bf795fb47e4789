import { expect, it } from 'vitest';
import { machineIdAnnotation } from '../../../src/api/v1alpha1/constants.ts';
import { KubeError, type KubeErrorReason } from '../../../src/kubernetes/errors.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { Execution } from '../../../src/reconcile/execute/execution.ts';
import {
  type PasswordExecution,
  rememberPassword,
  writePassword,
} from '../../../src/reconcile/execute/password-secret.ts';
import { ObjectState } from '../../../src/reconcile/object-state.ts';
import { objectWith, uid } from '../../plan/fixtures.ts';

const ownedBy = (...uids: readonly string[]) =>
  uids.map((owner) => ({ apiVersion: 'vps247.com/v1alpha1', kind: 'VirtualMachine', name: 'web', uid: owner }));

const secret = (owner: string, annotations: Readonly<Record<string, string>> = { [machineIdAnnotation]: '90' }) => ({
  metadata: { ownerReferences: ownedBy(owner), annotations },
});

/** What comes of it where the create is answered so, and this Secret is there. The object with the UID `gone` is. */
function written(answer: object | KubeErrorReason, present: unknown = {}): Promise<Execution> {
  const create = (): Promise<unknown> =>
    typeof answer === 'string' ? Promise.reject(new KubeError('create', { reason: answer })) : Promise.resolve(answer);
  const client = { create, get: () => Promise.resolve(present) };
  const action = {
    type: 'WritePassword',
    id: 90,
    secretName: 'web-password',
    password: new Secret('s3cret'),
    addresses: [],
  } as const;
  return writePassword(client, objectWith({ id: 90 }), action, (owner) => owner.uid === 'gone');
}

it.each([
  { because: 'it is stored as sent', answer: secret(uid) },
  { because: 'an earlier reconciliation created it and died', answer: 'AlreadyExists', present: secret(uid) },
] as const)('the password is written: $because', async ({ answer, ...more }) => {
  const present = 'present' in more ? more.present : undefined;
  expect(await written(answer, present)).toEqual({ type: 'PasswordWritten', secretName: 'web-password' });
});

it('the Secret is owned by the object, says of which VM it is, and blocks no deletion', async () => {
  const bodies: unknown[] = [];
  const create = (resource: object, namespace: string, body: unknown): Promise<unknown> => {
    bodies.push(resource, namespace, body);
    return Promise.resolve(body);
  };
  const password = new Secret('planted-password-1');
  const addresses = [
    { version: 4, address: '10.0.0.7' },
    { version: 4, address: '198.18.0.7' },
  ] as const;
  const action = { type: 'WritePassword', id: 90, secretName: 'web-password', password, addresses } as const;
  await writePassword({ create, get: () => Promise.resolve({}) }, objectWith({ id: 90 }), action, () => false);
  expect(bodies).toEqual([
    { group: '', version: 'v1', plural: 'secrets' },
    'default',
    {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: {
        name: 'web-password',
        namespace: 'default',
        annotations: { [machineIdAnnotation]: '90' },
        labels: { 'app.kubernetes.io/managed-by': 'vps247-operator' },
        // `blockOwnerDeletion: true` would need the permission to set finalizers of the object.
        ownerReferences: [
          {
            apiVersion: 'vps247.com/v1alpha1',
            kind: 'VirtualMachine',
            name: 'web',
            uid,
            controller: true,
            blockOwnerDeletion: false,
          },
        ],
      },
      // Not the private address: in the cluster, it may be that of a Pod, which would get the password.
      stringData: { password: 'planted-password-1', host: '198.18.0.7' },
    },
  ]);
});

it.each([
  { because: 'none', addresses: [] },
  { because: 'a private one', addresses: [{ version: 4, address: '10.0.0.7' }] },
  { because: 'a range', addresses: [{ version: 4, first: '198.18.0.0', last: '198.18.0.255' }] },
] as const)('without a public address, the Secret has only the password: $because', async ({ addresses }) => {
  const bodies: unknown[] = [];
  const create = (_resource: object, _namespace: string, body: unknown): Promise<unknown> => {
    bodies.push(body);
    return Promise.resolve(body);
  };
  const password = new Secret('planted-password-1');
  const action = { type: 'WritePassword', id: 90, secretName: 'web-password', password, addresses } as const;
  await writePassword({ create, get: () => Promise.resolve({}) }, objectWith({ id: 90 }), action, () => false);
  expect(bodies).toEqual([expect.objectContaining({ stringData: { password: 'planted-password-1' } })]);
});

it.each([
  {
    because: 'the Secret holds the password of an earlier VM',
    answer: 'AlreadyExists',
    present: secret(uid, { [machineIdAnnotation]: '89' }),
    isOutdated: true,
    says: 'holds the password of an earlier VM of this object. Set another spec.initialPasswordSecret.name, or replace it with that of VM 90: kubectl -n default delete secret web-password && kubectl -n default annotate vps web ',
  },
  {
    because: 'the Secret does not say of which VM its password is',
    answer: 'AlreadyExists',
    present: secret(uid, {}),
    isOutdated: true,
    says: 'holds the password of an earlier VM of this object. Set another spec.initialPasswordSecret.name, or replace it with that of VM 90: kubectl -n default delete secret web-password && kubectl -n default annotate vps web ',
  },
  {
    because: 'the Secret is owned by another object',
    answer: 'AlreadyExists',
    present: secret('another-uid'),
    says: "exists and this object doesn't own it",
  },
  {
    because: 'the Secret is owned by no object',
    answer: 'AlreadyExists',
    present: { metadata: {} },
    says: "exists and this object doesn't own it",
  },
  {
    because: 'one of its owners is there',
    answer: 'AlreadyExists',
    present: { metadata: { ownerReferences: ownedBy('gone', 'another-uid') } },
    says: "exists and this object doesn't own it",
  },
  {
    because: 'its owner is of another kind',
    answer: 'AlreadyExists',
    present: { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'web', uid: 'gone' }] } },
    says: "exists and this object doesn't own it",
  },
  {
    because: 'its owner is of a kind of the same name in another group',
    answer: 'AlreadyExists',
    present: {
      metadata: {
        ownerReferences: [{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name: 'web', uid: 'gone' }],
      },
    },
    says: "exists and this object doesn't own it",
  },
  {
    because: 'a policy removed the owner',
    answer: { metadata: { annotations: { [machineIdAnnotation]: '90' } } },
    says: 'an admission policy removed its ownerReference',
  },
  {
    because: 'a policy removed the annotation',
    answer: secret(uid, {}),
    says: 'an admission policy removed its owner',
  },
  { because: 'it is not permitted', answer: 'Forbidden', says: `can't be created in namespace "default" (Forbidden)` },
  { because: 'it is not valid', answer: 'Invalid', says: `can't be created in namespace "default" (Invalid)` },
  { because: 'the namespace is gone', answer: 'NotFound', says: `can't be created in namespace "default" (NotFound)` },
  { because: 'it is refused', answer: 'Unexpected', says: `can't be created in namespace "default" (Unexpected)` },
] as const)('the password is not written, without a failure: $because', async ({ answer, says, ...more }) => {
  const execution = await written(answer, 'present' in more ? more.present : undefined);
  const outdated = 'isOutdated' in more ? { outdated: 'web-password' } : {};
  const reason = /can't be created|admission policy/.test(says)
    ? 'InitialPasswordNotStored'
    : 'InitialPasswordConflict';
  expect(execution).toEqual({ type: 'PasswordConflict', reason, message: expect.stringContaining(says), ...outdated });
});

it('leaves a Secret whose owner is deleted to the garbage collector', async () => {
  expect(await written('AlreadyExists', secret('gone'))).toEqual({
    type: 'PasswordAwaited',
    message: expect.stringContaining('delete it: kubectl -n default delete secret web-password'),
  });
});

it.each(['Network', 'Timeout', 'Unavailable', 'TooManyRequests', 'Unauthorized'] as const)(
  'retries while the API server does not answer: %s',
  async (reason) => {
    await expect(written(reason)).rejects.toMatchObject({ reason });
  },
);

const second = 1_000;

it.each<[what: string, execution: Exclude<PasswordExecution, { type: 'PasswordWritten' }>, from: number]>([
  [
    'of another VM or object is reported',
    { type: 'PasswordConflict', reason: 'InitialPasswordConflict', message: 'taken' },
    0,
  ],
  ['that the garbage collector does not delete is reported', { type: 'PasswordAwaited', message: 'left' }, 60 * second],
])('a Secret %s, and tried again five minutes later', (_what, execution, from) => {
  const objectState = new ObjectState(uid, 0);
  const isReportedAt = (monotonic: number): boolean => {
    const history = objectState.history(
      { now: monotonic, monotonic },
      () => '',
      () => '',
    );
    return history.passwordConflict?.message === execution.message;
  };
  for (const now of [0, 59 * second]) {
    rememberPassword(objectState, execution, now);
    if (from === 0) break;
    expect(isReportedAt(now)).toBe(false);
  }
  rememberPassword(objectState, execution, from);
  expect([from, from + 299 * second, from + 300 * second].map(isReportedAt)).toEqual([true, true, false]);
});
