import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { type Reason, reasons } from '../../src/api/v1alpha1/reasons.ts';
import type { Condition } from '../../src/api/v1alpha1/types.ts';
import type { OperatorSettings } from '../../src/config/settings.ts';
import { succeeded } from '../../src/domain/failure.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { usualSpec } from './world/operator.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;

/** How the object `web` comes to show a reason. */
interface Scenario {
  readonly settings?: Partial<OperatorSettings>;
  /** What the provider does otherwise. */
  readonly provider?: Partial<Provider>;
  readonly run: (world: World) => void | Promise<void>;
  /** No condition has it, only an Event. */
  readonly isEventOnly?: true;
}

/** Halts a VM at any time, except in the first minute of a year. */
const nearlyAlways = { timeZone: 'UTC', halted: [{ from: '* * * * *', to: '0 0 1 1 *' }] };

const busy = { class: 'Wait', code: 'Busy', status: 406 } as const;

async function begin({ apply, clock }: World, spec: Parameters<World['apply']>[1] = {}): Promise<void> {
  apply('web', spec);
  await clock.advance(minute);
}

const idOf = ({ cluster }: World): number => cluster.machine('web')?.status?.id ?? 0;

/** Begins with `web`, then does something to it. */
const after =
  (act: (world: World) => void | Promise<void>, spec: Parameters<World['apply']>[1] = {}): Scenario['run'] =>
  async (world) => {
    await begin(world, spec);
    await act(world);
  };

const halt = ({ cluster }: World): void => cluster.change('web', { spec: { powerState: 'Halted' } });
const remove = ({ cluster }: World): void => cluster.remove('virtualmachines', 'web');

function putSecret({ cluster }: World, name: string, ownerId: number, namespace = 'default'): void {
  const data = { 'api-key': Buffer.from(`owner-${ownerId}`).toString('base64') };
  cluster.put('secrets', { metadata: { namespace, name, labels: { watched: 'true' } }, data });
}

function applyLimit({ cluster }: World): void {
  const spec = { credentialsSecretRef: usualSpec.credentialsSecretRef, limits: { machines: 0 } };
  cluster.put('accounts', { metadata: { name: 'main' }, spec, status: { observedGeneration: -1 } });
}

