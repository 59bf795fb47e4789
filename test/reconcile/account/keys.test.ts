import { expect, test } from 'vitest';
import { parseSelector } from '../../../src/domain/label-selector.ts';
import { KubeError } from '../../../src/kubernetes/errors.ts';
import { ownLease } from '../world/operator.ts';
import { createAccountWorld, type AccountWorld, minute } from './world.ts';

const fine = { Ready: 'True InventoryCurrent', CredentialsValid: 'True Accepted', InventoryComplete: 'True Complete' };

function putKey({ cluster }: AccountWorld, namespace: string, name: string, key: string, isLabeled = true): void {
  cluster.put('secrets', {
    metadata: { namespace, name, ...(isLabeled ? { labels: { watched: 'true' } } : {}) },
    data: { 'api-key': Buffer.from(key).toString('base64') },
  });
}

const eventsOf = ({ cluster }: AccountWorld, name: string): readonly string[] =>
  cluster.events
    .filter(({ regarding }) => regarding.kind === 'Account' && regarding.name === name)
    .map(({ type, reason }) => `${type} ${reason}`);

test('reports a missing, a rejected and a corrected key, each with one event, and keeps the inventory', async () => {
  const world = await createAccountWorld();
  world.fakeProvider.add('legacy');
  world.cluster.remove('secrets', 'vps247-credentials');
  world.applyAccount('main');
  await world.clock.advance(minute);
  expect(world.conditions('main')).toEqual({
    Ready: 'False CredentialsMissing',
    CredentialsValid: 'False CredentialsMissing',
    InventoryComplete: 'Unknown CredentialsMissing',
    Stalled: 'True CredentialsMissing',
  });
  expect(world.accountCondition('main', 'Ready')?.message).toContain('kubectl -n default create secret generic');
  world.useKeyOf(1);
  await world.clock.advance(minute);
  expect(world.conditions('main')).toEqual(fine);
  world.fakeProvider.refused.add(1);
  await world.clock.advance(3 * minute);
  expect(world.conditions('main')).toEqual({
    Ready: 'False CredentialsRejected',
    CredentialsValid: 'False CredentialsRejected',
    InventoryComplete: 'Unknown CredentialsRejected',
    Stalled: 'True CredentialsRejected',
  });
  expect(world.status('main')?.machines?.total).toBe(1);
  world.fakeProvider.refused.clear();
  world.useKeyOf(1);
  await world.clock.advance(minute);
  expect(world.conditions('main')).toEqual(fine);
  expect(eventsOf(world, 'main')).toEqual([
    'Warning CredentialsMissing',
    'Normal InventoryCurrent',
    'Warning CredentialsRejected',
    'Normal InventoryCurrent',
  ]);
});

test('an outage of the provider keeps the inventory and writes once', async () => {
  const world = await createAccountWorld();
  world.fakeProvider.add('legacy');
  world.applyAccount('main');
  await world.clock.advance(2 * minute);
  const before = world.writes('main');
  world.fakeProvider.broken.set('ListMachines', { class: 'Retry', code: 'ServerError', status: 503 });
  await world.clock.advance(60 * minute);
  expect(world.conditions('main')).toEqual({
    Ready: 'Unknown ProviderUnavailable',
    CredentialsValid: 'True Accepted',
    InventoryComplete: 'Unknown ProviderUnavailable',
    Reconciling: 'True ProviderUnavailable',
  });
  expect(world.status('main')?.machines?.total).toBe(1);
  expect(world.writes('main') - before).toBe(1);
  world.fakeProvider.broken.clear();
  await world.clock.advance(10 * minute);
  expect(world.conditions('main')).toEqual(fine);
});

test('a failed read of the catalog is repeated after ten minutes, and delays no inventory', async () => {
  const world = await createAccountWorld();
  world.fakeProvider.add('legacy', { package: { id: 1 } });
  world.catalogFailure = { class: 'Retry', code: 'ServerError', status: 500, text: '' };
  world.applyAccount('main');
  await world.clock.advance(minute);
  expect(world.status('main')).toMatchObject({ machines: { total: 1 }, estimate: { unpriced: 1 } });
  expect(world.status('main')?.catalog).toBeUndefined();
  world.catalogFailure = undefined;
  await world.clock.advance(12 * minute);
  expect(world.status('main')?.estimate).toEqual({ monthlyPrice: '4.00', currency: 'EUR', unpriced: 0 });
  expect(world.catalogReads()).toBe(2);
});

