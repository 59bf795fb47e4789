import { expect, test } from 'vitest';
import type { AccountSpec } from '../../../src/api/v1alpha1/account-types.ts';
import { wait } from '../../../src/domain/clock.ts';
import { failed, succeeded } from '../../../src/domain/failure.ts';
import type { ListedMachine } from '../../../src/domain/machine.ts';
import { KubeError } from '../../../src/kubernetes/errors.ts';
import { type AccountWorld, createAccountWorld, minute } from './world.ts';

const reasonOf = (world: AccountWorld, name: string): string | undefined => world.condition(name, 'Ready')?.reason;
const keyIn = (name: string): AccountSpec['credentialsSecretRef'] => ({ name, key: 'api-key' });

function putKey({ cluster }: AccountWorld, namespace: string, name: string, key: string): void {
  cluster.put('secrets', { metadata: { namespace, name }, data: { 'api-key': Buffer.from(key).toString('base64') } });
}

/** Wraps the reads of the Secrets of team-b. */
function onTenantRead({ cluster }: AccountWorld, read: () => Promise<unknown> | undefined): void {
  const { get } = cluster;
  cluster.get = (resource, ref) =>
    (resource.plural === 'secrets' && ref.namespace === 'team-b' ? read() : undefined) ??
    Reflect.apply(get, cluster, [resource, ref]);
}

test.each<{ of: string; prepare: (world: AccountWorld) => void }>([
  {
    of: 'whose Secret the API server cannot read',
    prepare: (world) =>
      onTenantRead(world, () =>
        Promise.reject(new KubeError('get secrets: 500', { reason: 'Unexpected', status: 500 })),
      ),
  },
  {
    of: 'that changes during each reconciliation',
    prepare: (world) => {
      let changes = 0;
      onTenantRead(world, async () => {
        await wait(world.clock, 100);
        changes += 1;
        await world.cluster.patch(
          { group: 'vps247.com', version: 'v1alpha1', plural: 'accounts' },
          { namespace: 'team-b', name: 'odd' },
          { type: 'merge', body: { spec: { credentialsSecretRef: keyIn(`key-${changes}`) } } },
        );
        throw new KubeError('get secrets: 404', { reason: 'NotFound', status: 404 });
      });
    },
  },
])('an Account $of delays the VMs of others by half a minute at most', async ({ prepare }) => {
  const world = await createAccountWorld();
  world.applyAccount('odd', { limits: { machines: 1 }, credentialsSecretRef: keyIn('odd') }, 'team-b');
  prepare(world);
  await world.restart();
  await world.restart();
  world.apply('web');
  await world.clock.advance(15_000);
  expect(world.fakeProvider.machines.size).toBe(0);
  await world.clock.advance(30_000);
  expect(reasonOf(world, 'web')).toBe('Available');
});

test('an Account without a limit and a pause delays no VM at a start', async () => {
  const world = await createAccountWorld();
  world.applyAccount('odd', { credentialsSecretRef: keyIn('odd') }, 'team-b');
  onTenantRead(world, () => new Promise(() => {}));
  await world.restart();
  await world.restart();
  world.apply('web');
  await world.clock.advance(5_000);
  expect(reasonOf(world, 'web')).toBe('Available');
});

test.each<Partial<AccountSpec>>([{ paused: true }, { limits: { machines: 0 } }])(
  'a key that the provider rejects from now on ends what its Account sets for other keys: %o',
  async (spec) => {
    let isRevoked = false;
    const world = await createAccountWorld(
      {},
      {
        through: (provider, apiKey) => ({
          ...provider,
          listMachines: (signal) =>
            isRevoked && apiKey.reveal() === 'owner-1-b'
              ? Promise.resolve(
                  failed({ operation: 'ListMachines', class: 'Credentials', code: 'Unauthorized', text: '' }),
                )
              : provider.listMachines(signal),
        }),
      },
    );
    putKey(world, 'team-b', 'own', 'owner-1-b');
    world.fakeProvider.add('legacy');
    world.applyAccount('main', { ...spec, credentialsSecretRef: keyIn('own') }, 'team-b');
    await world.clock.advance(3 * minute);
    world.apply('web');
    await world.clock.advance(minute);
    expect(world.fakeProvider.machines.size).toBe(1);
    isRevoked = true;
    await world.clock.advance(10 * minute);
    expect(world.conditions('main', 'team-b')['CredentialsValid']).toBe('False CredentialsRejected');
    expect(reasonOf(world, 'web')).toBe('Available');
  },
);

