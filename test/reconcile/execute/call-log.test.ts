import { expect, test } from 'vitest';
import { createWorld, type World } from '../world/world.ts';

const minute = 60_000;

/** Lines about the object, less its name. */
const linesOf = (world: World): readonly unknown[] =>
  world.lines
    .filter(({ fields }) => fields?.['object'] === 'default/web')
    .map(({ message, fields }) => [message, { ...fields, object: undefined, vmName: undefined }]);

const call = (operation: string, vmID: number, fields: object = {}) => [
  'Called provider',
  { operation, vmID, outcome: 'Accepted', durationSeconds: 0.01, ...fields },
];

test('logs one line for each call that changes a VM, with object, VM, outcome and duration, and one for each write about it', async () => {
  const world = await createWorld();
  world.apply('web');
  await world.clock.advance(2 * minute);
  const [id = 0] = world.fakeProvider.machines.keys();
  world.cluster.change('web', { spec: { powerState: 'Halted' } });
  await world.clock.advance(2 * minute);
  world.cluster.remove('virtualmachines', 'web');
  await world.clock.advance(10 * minute);
  expect(world.cluster.machine('web')).toBeUndefined();
  expect(linesOf(world)).toEqual([
    call('CreateMachine', id),
    ['Recorded VM', { vmID: id }],
    call('StopMachine', id),
    call('DeleteMachine', id),
    ['Released finalizer', { vmID: id, vm: 'Absent' }],
  ]);
});

test('logs of a released finalizer which VM was retained', async () => {
  const world = await createWorld();
  world.apply('web', { deletionPolicy: 'Retain' });
  await world.clock.advance(2 * minute);
  world.cluster.remove('virtualmachines', 'web');
  await world.clock.advance(minute);
  expect(linesOf(world).at(-1)).toEqual(['Released finalizer', { vmID: 1, vm: 'Retained' }]);
});

test('logs a failed call once at level warn with the failure; its duration excludes the wait for a slot', async () => {
  const world = await createWorld({ providerRate: 1, providerBurst: 1 });
  const failure = { class: 'Terminal', code: 'PaymentRequired', status: 402, text: 'no money' } as const;
  world.apply('first');
  await world.clock.advance(100);
  world.fakeProvider.broken.set('CreateMachine', failure);
  world.apply('web');
  await world.clock.advance(minute);
  const [first = 0, second = 0] = world.fakeProvider.calls.flatMap(({ operation, at }) =>
    operation === 'CreateMachine' ? [at] : [],
  );
  expect(second - first).toBeGreaterThan(500);
  const failed = { outcome: 'PaymentRequired', failure: { operation: 'CreateMachine', ...failure } };
  expect(linesOf(world).slice(0, 1)).toEqual([call('CreateMachine', 0, { vmID: undefined, ...failed })]);
  expect(world.complaints).toContain('Called provider');
});