test("with the operator's default key an Account shows the VMs of others only in the operator's namespace", async () => {
  const world = await createAccountWorld({
    defaultCredentialsSecret: { namespace: 'ops', name: 'shared', key: undefined },
    defaultCredentialsNamespaces: ['default', 'team-a', ownLease.namespace],
  });
  world.cluster.remove('secrets', 'vps247-credentials');
  putKey(world, 'ops', 'shared', 'owner-1');
  world.fakeProvider.add('secret-project');
  world.apply('web');
  world.applyAccount('main', {}, 'team-a');
  world.applyAccount('all', {}, ownLease.namespace);
  await world.clock.advance(3 * minute);
  expect(world.condition('web', 'Ready')?.status).toBe('True');
  expect(world.conditions('main', 'team-a')).toMatchObject({ Ready: 'False DefaultCredentialsNotPermitted' });
  expect(JSON.stringify(world.status('main', 'team-a'))).not.toContain('secret-project');
  expect(world.status('main', 'team-a')).not.toHaveProperty('machines');
  expect(world.status('all', ownLease.namespace)?.machines).toEqual({ total: 2, managed: 1, unmanaged: 1 });
  // Its own Secret opens the account, or another one.
  putKey(world, 'team-a', 'vps247-credentials', 'owner-2');
  await world.clock.advance(2 * minute);
  expect(world.status('main', 'team-a')?.machines).toEqual({ total: 0, managed: 0, unmanaged: 0 });
});

test('the keys of Accounts count toward the limit of their namespace', async () => {
  const world = await createAccountWorld({ maxApiKeysPerNamespace: 2 });
  for (const index of [2, 3, 4]) {
    putKey(world, 'default', `key-${index}`, `owner-${index}`);
    world.applyAccount(`a-${index}`, { credentialsSecretRef: { name: `key-${index}`, key: 'api-key' } });
    await world.clock.advance(minute);
  }
  expect(world.conditions('a-3')).toEqual(fine);
  expect(world.conditions('a-4')).toMatchObject({
    Ready: 'False ApiKeyLimitReached',
    CredentialsValid: 'Unknown ApiKeyLimitReached',
    Stalled: 'True ApiKeyLimitReached',
  });
  world.cluster.remove('accounts', 'a-2');
  await world.clock.advance(3 * minute);
  expect(world.conditions('a-4')).toEqual(fine);
});

test('picks up another key at once, and shows only the account that it opens', async () => {
  const world = await createAccountWorld();
  world.fakeProvider.add('of-one');
  world.fakeProvider.add('of-two', { ownerId: 2 });
  world.applyAccount('main');
  await world.clock.advance(2 * minute);
  expect(world.status('main')).toMatchObject({ ownerId: 1, unmanaged: [{ name: 'of-one' }] });
  world.useKeyOf(2);
  await world.clock.advance(minute + 1_000);
  expect(world.status('main')).toMatchObject({ ownerId: 2, unmanaged: [{ name: 'of-two' }] });
});

test('reconciles only the Accounts that the selector matches', async () => {
  const world = await createAccountWorld({ selector: parseSelector('shard=b') });
  world.applyAccount('main');
  world.cluster.put('accounts', {
    metadata: { name: 'ours', labels: { shard: 'b' } },
    spec: { credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' } },
    status: { observedGeneration: -1 },
  });
  await world.clock.advance(minute);
  expect([world.status('main')?.observedGeneration, world.status('ours')?.observedGeneration]).toEqual([-1, 1]);
  await world.cluster.patch(
    { group: 'vps247.com', version: 'v1alpha1', plural: 'accounts' },
    { namespace: 'default', name: 'main' },
    { type: 'merge', body: { metadata: { labels: { shard: 'b' } } } },
  );
  await world.clock.advance(minute);
  expect(world.status('main')?.observedGeneration).toBe(1);
});

test('a new leader continues without a write', async () => {
  const world = await createAccountWorld();
  world.fakeProvider.add('legacy');
  world.applyAccount('main');
  await world.clock.advance(5 * minute);
  const before = world.writes('main');
  await world.restart();
  await world.clock.advance(10 * minute);
  expect(world.writes('main')).toBe(before);
});

test('without the CRD, Accounts are off: VMs are managed, and the log reports that once', async () => {
  const world = await createAccountWorld();
  await world.stop();
  const { list } = world.cluster;
  let isServed = false;
  world.cluster.list = (resource, ...rest) =>
    resource.plural === 'accounts' && !isServed
      ? Promise.reject(new KubeError('list accounts: 404', { reason: 'Unexpected', status: 404 }))
      : Reflect.apply(list, world.cluster, [resource, ...rest]);
  const again = await createAccountWorld(
    {},
    { beside: world, leadership: { won: Promise.resolve(), fence: () => true } },
  );
  again.apply('web');
  await again.clock.advance(60 * minute);
  expect(again.notReady()).toBeUndefined();
  expect(again.condition('web', 'Ready')?.status).toBe('True');
  expect(again.complaints).toEqual([]);
  const lines = again.lines.filter(({ message }) => message === 'Accounts are off');
  expect(lines).toEqual([
    { message: 'Accounts are off', fields: { reason: 'the CRD accounts.vps247.com is not installed' } },
  ]);
  isServed = true;
  again.applyAccount('main');
  await again.clock.advance(6 * minute);
  expect(again.conditions('main')).toEqual(fine);
});