const scenarios: Readonly<Record<Reason, Scenario>> = {
  Observing: {
    run: async (world) => {
      const { id } = world.fakeProvider.add('legacy');
      await begin(world, { adoption: { policy: 'MustExist', id: id + 1 } });
    },
  },
  DiffersFromSpec: {
    run: (world) => {
      const { id } = world.fakeProvider.add('legacy', { region: { id: 7, name: 'London 1' } });
      return begin(world, { adoption: { policy: 'MustExist', id } });
    },
  },
  Available: { run: begin },
  HaltedBySchedule: { run: after(() => {}, { powerSchedule: nearlyAlways }) },
  InvalidSchedule: { run: after(() => {}, { powerSchedule: { ...nearlyAlways, timeZone: 'Europe/Atlantis' } }) },
  Creating: { run: begin },
  Adopting: {
    run: (world) => {
      const { id } = world.fakeProvider.add('legacy');
      return begin(world, { adoption: { policy: 'MustExist', id } });
    },
  },
  ProvisioningFailed: {
    run: after((world) =>
      world.fakeProvider.set(idOf(world), { state: 'Pending', lastTask: { name: 'VmCreate', status: 'failed' } }),
    ),
  },
  CreateOutcomeUnknown: {
    run: (world) => {
      world.fakeProvider.broken.set('CreateMachine', { class: 'UnknownOutcome', code: 'Timeout' });
      return begin(world);
    },
  },
  CreateBackoff: {
    run: async (world) => {
      world.fakeProvider.broken.set('CreateMachine', { class: 'UnknownOutcome', code: 'Timeout' });
      await begin(world);
      await world.clock.advance(10 * minute);
    },
  },
  NameConflict: {
    run: async (world) => {
      world.apply('db', { providerName: 'shop' });
      await world.clock.advance(minute);
      await begin(world, { providerName: 'shop' });
    },
  },
  NameTaken: {
    run: (world) => {
      world.fakeProvider.add('shop');
      return begin(world, { providerName: 'shop' });
    },
  },
  HeldByOtherObject: {
    run: async (world) => {
      const { id } = world.fakeProvider.add('legacy');
      world.apply('db', { adoption: { policy: 'MustExist', id } });
      await world.clock.advance(minute);
      await begin(world, { adoption: { policy: 'MustExist', id } });
    },
  },
  AdoptionMismatch: {
    run: (world) => {
      const { id } = world.fakeProvider.add('legacy');
      return begin(world, { providerName: 'shop', adoption: { policy: 'MustExist', id } });
    },
  },
  IdentityMismatch: { run: after((world) => world.fakeProvider.set(idOf(world), { name: 'renamed' })) },
  IdentityUnproven: {
    run: ({ cluster, fakeProvider }) => {
      const { id } = fakeProvider.add('shop');
      const uid = 'of-the-object';
      const hint = JSON.stringify({ id, uid, name: 'shop' });
      cluster.put('virtualmachines', {
        metadata: { name: 'web', uid, annotations: { [annotations.machine]: hint } },
        spec: { ...usualSpec, providerName: 'shop' },
        status: { observedGeneration: -1 },
      });
    },
  },
  InvalidSpec: {
    run: ({ cluster }) =>
      cluster.put('virtualmachines', { metadata: { name: 'web' }, spec: { ...usualSpec, powerState: 'Suspended' } }),
  },
  CombinationNotOffered: {
    provider: {
      listRegions: () => Promise.resolve(succeeded([{ id: 1, name: 'Amsterdam 1', packageIds: [7] }])),
      listPackages: () => Promise.resolve(succeeded([{ id: 2, name: 'Budget' }])),
    },
    run: begin,
  },
  CreateRefused: {
    run: (world) => {
      world.fakeProvider.broken.set('CreateMachine', { class: 'Terminal', code: 'BadRequest', status: 400 });
      return begin(world);
    },
  },
  UnknownCatalogName: { run: (world) => begin(world, { region: { name: 'Amsterdm 1' } }) },
  QuotaExceeded: {
    run: (world) => {
      world.fakeProvider.broken.set('CreateMachine', { class: 'Terminal', code: 'PaymentRequired', status: 402 });
      return begin(world);
    },
  },
  NamespaceLimitReached: {
    settings: { maxMachinesPerNamespace: 1 },
    run: async (world) => {
      world.apply('db');
      await world.clock.advance(minute);
      await begin(world);
    },
  },
  AccountLimitReached: {
    settings: { accounts: true },
    run: async (world) => {
      applyLimit(world);
      await world.clock.advance(3 * minute);
      await begin(world);
    },
  },
  AccountLimitsUnknown: {
    settings: { accounts: true },
    run: (world) => {
      applyLimit(world);
      return begin(world);
    },
  },
  Starting: {
    run: after(({ cluster }) => cluster.change('web', { spec: { powerState: 'Running' } }), { powerState: 'Halted' }),
  },
  Stopping: { run: after(halt) },
  Restarting: { run: after(({ cluster }) => cluster.change('web', { spec: { restartRequest: 'once' } })) },
  ProviderBusy: {
    run: after((world) => {
      world.fakeProvider.broken.set('StopMachine', busy);
      halt(world);
    }),
  },
  PowerTransitionStuck: {
    run: after(async (world) => {
      world.fakeProvider.broken.set('StopMachine', busy);
      halt(world);
      await world.clock.advance(15 * minute);
    }),
  },
  PowerChangeFailed: {
    run: after((world) => {
      world.fakeProvider.broken.set('StopMachine', { class: 'UnknownOutcome', code: 'Timeout' });
      world.fakeProvider.set(idOf(world), { lastTask: { name: 'VmKill', status: 'failed' } });
      world.fakeProvider.broken.set('KillMachine', { class: 'UnknownOutcome', code: 'Timeout' });
      world.cluster.change('web', {
        spec: { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 60 } },
      });
    }),
  },
  StartBackoff: {
    run: after(async (world) => {
      for (let seconds = 0; seconds < 120; seconds += 1) {
        if (world.fakeProvider.machines.get(idOf(world))?.state === 'Running')
          world.fakeProvider.set(idOf(world), { state: 'Halted' });
        await world.clock.advance(1_000);
      }
    }),
  },
  PowerDrift: {
    run: after((world) => world.fakeProvider.set(idOf(world), { state: 'Halted' }), { powerDriftPolicy: 'Report' }),
  },
  CredentialsMissing: { run: after(({ cluster }) => cluster.remove('secrets', 'vps247-credentials')) },
  CredentialsRejected: { run: after(({ fakeProvider }) => void fakeProvider.refused.add(1)) },
  ApiKeyLimitReached: {
    settings: { maxApiKeysPerNamespace: 1 },
    run: async (world) => {
      putSecret(world, 'first', 2);
      world.apply('db', { credentialsSecretRef: { name: 'first', key: 'api-key' } });
      await world.clock.advance(minute);
      await begin(world);
    },
  },
  AccountMismatch: {
    run: after((world) => {
      world.fakeProvider.add('others', { ownerId: 2 });
      world.useKeyOf(2);
    }),
  },
  RateLimited: {
    run: after((world) => {
      world.fakeProvider.broken.set('StopMachine', {
        class: 'Wait',
        code: 'RateLimited',
        status: 429,
        retryAfter: 30_000,
      });
      halt(world);
    }),
  },
  ProviderUnavailable: {
    run: after(
      ({ fakeProvider }) => void fakeProvider.broken.set('ListMachines', { class: 'Retry', code: 'ConnectFailed' }),
    ),
  },
  ProtocolError: {
    run: after(
      ({ fakeProvider }) => void fakeProvider.broken.set('ListMachines', { class: 'Retry', code: 'ProtocolError' }),
    ),
  },
  ExternallyDeleted: {
    run: after((world) => void world.fakeProvider.machines.delete(idOf(world)), { onExternalDelete: 'Report' }),
  },
  AbsenceUnconfirmed: {
    run: async (world) => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) world.apply(name);
      await begin(world);
      world.fakeProvider.machines.clear();
    },
  },
  RecreationDelayed: { run: after((world) => void world.fakeProvider.machines.delete(idOf(world))) },
  DuplicateMachine: {
    run: after(async (world) => {
      world.fakeProvider.add(world.fakeProvider.machines.get(idOf(world))?.name ?? '');
      await world.clock.advance(2 * minute);
      remove(world);
    }),
  },
  IdentityFromOtherObject: {
    run: ({ cluster }) => {
      const hint = JSON.stringify({ id: 4_711, uid: 'of-another-object', name: 'web-deadbeef' });
      cluster.put('virtualmachines', {
        metadata: { name: 'web', annotations: { [annotations.machine]: hint } },
        spec: usualSpec,
        status: { observedGeneration: -1 },
      });
    },
  },
  OrphanCandidateFound: {
    run: (world) => {
      world.fakeProvider.add('web-deadbeef');
      return begin(world);
    },
  },
  AdoptionTargetNotFound: { run: (world) => begin(world, { adoption: { policy: 'MustExist', id: 4_711 } }) },
  InitialPasswordConflict: {
    run: (world) => {
      const { cluster, fakeProvider } = world;
      const { id } = fakeProvider.add('legacy', { initialPassword: new Secret('emulated-password-1') });
      cluster.put('secrets', { metadata: { name: 'password' }, data: {} });
      return begin(world, {
        adoption: { policy: 'MustExist', id },
        initialPasswordSecret: { name: 'password' },
      });
    },
  },
  InitialPasswordNotStored: {
    run: (world) => {
      const { cluster, fakeProvider } = world;
      const { id } = fakeProvider.add('legacy', { initialPassword: new Secret('emulated-password-1') });
      cluster.secretRefusal = 'Forbidden';
      return begin(world, { adoption: { policy: 'MustExist', id }, initialPasswordSecret: { name: 'password' } });
    },
  },
  AdoptionNotPermitted: {
    settings: {
      defaultCredentialsSecret: { namespace: 'ops', name: 'shared', key: undefined },
      defaultCredentialsNamespaces: ['default'],
    },
    run: (world) => {
      world.cluster.remove('secrets', 'vps247-credentials');
      putSecret(world, 'shared', 1, 'ops');
      return begin(world, { adoption: { policy: 'MustExist', id: 4_711 } });
    },
  },
  RestartSkipped: {
    run: after(
      async (world) => {
        await world.clock.advance(minute);
        world.cluster.change('web', { spec: { restartRequest: 'once' } });
      },
      { powerState: 'Halted' },
    ),
    isEventOnly: true,
  },
  InvalidAnnotation: {
    run: after(({ cluster }) =>
      cluster.change('web', { metadata: { annotations: { [annotations.paused]: 'maybe' } } }),
    ),
    isEventOnly: true,
  },
  MachineAnnotationCorrected: {
    run: after(({ cluster }) =>
      cluster.change('web', { metadata: { annotations: { [annotations.machine]: JSON.stringify({ id: 4_711 }) } } }),
    ),
    isEventOnly: true,
  },
  Retained: {
    run: after(({ cluster }) => {
      cluster.change('web', { spec: { deletionPolicy: 'Retain' } });
      cluster.remove('virtualmachines', 'web');
    }),
    isEventOnly: true,
  },
  WriteRefused: {
    run: (world) => {
      world.cluster.admission = (write, object) => (write === 'patch web' ? 'Forbidden' : object);
      return begin(world);
    },
  },
  OwnedByOtherInstallation: {
    run: ({ cluster }) =>
      cluster.put('virtualmachines', {
        metadata: { name: 'web', annotations: { [annotations.managedBy]: 'other/installation' } },
        spec: usualSpec,
      }),
    isEventOnly: true,
  },
  Deleting: { run: after(remove) },
  DeletionProtected: { run: after(remove, { deletionProtection: true }) },
  OrphanNotPermitted: {
    settings: {
      defaultCredentialsSecret: { namespace: 'ops', name: 'shared', key: undefined },
      defaultCredentialsNamespaces: ['default'],
    },
    run: async (world) => {
      world.cluster.remove('secrets', 'vps247-credentials');
      putSecret(world, 'shared', 1, 'ops');
      await begin(world, { deletionPolicy: 'Retain' });
      remove(world);
    },
  },
  Paused: {
    run: after(({ cluster }) => cluster.change('web', { metadata: { annotations: { [annotations.paused]: 'true' } } })),
  },
  ObserveOnly: {
    run: (world) => {
      const { id } = world.fakeProvider.add('legacy', { state: 'Halted' });
      return begin(world, { adoption: { policy: 'MustExist', id }, managementPolicy: 'Observe' });
    },
  },
  PlanOnly: { run: (world) => begin(world, { managementPolicy: 'Plan' }) },
};

