import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FaultAction, FaultRule } from '../../emulator/fault-rule.ts';
import type { Operation } from '../../src/domain/failure.ts';
import { calm, expectedOf, initial, outcomeOf, type PowerSpec, powerSpecs } from './outcome.ts';
import { createFaultyWorld, type FaultyWorld, hour, keys, minute } from './world.ts';
import { assertProperty } from '../support/property.ts';

const calls: readonly Operation[] = [
  'ListMachines',
  'GetMachine',
  'CreateMachine',
  'DeleteMachine',
  'StartMachine',
  'StopMachine',
  'KillMachine',
  'ListPackages',
];

const accidents: fc.Arbitrary<FaultAction> = fc.oneof(
  fc.constantFrom<FaultAction>(
    { kind: 'hang' },
    { kind: 'reset' },
    { kind: 'garbage' },
    { kind: 'truncate' },
    { kind: 'html' },
    { kind: 'redirect', to: 'https://login.example/' },
    { kind: 'oversize' },
  ),
  fc.record({ kind: fc.constant('delay' as const), ms: fc.integer({ min: 1, max: 34_000 }) }),
  fc.record({ kind: fc.constant('truncate' as const), bytes: fc.integer({ min: 0, max: 2_000 }) }),
  fc.record({ kind: fc.constant('drip' as const), bytes: fc.integer({ min: 1, max: 500 }), everyMs: fc.constant(900) }),
  fc.record({ kind: fc.constant('status' as const), status: fc.constantFrom(401, 403, 406, 408, 500, 502, 503, 504) }),
  fc.record({
    kind: fc.constant('rate-limit' as const),
    status: fc.constantFrom(429, 503),
    retryAfter: fc.constantFrom('0', '3', '-1', 'soon', '99999', 'Thu, 01 Jan 2026 00:10:00 GMT'),
  }),
);

const rules: fc.Arbitrary<FaultRule> = fc.record({
  operation: fc.constantFrom(...calls),
  when: fc.constantFrom('before', 'after', 'instead'),
  action: accidents,
  times: fc.integer({ min: 1, max: 3 }),
});

/** Lists that are sound and wrong; the machine still answers to its id. */
const lies: fc.Arbitrary<FaultRule> = fc.record({
  operation: fc.constant('ListMachines' as const),
  when: fc.constant('after' as const),
  action: fc.constantFrom<FaultAction>({ kind: 'empty-list' }, { kind: 'half-list' }),
  times: fc.integer({ min: 1, max: 2 }),
});

/** One thing that happens, and how long it is until the next. */
type Event =
  | { readonly type: 'Spec'; readonly spec: PowerSpec }
  | { readonly type: 'Fault'; readonly rule: FaultRule }
  | { readonly type: 'Refuse' | 'Listen' | 'WrongKey' | 'RightKey' | 'Restart' | 'Lag' | 'Person' | 'Deaf' };

const events: fc.Arbitrary<{ readonly event: Event; readonly wait: number }> = fc.record({
  event: fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('Spec' as const), spec: powerSpecs }) },
    { weight: 5, arbitrary: fc.record({ type: fc.constant('Fault' as const), rule: rules }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('Fault' as const), rule: lies }) },
    {
      weight: 4,
      arbitrary: fc
        .constantFrom('Refuse', 'Listen', 'WrongKey', 'RightKey', 'Restart', 'Lag', 'Person', 'Deaf')
        .map((type) => ({ type }) as const),
    },
  ),
  wait: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 40_000 })),
});

async function happen(world: FaultyWorld, event: Event): Promise<void> {
  const { emulator, wire } = world;
  switch (event.type) {
    case 'Spec':
      return world.cluster.change('web', { spec: event.spec });
    case 'Fault':
      return void emulator.addFault(event.rule);
    case 'Refuse':
      return void (wire.isRefusing = true);
    case 'Listen':
      return void (wire.isRefusing = false);
    case 'WrongKey':
      return world.useKey(keys.unknown);
    case 'RightKey':
      return world.useKey(keys.ours);
    case 'Restart':
      return world.restart();
    case 'Lag':
      return emulator.setSwitches({ listLag: 30_000, getLag: 30_000, deletedListLag: 30_000 });
    case 'Person': {
      const machine = world.machineOf('web');
      return void (machine !== undefined && emulator.panel.power(machine.id, 'stop'));
    }
    case 'Deaf':
      return emulator.setSwitches({ ignoresShutdownNames: '^web-0', ignoredStop: 'back-to-running' });
  }
}