test.each<Partial<AccountSpec>>([{ paused: true }, { limits: { machines: 0 } }])(
  'an Account whose list also has a VM of another owner sets nothing for that owner: %o',
  async (spec) => {
    const shared: ListedMachine = { id: 77, name: 'shared', state: 'Running', addresses: [], ownerId: 1 };
    const world = await createAccountWorld(
      {},
      {
        through: (provider, apiKey) => ({
          ...provider,
          async listMachines(signal) {
            const outcome = await provider.listMachines(signal);
            return outcome.ok && apiKey.reveal() === 'owner-2' ? succeeded([...outcome.value, shared]) : outcome;
          },
        }),
      },
    );
    world.fakeProvider.add('legacy');
    world.fakeProvider.add('theirs', { ownerId: 2 });
    putKey(world, 'team-b', 'own', 'owner-2');
    world.applyAccount('odd', { ...spec, credentialsSecretRef: keyIn('own') }, 'team-b');
    await world.clock.advance(3 * minute);
    world.apply('web');
    await world.clock.advance(3 * minute);
    expect(reasonOf(world, 'web')).toBe('Available');
  },
);

test('a new leader sends nothing for a paused account, also with another key than that of the Account', async () => {
  let isSlow = false;
  const world = await createAccountWorld(
    {},
    {
      through: (provider, apiKey) => ({
        ...provider,
        listMachines: (signal) =>
          isSlow && apiKey.reveal() === 'owner-1-b' ? new Promise(() => {}) : provider.listMachines(signal),
      }),
    },
  );
  putKey(world, 'team-b', 'own', 'owner-1-b');
  world.applyAccount('main', { credentialsSecretRef: keyIn('own') }, 'team-b');
  world.apply('web');
  await world.clock.advance(3 * minute);
  await world.cluster.patch(
    { group: 'vps247.com', version: 'v1alpha1', plural: 'accounts' },
    { namespace: 'team-b', name: 'main' },
    { type: 'merge', body: { spec: { paused: true } } },
  );
  await world.clock.advance(5_000);
  expect(reasonOf(world, 'web')).toBe('Paused');
  world.cluster.change('web', { spec: { powerState: 'Halted' } });
  isSlow = true;
  await world.restart();
  await world.clock.advance(20_000);
  expect(world.fakeProvider.count('StopMachine')).toBe(0);
});

test('the end of a pause wakes the objects of a key that was listed after the Account was reconciled', async () => {
  const { promise, resolve: release } = Promise.withResolvers<void>();
  let isHeld = false;
  const world = await createAccountWorld(
    {},
    {
      through: (provider, apiKey) => ({
        ...provider,
        async listMachines(signal) {
          if (isHeld && apiKey.reveal() === 'owner-1') await promise;
          return provider.listMachines(signal);
        },
      }),
    },
  );
  world.apply('web');
  await world.clock.advance(minute);
  putKey(world, 'team-b', 'own', 'owner-1-b');
  world.applyAccount('main', { paused: true, credentialsSecretRef: keyIn('own') }, 'team-b');
  await world.clock.advance(2_000);
  isHeld = true;
  await world.restart();
  await world.clock.advance(5_000);
  isHeld = false;
  release();
  await world.clock.advance(5_000);
  expect(reasonOf(world, 'web')).toBe('Paused');
  await world.cluster.patch(
    { group: 'vps247.com', version: 'v1alpha1', plural: 'accounts' },
    { namespace: 'team-b', name: 'main' },
    { type: 'merge', body: { spec: { paused: false } } },
  );
  await world.clock.advance(1_000);
  expect(reasonOf(world, 'web')).toBe('Available');
});
