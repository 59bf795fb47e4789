import { expect, test } from 'vitest';
import { account, ago, FakeKubectl, vm, vps } from './world.ts';

const machines = { total: 3, managed: 1, unmanaged: 2 };
const estimate = { monthlyPrice: '27.00', currency: 'EUR', unpriced: 0 } as const;
const status = { machines, estimate };
const lineOf = async (fake: FakeKubectl): Promise<string | undefined> =>
  /^Account +(.*)$/m.exec((await vps(fake, 'status web -n shop')).stdout)?.[1];
const fakeWith = (...accounts: FakeKubectl['accounts']): FakeKubectl => {
  const fake = new FakeKubectl(vm('web', { metadata: { namespace: 'shop' } }));
  fake.accounts = accounts;
  return fake;
};
const failed = (reason: string) => ({
  conditions: [
    { type: 'Ready', status: 'False', reason, message: '', observedGeneration: 1, lastTransitionTime: ago(60) },
  ] as const,
});

const other = (name: string, key: string) =>
  account('other', { namespace: 'shop', spec: { credentialsSecretRef: { name, key } } });

test.each([
  ['all is known', status, 'main: key valid, 3 VMs, 2 unmanaged, 27.00 EUR a month'],
  [
    'a price is unknown',
    { machines, estimate: { ...estimate, unpriced: 1 } },
    'main: key valid, 3 VMs, 2 unmanaged, 27.00 EUR a month without 1 of unknown price',
  ],
  ['the sum is unknown', { machines, estimate: { unpriced: 0 } }, 'main: key valid, 3 VMs, 2 unmanaged'],
  [
    'the key is rejected',
    { machines, ...failed('CredentialsRejected') },
    'main: CredentialsRejected, 3 VMs, 2 unmanaged',
  ],
  ['the operator has not reported', { conditions: [] }, 'main: not reported yet'],
])('%s', async (_, more, line) => {
  expect(await lineOf(fakeWith(account('main', { namespace: 'shop', status: more })))).toBe(line);
});

test('those of another Secret, key or namespace are not shown', async () => {
  const fake = fakeWith(
    account('main', { status }),
    other('another', 'api-key'),
    other('vps247-credentials', 'another'),
  );
  expect(await lineOf(fake)).toBeUndefined();
});

test.each([
  'Error from server (Forbidden): accounts.vps247.com is forbidden: User "ann" cannot list resource "accounts"',
  'error: the server doesn\'t have a resource type "accounts"',
])('none, and no message, after %s', async (stderr) => {
  const fake = fakeWith();
  fake.failures.set('accounts', { stderr });
  expect(await vps(fake, 'status web -n shop')).toEqual(await vps(fakeWith(), 'status web -n shop'));
});

test('-o json has them', async () => {
  const { stdout } = await vps(fakeWith(account('main', { namespace: 'shop', status })), 'status web -n shop -o json');
  expect(JSON.parse(stdout).accounts).toEqual([
    { name: 'main', ready: 'True', reason: 'InventoryCurrent', machines, estimate },
  ]);
});