// The names of the table's fields.
const names = Object.keys(scenarios) as readonly Reason[];

describe.each(names)('%s', (reason) => {
  const { settings = {}, provider = {}, run, isEventOnly = false } = scenarios[reason];
  const row = reasons[reason];

  it(`is shown by an object, and reported by an event (${row.event})`, async () => {
    const world = await createWorld(settings, { through: (truth) => ({ ...truth, ...provider }) });
    await run(world);
    await world.clock.advance(2 * minute);
    const events = world.cluster.events.filter((event) => event.regarding.name === 'web' && event.reason === reason);
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(row.event === 'None' ? [] : [row.event]));

    const versions = world.cluster.versions.filter(({ metadata }) => metadata.name === 'web');
    const shown = versions.filter(({ status }) => status?.conditions?.some((condition) => condition.reason === reason));
    if (isEventOnly) {
      expect(shown).toEqual([]);
      return;
    }
    expect(shown).not.toEqual([]);
    for (const { metadata, status } of shown) {
      const conditions = new Map(status?.conditions?.map((condition) => [condition.type, condition]));
      if (conditions.get('Synced')?.reason !== reason) continue;
      const statusOf = (type: Condition['type']): string => conditions.get(type)?.status ?? 'absent';
      expect(statusOf('Synced')).toBe(row.synced);
      // Beside a VM that is as it should be, only Synced reports it.
      if (row.ready !== 'Keep' && conditions.get('Ready')?.reason !== reason) continue;
      if (row.ready !== 'Keep') expect(statusOf('Ready')).toBe(row.ready);
      expect(statusOf('Reconciling')).toBe(row.progress === 'Reconciling' ? 'True' : 'absent');
      expect(statusOf('Stalled')).toBe(row.progress === 'Stalled' ? 'True' : 'absent');
      expect(statusOf('Paused')).toBe(row.shows === 'Paused' ? 'True' : 'absent');
      const isBlocked = metadata.deletionTimestamp !== undefined && row.blocksDeletion === true;
      expect(statusOf('DeletionBlocked')).toBe(isBlocked ? 'True' : 'absent');
    }
  });
});
