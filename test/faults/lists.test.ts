import { describe, expect, test } from 'vitest';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import type { FaultAction } from '../../emulator/fault-rule.ts';
import { expectDone, life, liveThrough, patience, stepOf, take } from './life.ts';
import { bothFinalizers } from '../reconcile/world/cluster.ts';
import { createFaultyWorld, type FaultyOptions, type FaultyWorld, hour, keys, minute } from './world.ts';

const listMachines = { operation: 'ListMachines', when: 'after', times: 'always' } as const;

/** The account's list as it would be answered now. */
function listOf(world: FaultyWorld): string {
  let text = '';
  world.emulator.receive(
    { method: 'GET', path: '/virtual_machines', key: keys.ours, accept: undefined, body: '' },
    (delivery) => {
      if (delivery.kind === 'answer') text = delivery.answer.body;
    },
  );
  return text;
}

/** Everything that must not move while lists cannot be read. */
const standing = (world: FaultyWorld) => ({
  writes: world.writes().map(({ operation }) => operation),
  machines: world.emulator.machines().map(({ id, state }) => [id, state]),
  identity: world.cluster.machine('web')?.metadata.annotations,
  finalizers: world.cluster.machine('web')?.metadata.finalizers,
  ready: world.condition('web', 'Ready')?.status,
});

interface Cut {
  readonly how: string;
  readonly cut: (list: string, bytes: number) => FaultAction;
  readonly says: Reason;
}

const cuts: readonly Cut[] = [
  {
    how: 'the connection breaks',
    cut: (_, bytes) => ({ kind: 'truncate', bytes }),
    says: 'ProviderUnavailable',
  },
  {
    how: 'it says that it is all',
    says: 'ProtocolError',
    cut: (list, bytes) => ({
      kind: 'status',
      status: 200,
      body: list.slice(0, bytes),
      headers: { 'Content-Type': 'application/json' },
    }),
  },
];

/** While lists fail, the next one comes this soon: where the provider counts as away, it is tried once a minute. */
const oneList = 70_000;

describe('a list of three VMs that ends at every tenth byte', () => {
  test.each(cuts)('does not count as a list of fewer VMs: $how', async ({ cut, says }) => {
    const world = await createFaultyWorld();
    await take(world, stepOf('CreateMachine'));
    const list = listOf(world);
    expect(JSON.parse(list)).toHaveLength(3);
    const before = standing(world);
    for (let bytes = 0; bytes < list.length; bytes += 10) {
      const fault = world.emulator.addFault({ ...listMachines, action: cut(list, bytes) });
      await world.clock.advance(bytes === 0 ? 2 * minute : oneList);
      expect([bytes, fault.hits > 0, standing(world)]).toEqual([bytes, true, before]);
      fault.remove();
    }
    expect(world.reasons('web')).toEqual(['Creating', 'Available', says]);
    await world.clock.advance(minute);
    expectDone(world, stepOf('CreateMachine'));
    world.judge();
  });

  test.each(cuts)('settles no unknown outcome: $how', async ({ cut }) => {
    const world = await createFaultyWorld();
    world.emulator.addFault({ operation: 'CreateMachine', when: 'after', action: { kind: 'reset' } });
    world.apply('web');
    await world.clock.advance(100);
    world.emulator.clearFaults();
    const list = listOf(world);
    for (let bytes = 0; bytes < list.length; bytes += 10) {
      const fault = world.emulator.addFault({ ...listMachines, action: cut(list, bytes) });
      await world.clock.advance(oneList);
      expect([bytes, fault.hits > 0]).toEqual([bytes, true]);
      fault.remove();
    }
    expect(world.writes()).toHaveLength(1);
    await world.clock.advance(patience);
    expectDone(world, stepOf('CreateMachine'));
    world.judge();
  });

  test.each(cuts)('does not prove that a deleted VM is gone: $how', async ({ cut }) => {
    const world = await createFaultyWorld();
    for (const step of life.slice(0, -1)) await take(world, step);
    world.cluster.remove('virtualmachines', 'web');
    for (let bytes = 0; bytes < listOf(world).length; bytes += 10) {
      const fault = world.emulator.addFault({ ...listMachines, action: cut(listOf(world), bytes) });
      await world.clock.advance(oneList);
      const { finalizers } = world.cluster.machine('web')?.metadata ?? {};
      expect([bytes, fault.hits > 0, finalizers]).toEqual([bytes, true, bothFinalizers]);
      fault.remove();
    }
    await world.clock.advance(patience);
    expectDone(world, stepOf('DeleteMachine'));
    world.judge();
  });
});

/** Lists that are sound and wrong. */
const lies: readonly { readonly what: string; readonly tell: (world: FaultyWorld) => void | Promise<void> }[] = [
  {
    what: 'empty',
    tell: ({ emulator }) => void emulator.addFault({ ...listMachines, action: { kind: 'empty-list' } }),
  },
  { what: 'half', tell: ({ emulator }) => void emulator.addFault({ ...listMachines, action: { kind: 'half-list' } }) },
  {
    what: 'the very first one',
    tell: ({ emulator }) => void emulator.addFault({ ...listMachines, action: { kind: 'replay' } }),
  },
];

