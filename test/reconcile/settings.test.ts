import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { OperatorSettings } from '../../src/config/settings.ts';
import type { Operation } from '../../src/domain/failure.ts';
import { parseSelector } from '../../src/domain/label-selector.ts';
import { usualSpec } from './world/operator.ts';
import { usual } from '../support/usual-settings.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const shared = { namespace: 'ops', name: 'shared', key: undefined };
const names = Array.from({ length: 50 }, (_, index) => `web-${index}`);

/** What a setting changes that can be seen. */
interface Effect<Name extends keyof OperatorSettings> {
  readonly value: OperatorSettings[Name];
  /** Other settings that it needs. */
  readonly with?: Partial<OperatorSettings>;
  readonly withoutBystanders?: string;
  readonly observe: (world: World) => unknown;
  /** What is observed with the default, and with the value. */
  readonly expected: readonly [defaultValue: unknown, set: unknown];
}

const ready = ({ condition }: World, name = 'web'): string | undefined => condition(name, 'Ready')?.reason;

async function begin({ apply, clock }: World, spec: Parameters<World['apply']>[1] = {}, time = minute): Promise<void> {
  apply('web', spec);
  await clock.advance(time);
}

const idOf = ({ cluster }: World): number => cluster.machine('web')?.status?.id ?? 0;

/** When the second create request was sent, in seconds after the first one. */
function betweenCreates({ fakeProvider }: World): number | undefined {
  const [first, second] = fakeProvider.calls.filter(({ operation }) => operation === 'CreateMachine');
  return first === undefined || second === undefined ? undefined : Math.floor((second.at - first.at) / 1_000);
}

function putSecret({ cluster }: World, name: string, ownerId: number, namespace = 'default'): void {
  const data = { 'api-key': Buffer.from(`owner-${ownerId}`).toString('base64') };
  cluster.put('secrets', { metadata: { namespace, name, labels: { watched: 'true' } }, data });
}

/** The key of the operator instead of one of the namespace. */
async function beginShared(world: World, spec: Parameters<World['apply']>[1] = {}): Promise<void> {
  world.cluster.remove('secrets', 'vps247-credentials');
  putSecret(world, 'shared', 1, 'ops');
  await begin(world, spec);
}

/** Fifty VMs, all to be halted, whose calls never end. */
async function haltMany({ apply, clock, cluster, fakeProvider }: World, hold: boolean): Promise<number> {
  for (const name of names) apply(name);
  await clock.advance(5 * minute);
  if (hold) fakeProvider.holds = (operation) => (operation === 'StopMachine' ? new Promise(() => {}) : undefined);
  for (const name of names) cluster.change(name, { spec: { powerState: 'Halted' } });
  await clock.advance(990);
  return fakeProvider.count('StopMachine');
}

async function countIn(world: World, operation: Operation, time: number): Promise<number> {
  const before = world.fakeProvider.count(operation);
  await world.clock.advance(time);
  return world.fakeProvider.count(operation) - before;
}

/** Another object with another key comes first. */
async function beginSecond(world: World): Promise<unknown> {
  putSecret(world, 'first', 2);
  world.apply('db', { credentialsSecretRef: { name: 'first', key: 'api-key' } });
  await world.clock.advance(minute);
  await begin(world);
  return ready(world);
}

/** A create request that was in flight when the process ended. */
async function restartInCreate(world: World): Promise<unknown> {
  const { clock, fakeProvider } = world;
  fakeProvider.holds = (operation) => (operation === 'CreateMachine' ? new Promise(() => {}) : undefined);
  await begin(world, {}, 1_000);
  fakeProvider.holds = () => undefined;
  await world.restart();
  await clock.advance(10 * minute);
  return betweenCreates(world);
}