describe('after any sequence of events', { timeout: 120_000 }, () => {
  test('the result is the same as of the last spec alone, and nothing is left after a delete', async () => {
    await assertProperty(
      fc.asyncProperty(
        fc.array(events, { minLength: 1, maxLength: 14 }),
        fc.array(events, { maxLength: 5 }),
        async (during, afterDelete) => {
          const world = await createFaultyWorld();
          world.apply('web', initial);
          for (const { event, wait } of during) {
            await happen(world, event);
            await world.clock.advance(wait);
          }
          await calm(world);
          const specs = during.flatMap(({ event }) => (event.type === 'Spec' ? [event.spec] : []));
          expect(outcomeOf(world)).toEqual(await expectedOf(specs.at(-1) ?? initial));
          world.judge();
          world.cluster.remove('virtualmachines', 'web');
          for (const { event, wait } of afterDelete) {
            if (event.type !== 'Spec') await happen(world, event);
            await world.clock.advance(wait);
          }
          await calm(world);
          expect([world.cluster.machine('web'), world.machineOf('web')]).toEqual([undefined, undefined]);
          world.judge();
        },
      ),
      // A create in an account without any VM, a refused connection, a restart, and the same key in another version of the Secret.
      { runs: 60, failedOnce: [2_040_453_087] },
    );
  });
});

/** Something that a user gets wrong, and how it is put right. */
interface Mistake {
  readonly what: string;
  readonly make: (world: FaultyWorld) => void;
  readonly undo: (world: FaultyWorld) => void;
}

const packageOf = (id: number) => (world: FaultyWorld) => world.cluster.change('web', { spec: { package: { id } } });

const mistakes: readonly Mistake[] = [
  { what: 'a package that does not exist', make: packageOf(99), undo: packageOf(2) },
  {
    what: 'a package that only the provider knows to be wrong',
    make: (world) => {
      world.emulator.setSwitches({ catalog: '404' });
      packageOf(99)(world);
    },
    undo: packageOf(2),
  },
  {
    what: 'an unknown name of a template',
    make: ({ cluster }) => cluster.change('web', { spec: { osTemplate: { id: null, name: 'Ubuntu 4' } } }),
    undo: ({ cluster }) => cluster.change('web', { spec: { osTemplate: { id: 3, name: null } } }),
  },
  {
    what: 'an unknown key',
    make: ({ useKey }) => useKey(keys.unknown),
    undo: ({ useKey }) => useKey(keys.ours),
  },
  { what: 'no key', make: ({ useKey }) => useKey(' '), undo: ({ useKey }) => useKey(keys.ours) },
  {
    what: 'no Secret',
    make: ({ cluster }) => cluster.remove('secrets', 'vps247-credentials'),
    undo: ({ useKey }) => useKey(keys.ours),
  },
  {
    what: 'a name under which the Secret has no key',
    make: ({ cluster }) => cluster.change('web', { spec: { credentialsSecretRef: { key: 'token' } } }),
    undo: ({ cluster }) => cluster.change('web', { spec: { credentialsSecretRef: { key: 'api-key' } } }),
  },
  {
    what: 'a mode of powering off that the guest does not go along with',
    make: ({ cluster, emulator }) => {
      emulator.setSwitches({ ignoresShutdownNames: '^web-0' });
      cluster.change('web', { spec: { powerState: 'Halted', powerOff: { mode: 'Soft' } } });
    },
    undo: ({ cluster }) => cluster.change('web', { spec: { powerState: 'Halted', powerOff: { mode: 'TrySoft' } } }),
  },
  {
    what: 'the wrong power state',
    make: ({ cluster }) => cluster.change('web', { spec: { powerState: 'Halted' } }),
    undo: ({ cluster }) => cluster.change('web', { spec: { powerState: 'Running' } }),
  },
];

describe('a mistake of the user', { timeout: 120_000 }, () => {
  test.each(mistakes)('$what: leaves no trace once it is undone, at any time', async ({ make, undo }) => {
    await assertProperty(
      fc.asyncProperty(
        fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 10_000, max: 2 * minute })),
        fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: minute, max: hour })),
        async (madeAfter, lasts) => {
          const world = await createFaultyWorld();
          world.apply('web', initial);
          // A mistake made at once is there before the operator has seen anything else.
          if (madeAfter > 0) await world.clock.advance(madeAfter);
          make(world);
          await world.clock.advance(lasts);
          undo(world);
          await world.clock.advance(10 * minute);
          const { powerState, powerOff } = world.cluster.machine('web')?.spec ?? initial;
          expect(outcomeOf(world)).toEqual(await expectedOf({ powerState, powerOff }));
          expect(world.emulator.ledger.machinesEverCreated()).toHaveLength(4);
          world.judge();
        },
      ),
      { runs: 8 },
    );
  });
});