describe('a VM that the list leaves out exists while a read by its id shows it', () => {
  test.each(lies)('the list is $what: from create to delete', async ({ tell }) => {
    const world = await createFaultyWorld();
    await tell(world);
    for (const step of life) {
      step.ask(world);
      await world.clock.advance(minute / 2);
      expectDone(world, step);
      world.judge();
    }
    expect(world.writes().map(({ operation }) => operation)).toEqual(life.map(({ write }) => write));
  });

  test.each(lies)('the list is $what: for minutes nothing happens, and nothing is written', async ({ tell }) => {
    const world = await createFaultyWorld();
    await tell(world);
    await take(world, stepOf('CreateMachine'));
    const [before, writes] = [standing(world), world.cluster.writes.length];
    await world.clock.advance(3 * minute);
    expect([standing(world), world.cluster.writes.length]).toEqual([before, writes]);
  });

  test.each(
    lies.flatMap(({ what, tell }) =>
      [stepOf('StopMachine'), stepOf('DeleteMachine')].map((step) => ({ what, tell, step })),
    ),
  )(
    'the list is $what and no VM can be read by its id, from "$step.name" on: no conclusion is drawn',
    async ({ tell, step }) => {
      const world = await createFaultyWorld();
      const begin = async (): Promise<void> => {
        await tell(world);
        world.emulator.addFault({
          operation: 'GetMachine',
          when: 'instead',
          action: { kind: 'status', status: 500 },
          times: 'always',
        });
        await world.clock.advance(2 * minute);
      };
      await liveThrough(world, { begin, lasts: patience }, step, ({ reasons, seq }) => {
        expect(reasons.at(-1)).toBe('ProviderUnavailable');
        expect(world.writes(seq)).toEqual([]);
        expect(world.cluster.machine('web')?.metadata.finalizers).toEqual(bothFinalizers);
      });
      expect(world.writes().map(({ operation }) => operation)).toEqual(life.map(({ write }) => write));
    },
  );

  test.each(lies)('the list is $what after a create whose answer was lost', async ({ tell }) => {
    const world = await createFaultyWorld();
    world.emulator.addFault({ operation: 'CreateMachine', when: 'after', action: { kind: 'reset' } });
    await tell(world);
    world.apply('web');
    await world.clock.advance(30_000);
    expect(world.condition('web', 'Synced')?.reason).toBe('CreateOutcomeUnknown');
    world.emulator.clearFaults();
    await world.clock.advance(patience);
    expectDone(world, stepOf('CreateMachine'));
    world.judge();
  });
});

/** From now on every list is the one of this moment. */
async function freeze(world: FaultyWorld): Promise<void> {
  world.emulator.recordAnew();
  listOf(world);
  world.emulator.addFault({ ...listMachines, action: { kind: 'replay' } });
  await world.clock.advance(0);
}

describe('a list that has not changed for an hour', () => {
  test.each([
    { name: 'halt', shows: 'running', says: 'PowerTransitionStuck' },
    { name: 'start', shows: 'halted', says: 'PowerTransitionStuck' },
    { name: 'cut off', shows: 'running', says: 'PowerTransitionStuck' },
    { name: 'delete', shows: 'halted', says: 'Deleting' },
  ])('and shows the VM $shows: "$name" is not reported as complete, and causes no harm', async ({ name, says }) => {
    const world = await createFaultyWorld();
    const step = life.find((one) => one.name === name) ?? stepOf('CreateMachine');
    await liveThrough(world, { begin: freeze, lasts: hour }, step, ({ reasons }) => {
      expect(reasons.at(-1)).toBe(says);
      expect(world.cluster.machine('web')?.metadata.finalizers).toEqual(bothFinalizers);
      // The request took effect all the same, but the list does not show it.
      expect(world.machineOf('web')?.state).toBe(step.state);
    });
    expect(world.writes().filter(({ operation }) => operation === 'CreateMachine')).toHaveLength(1);
  });
});

test.each([2, 10, 60])(
  'a VM that list and id deny alike for %i minutes: the refusal of the name prevents a second one, and the VM is found again',
  async (minutes) => {
    const world = await createFaultyWorld();
    await take(world, stepOf('CreateMachine'));
    world.emulator.addFault({ ...listMachines, action: { kind: 'empty-list' } });
    const action = { kind: 'status', status: 404 } as const;
    world.emulator.addFault({ operation: 'GetMachine', when: 'instead', action, times: 'always' });
    await world.clock.advance(minutes * minute);
    expect(world.condition('web', 'Ready')?.status).not.toBe('True');
    world.emulator.clearFaults();
    await world.clock.advance(hour);
    expectDone(world, stepOf('CreateMachine'));
    world.judge();
  },
);

/** The provider keeps no names unique, so nothing but the operator's own evidence prevents a second VM. */
async function denyEverything(milliseconds: number, options: FaultyOptions = {}): Promise<FaultyWorld> {
  const world = await createFaultyWorld({ duplicateNames: 'allowed' }, options);
  await take(world, stepOf('CreateMachine'));
  world.emulator.setSwitches({ deniedNames: '.' });
  await world.clock.advance(milliseconds);
  return world;
}

test.each([2_500, minute, 5 * minute - 1_000])(
  'all VMs denied by a provider that allows duplicate names, for %i ms: never a second VM',
  async (milliseconds) => {
    const world = await denyEverything(milliseconds);
    expect(world.emulator.ledger.duplicates()).toEqual([]);
    world.emulator.setSwitches({ deniedNames: '' });
    await world.clock.advance(hour);
    expectDone(world, stepOf('CreateMachine'));
    expect(world.writes().map(({ operation }) => operation)).toEqual(['CreateMachine']);
    world.judge();
  },
);

test('all VMs denied by a provider that allows duplicate names, for ten minutes: both are reported, and neither is changed', async () => {
  const world = await denyEverything(10 * minute, { leadsTo: ['SecondVm'] });
  world.emulator.setSwitches({ deniedNames: '' });
  await world.clock.advance(hour);
  expect(world.condition('web', 'Synced')?.reason).toBe('DuplicateMachine');
  expect(world.condition('web', 'Ready')?.status).toBe('True');
  expect(world.writes().map(({ operation }) => operation)).toEqual(['CreateMachine', 'CreateMachine']);
});