const effects: { readonly [Name in keyof OperatorSettings]: Effect<Name> } = {
  namespaces: {
    value: ['a', 'b'],
    observe: async (world) => {
      const asked = new Set<string | undefined>();
      const list = world.cluster.list.bind(world.cluster);
      world.cluster.list = (resource, ...rest: readonly { readonly namespace?: string }[]) => {
        if (resource.plural === 'virtualmachines') asked.add(rest[0]?.namespace);
        return list(resource);
      };
      await world.restart();
      await world.restart();
      return [...asked];
    },
    expected: [[undefined], ['a', 'b']],
  },
  accounts: {
    value: true,
    observe: async ({ cluster, clock }) => {
      cluster.put('accounts', { metadata: { name: 'main' }, spec: {}, status: { observedGeneration: -1 } });
      await clock.advance(minute);
      const [account] = cluster.stored('accounts', () => true);
      return account?.['status'];
    },
    expected: [{ observedGeneration: -1 }, expect.objectContaining({ observedGeneration: 1 })],
  },
  selector: {
    value: parseSelector('shard=b'),
    observe: async (world) => {
      await begin(world);
      return ready(world);
    },
    withoutBystanders: 'the selector leaves them to others, so the operator takes its annotation off them',
    expected: ['Available', undefined],
  },
  defaultCredentialsSecret: {
    value: shared,
    with: { defaultCredentialsNamespaces: ['default'] },
    observe: async (world) => {
      await beginShared(world);
      return ready(world);
    },
    expected: ['CredentialsMissing', 'Available'],
  },
  defaultCredentialsNamespaces: {
    value: ['default'],
    with: { defaultCredentialsSecret: shared },
    observe: async (world) => {
      await beginShared(world);
      return ready(world);
    },
    expected: ['CredentialsMissing', 'Available'],
  },
  defaultCredentialsOrphanNamespaces: {
    value: ['default'],
    with: { defaultCredentialsSecret: shared, defaultCredentialsNamespaces: ['default'] },
    observe: async (world) => {
      await beginShared(world, { deletionPolicy: 'Retain' });
      world.cluster.remove('virtualmachines', 'web');
      await world.clock.advance(minute);
      return world.condition('web', 'Synced')?.reason;
    },
    expected: ['OrphanNotPermitted', undefined],
  },
  requireCredentialsLabel: {
    value: true,
    observe: async (world) => {
      await begin(world);
      return ready(world);
    },
    expected: ['Available', 'CredentialsMissing'],
  },
  takeOverFrom: {
    value: ['other/installation'],
    observe: async (world) => {
      const managed = { [annotations.managedBy]: 'other/installation' };
      world.cluster.put('virtualmachines', { metadata: { name: 'web', annotations: managed }, spec: usualSpec });
      await world.clock.advance(minute);
      return ready(world);
    },
    expected: [undefined, 'Available'],
  },
  relistInterval: {
    value: 5 * minute,
    observe: async (world) => {
      let lists = 0;
      const list = world.cluster.list.bind(world.cluster);
      world.cluster.list = (resource) => {
        if (resource.plural === 'virtualmachines') lists += 1;
        return list(resource);
      };
      await world.clock.advance(29 * minute);
      return lists;
    },
    expected: [0, 10],
  },
  workers: {
    value: 3,
    with: { takeOverFrom: ['other/installation'] },
    observe: async (world) => {
      world.cluster.holds = (write) => (write.startsWith('patch ') ? new Promise(() => {}) : undefined);
      const managed = { [annotations.managedBy]: 'other/installation' };
      for (const name of names)
        world.cluster.put('virtualmachines', { metadata: { name, annotations: managed }, spec: usualSpec });
      await world.clock.advance(minute);
      return world.cluster.writes.length;
    },
    expected: [usual.workers, 3],
  },
  pollInterval: {
    value: 10 * minute,
    observe: async (world) => {
      await begin(world, {}, 10 * minute);
      return countIn(world, 'ListMachines', 60 * minute);
    },
    expected: [60, 6],
  },
  urgentPollInterval: {
    value: 500,
    observe: async (world) => {
      world.apply('web');
      await world.clock.advance(100);
      return countIn(world, 'ListMachines', 2_000);
    },
    expected: [2, 3],
  },
  maxInFlight: { value: 2, observe: (world) => haltMany(world, true), expected: [usual.maxInFlight, 2] },
  providerRate: {
    value: 1,
    with: { maxInFlight: 100, providerBurst: 1 },
    observe: (world) => haltMany(world, false),
    expected: [9, 0],
  },
  providerBurst: {
    value: 5,
    with: { maxInFlight: 100, providerRate: 1 },
    observe: (world) => haltMany(world, false),
    expected: [19, 4],
  },
  visibilityWindow: {
    value: 2 * minute,
    observe: async (world) => {
      world.fakeProvider.accidents.set('CreateMachine', [{ class: 'UnknownOutcome', code: 'Timeout' }]);
      await begin(world, {}, 10 * minute);
      return betweenCreates(world);
    },
    expected: [65, 155],
  },
  recreateAfter: {
    value: 20 * minute,
    observe: async (world) => {
      await begin(world);
      world.fakeProvider.machines.delete(idOf(world));
      await world.clock.advance(60 * minute);
      return betweenCreates(world);
    },
    expected: [363, 1_263],
  },
  stuckAfter: {
    value: 2 * minute,
    observe: async (world) => {
      await begin(world);
      world.fakeProvider.broken.set('StopMachine', { class: 'Wait', code: 'Busy', status: 406 });
      world.cluster.change('web', { spec: { powerState: 'Halted' } });
      await world.clock.advance(5 * minute);
      return ready(world);
    },
    expected: ['ProviderBusy', 'PowerTransitionStuck'],
  },
  orphanCandidates: {
    value: 'Report',
    observe: async (world) => {
      world.fakeProvider.add('web-deadbeef');
      await begin(world);
      return ready(world);
    },
    expected: ['OrphanCandidateFound', 'Available'],
  },
  maxMachinesPerNamespace: {
    value: 1,
    observe: async (world) => {
      world.apply('db');
      await world.clock.advance(minute);
      await begin(world);
      return ready(world);
    },
    expected: ['Available', 'NamespaceLimitReached'],
  },
  // Bystanders use two.
  maxApiKeys: { value: 3, observe: beginSecond, expected: ['Available', 'ApiKeyLimitReached'] },
  maxApiKeysPerNamespace: { value: 1, observe: beginSecond, expected: ['Available', 'ApiKeyLimitReached'] },
  maxDeletesPerMinute: {
    value: 2,
    observe: async (world) => {
      for (const name of names.slice(0, 5)) world.apply(name, { powerState: 'Halted' });
      await world.clock.advance(minute);
      for (const name of names.slice(0, 5)) world.cluster.remove('virtualmachines', name);
      return countIn(world, 'DeleteMachine', minute / 2);
    },
    expected: [5, 2],
  },
  machineMetricsLimit: {
    value: 0,
    observe: async (world) => {
      await begin(world);
      return (await world.metricsPage()).includes('object="web"');
    },
    expected: [true, false],
  },
  serveTargets: {
    value: true,
    observe: async (world) => {
      world.cluster.put('virtualmachines', { metadata: { name: 'web', labels: { tier: 'front' } }, spec: usualSpec });
      await world.clock.advance(minute);
      const id = world.cluster.machine('web')?.status?.id ?? 0;
      world.fakeProvider.set(id, { addresses: [{ version: 4, address: '198.18.0.7' }] });
      await world.clock.advance(2 * minute);
      return world.targets()[0]?.includes('"__meta_vps247_label_tier":"front"');
    },
    expected: [false, true],
  },
  apiConnectTimeout: { value: 50_000, observe: restartInCreate, expected: [66, 111] },
  apiResponseTimeout: { value: 90_000, observe: restartInCreate, expected: [66, 126] },
};

// The names of the table's fields.
const settings = Object.keys(effects) as readonly (keyof OperatorSettings)[];

describe.each(settings)('the setting %s', (name) => {
  const { value, with: others = {}, withoutBystanders, observe, expected } = effects[name];
  const options = withoutBystanders === undefined ? {} : { withoutBystanders };

  it('has its documented effect', async () => {
    const defaultValue = await observe(await createWorld(others, options));
    const set = await observe(await createWorld({ ...others, [name]: value }, options));
    expect([defaultValue, set]).toEqual(expected);
  });
});
