import { expect, it } from 'vitest';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const isChange = (operation: string): boolean => /^(Create|Start|Stop|Kill|Restart|Delete)/.test(operation);
const calls = ({ fakeProvider }: World): readonly string[] =>
  fakeProvider.calls.map(({ operation }) => operation).filter(isChange);

interface Row {
  readonly what: string;
  readonly begin: (world: World) => void;
  /** What becomes of the object, once it is in sync. */
  readonly later?: (world: World) => void;
  readonly planned: readonly string[];
}

const ready = ({ apply }: World): void => apply('web');
const change =
  (spec: Readonly<Record<string, unknown>>) =>
  ({ cluster }: World): void =>
    cluster.change('web', { spec: { managementPolicy: 'Plan', ...spec } });

function remove(world: World): void {
  change({})(world);
  world.cluster.remove('virtualmachines', 'web');
}

it.each<Row>([
  {
    what: 'a create of a halted VM',
    begin: ({ apply }) =>
      apply('web', {
        managementPolicy: 'Plan',
        powerState: 'Halted',
        powerOff: { mode: 'Hard', gracePeriodSeconds: 60 },
      }),
    planned: ['CreateMachine', 'KillMachine'],
  },
  {
    what: 'an adoption',
    begin: ({ apply, fakeProvider }) => {
      const { id } = fakeProvider.add('legacy', { state: 'Halted' });
      apply('web', { managementPolicy: 'Plan', adoption: { policy: 'MustExist', id } });
    },
    planned: ['AdoptMachine', 'StartMachine'],
  },
  { what: 'a restart', begin: ready, later: change({ restartRequest: '1' }), planned: ['RestartMachine'] },
  {
    what: 'a power off',
    begin: ready,
    later: change({ powerState: 'Halted', powerOff: { mode: 'Hard' } }),
    planned: ['KillMachine'],
  },
  {
    what: 'a deletion',
    begin: ready,
    later: remove,
    // The guest halts by itself.
    planned: ['StopMachine', 'KillMachine?', 'DeleteMachine'],
  },
])('does exactly what was planned after your approval, and nothing before: $what', async (row) => {
  const world = await createWorld();
  row.begin(world);
  await world.clock.advance(2 * minute);
  const before = calls(world).length;
  row.later?.(world);
  await world.clock.advance(2 * minute);
  const { plannedActions = [] } = world.cluster.machine('web')?.status ?? {};
  expect(plannedActions.map(({ operation, message }) => (/ if /.test(message) ? `${operation}?` : operation))).toEqual(
    row.planned,
  );
  const writes = world.cluster.writes.length;
  await world.clock.advance(30 * minute);
  expect([calls(world).length, world.cluster.writes.length]).toEqual([before, writes]);
  world.cluster.change('web', { spec: { managementPolicy: 'Manage' } });
  await world.clock.advance(5 * minute);
  const expected = row.planned.filter((operation) => isChange(operation) && !operation.endsWith('?'));
  expect(calls(world).slice(before)).toEqual(expected);
});
