import { expect, test } from 'vitest';
import { UnmanagedMachines } from '../../src/reconcile/unmanaged-machines.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createManualClock } from '../support/clock.ts';
import { machine } from '../support/fake-provider.ts';
import { ownLease } from './world/operator.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const create = (): Promise<World> => createWorld({}, { withoutBystanders: 'each of them has VMs' });

/** The events about the operator itself. */
const events = ({ cluster }: World): readonly string[] =>
  cluster.events
    .filter(({ regarding }) => regarding.name === ownLease.name)
    .map(({ reason, note }) => `${reason}: ${note}`);

/** The fields of the lines about unmanaged VMs. */
const lines = (world: World): readonly unknown[] =>
  world.lines
    .filter(({ message }) => message.includes('unmanaged VMs'))
    .map(({ message, fields }) => [message, fields]);

test('logs names and ids of unmanaged VMs in one line and one event of the Lease, once, and also that they are managed', async () => {
  const world = await create();
  const first = world.fakeProvider.add('Web 1');
  world.fakeProvider.add('db.example.com');
  world.apply('web');
  await world.clock.advance(60 * minute);
  const note = `UnmanagedVMs: 2 unmanaged VMs in account 1: Web 1 (id ${first.id}), db.example.com (id ${first.id + 1})`;
  expect(events(world)).toEqual([note]);
  const vms = [
    { id: first.id, name: 'Web 1' },
    { id: first.id + 1, name: 'db.example.com' },
  ];
  expect(lines(world)).toEqual([['Found unmanaged VMs', { account: 1, count: 2, vms }]]);
  expect(new Set(world.cluster.events.map(({ regarding: { namespace, kind } }) => `${kind} in ${namespace}`))).toEqual(
    new Set(['VirtualMachine in default', 'Lease in vps247-system']),
  );

  world.fakeProvider.machines.delete(first.id);
  world.fakeProvider.machines.delete(first.id + 1);
  await world.clock.advance(20 * minute);
  expect(events(world)).toEqual([note, 'NoUnmanagedVMs: an object manages every VM of account 1']);
  expect(lines(world).slice(1)).toEqual([['No unmanaged VMs', { account: 1 }]]);
});

test('only logs them where the operator has no Lease, without an error', async () => {
  const leadership = { won: Promise.resolve(), fence: () => true, installation: null };
  const world = await createWorld({}, { withoutBystanders: 'each of them has VMs', leadership });
  const { id } = world.fakeProvider.add('Legacy DB (2019)');
  world.apply('web');
  await world.clock.advance(2 * minute);
  const vms = [{ id, name: 'Legacy DB (2019)' }];
  expect(lines(world)).toEqual([['Found unmanaged VMs', { account: 1, count: 1, vms }]]);
  expect([events(world), world.complaints]).toEqual([[], []]);
});

test('never reports VMs of objects, nor VMs that are being created, adopted or deleted', async () => {
  const world = await create();
  const { id } = world.fakeProvider.add('legacy');
  world.apply('old', { adoption: { policy: 'MustExist', id } });
  for (let index = 0; index < 20; index += 1) {
    world.apply(`web-${index}`);
    await world.clock.advance(20_000);
    if (index % 2 === 1) world.cluster.remove('virtualmachines', `web-${index - 1}`);
  }
  await world.clock.advance(20 * minute);
  expect([events(world), lines(world)]).toEqual([[], []]);
});

test('names ten of many VMs, shortens each name, and counts the rest', async () => {
  const world = await create();
  for (let index = 0; index < 25; index += 1) world.fakeProvider.add(`${'x'.repeat(200)}-${index}`);
  world.apply('web');
  await world.clock.advance(10 * minute);
  const [note = ''] = events(world);
  expect(note).toMatch(/^UnmanagedVMs: 25 unmanaged VMs in account 1: (?:x{61}… \(id \d+\)(?:, )?){10} and 15 more$/);
  expect(Buffer.byteLength(note)).toBeLessThan(1_024);
  expect(lines(world)).toMatchObject([['Found unmanaged VMs', { count: 25, more: 15 }]]);
});

test('reports a list whose VMs change at most once in ten minutes', async () => {
  const world = await create();
  world.apply('web');
  await world.clock.advance(minute);
  const { id } = world.fakeProvider.add('flapping');
  for (let index = 0; index < 120; index += 1) {
    world.fakeProvider.listed = (listed) => listed.id !== id || index % 6 < 3;
    await world.clock.advance(minute);
  }
  expect(lines(world).length).toBeGreaterThan(1);
  expect(lines(world).length).toBeLessThanOrEqual(12);
});

test('reports nothing on standby', async () => {
  const { promise } = Promise.withResolvers<void>();
  const world = await createWorld(
    {},
    { withoutBystanders: 'as above', leadership: { won: promise, fence: () => false } },
  );
  world.fakeProvider.add('legacy');
  world.apply('web');
  await world.clock.advance(60 * minute);
  expect([events(world), lines(world)]).toEqual([[], []]);
});

const minutely = (looks: readonly (readonly number[])[]) => looks.map((ids, index) => ({ at: index * minute, ids }));

test.each<
  [
    what: string,
    lists: readonly { readonly at: number; readonly ids: readonly number[] }[],
    expected: readonly string[],
  ]
>([
  ['a VM that one look shows and the next does not', minutely([[1], []]), []],
  ['a VM that two looks show', minutely([[1], [1]]), ['UnmanagedVMs']],
  ['a VM that several lists of one minute show', [0, 1, 2, 3].map((second) => ({ at: second * 1_000, ids: [1] })), []],
  [
    'a list in another order',
    minutely([[1, 2], [1, 2], ...Array.from({ length: 30 }, () => [2, 1])]),
    ['UnmanagedVMs'],
  ],
  ['an account without any', minutely([[], []]), []],
])('%s', async (_, lists, expected) => {
  const clock = createManualClock();
  const reasons: string[] = [];
  const unmanaged = new UnmanagedMachines({
    machineIndex: { isReserved: () => false },
    clock,
    log: silentLog,
    events: { record: ({ reason }) => reasons.push(reason) },
    regarding: () => ownLease,
  });
  const account = { credentialStatus: 'Accepted', ownerId: 1 } as const;
  for (const { at, ids } of lists) {
    await clock.advance(at - clock.monotonic());
    unmanaged.listed(1, account, { machines: ids.map((id) => machine(id)) });
  }
  expect(reasons).toEqual(expected);
});
