import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const alone = { withoutBystanders: 'it counts the reconciliations of one object' };

/** How many reconciliations ended, of all objects. */
async function ended(world: World): Promise<number> {
  const lines = (await world.metricsPage()).split('\n');
  const counts = lines.filter((line) => line.startsWith('controller_runtime_reconcile_total{'));
  return counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const create = (world: World): void => world.apply('db');
const power =
  (powerState: 'Running' | 'Halted') =>
  ({ cluster }: World): void =>
    cluster.change('db', { spec: { powerState } });

interface Row {
  readonly what: string;
  readonly before: readonly ((world: World) => void)[];
  readonly act: (world: World) => void;
  readonly reconciliations: number;
  readonly writes: number;
}

const rows: readonly Row[] = [
  { what: 'a create in an account that is new', before: [], act: create, reconciliations: 6, writes: 4 },
  {
    what: 'a create in an account that was listed',
    before: [(world) => world.apply('web')],
    act: create,
    reconciliations: 4,
    writes: 4,
  },
  { what: 'a stop', before: [create], act: power('Halted'), reconciliations: 3, writes: 2 },
  { what: 'a start', before: [create, power('Halted')], act: power('Running'), reconciliations: 3, writes: 2 },
];

/** Has the other writer change the object while the operator's next status write of it is in flight. */
function during(world: World, change: () => void): void {
  world.cluster.holds = (write) => {
    if (write !== 'status db') return undefined;
    world.cluster.holds = () => undefined;
    change();
    return new Promise((resolve) => void world.clock.schedule(50, resolve));
  };
  world.cluster.change('db', { metadata: { annotations: { [annotations.reconcileRequestedAt]: 'now' } } });
}

describe.each([
  { when: 'before the answer to the write', eventDelay: 0 },
  { when: 'after the answer to the write', eventDelay: 100 },
])('events that arrive $when', ({ eventDelay }) => {
  async function settled(before: Row['before']): Promise<World> {
    const world = await createWorld({}, alone);
    world.cluster.eventDelay = eventDelay;
    for (const step of before) {
      step(world);
      await world.clock.advance(5 * minute);
    }
    return world;
  }

  it.each(rows)('of $what lead to $reconciliations reconciliations', async (row) => {
    const world = await settled(row.before);
    const [reconciliations, writes] = [await ended(world), world.cluster.writes.length];
    row.act(world);
    await world.clock.advance(5 * minute);
    const written = world.cluster.writes.slice(writes).filter((write) => write.endsWith(' db'));
    expect([(await ended(world)) - reconciliations, written.length]).toEqual([row.reconciliations, row.writes]);
  });

  it('show a new spec beside the own status write, which is reconciled at once', async () => {
    const world = await settled([create]);
    during(world, () => world.cluster.change('db', { spec: { powerDriftPolicy: 'Report' } }));
    await world.clock.advance(400);
    const { metadata, status } = world.cluster.machine('db') ?? {};
    expect([status?.lastHandledReconcileAt, status?.observedGeneration]).toEqual(['now', metadata?.generation]);
  });

  it('show a status that another writer edited beside the own write, which is corrected at once', async () => {
    const world = await settled([create]);
    during(world, () => world.cluster.change('db', { status: { state: 'Halted' } }));
    await world.clock.advance(400);
    expect(world.cluster.machine('db')?.status).toMatchObject({ lastHandledReconcileAt: 'now', state: 'Running' });
  });

  it('show a status that another writer edited while nothing else happened, which is corrected at once', async () => {
    const world = await settled([create]);
    world.cluster.change('db', { status: { state: 'Halted' } });
    await world.clock.advance(400);
    expect(world.cluster.machine('db')?.status?.state).toBe('Running');
  });

  it.each([
    // The request, and the list that it asks for.
    { answer: 'arrived', failures: [], reconciliations: 2 },
    {
      answer: 'was lost',
      failures: [{ write: 'status db', reason: 'Timeout', isStored: true }] as const,
      reconciliations: 3,
    },
  ])('of a write whose answer $answer count accordingly', async ({ failures, reconciliations }) => {
    const world = await settled([create]);
    const before = await ended(world);
    world.cluster.failures.push(...failures);
    world.cluster.change('db', { metadata: { annotations: { [annotations.reconcileRequestedAt]: 'now' } } });
    await world.clock.advance(400);
    expect((await ended(world)) - before).toBe(reconciliations);
  });

  it('of the status that ends a restart do not delay the next one', async () => {
    const world = await settled([create]);
    world.cluster.change('db', { spec: { restartRequest: 'first' } });
    await world.clock.advance(1_500);
    world.cluster.change('db', { spec: { restartRequest: 'second' } });
    await world.clock.advance(10_000);
    expect(world.fakeProvider.restarts).toBe(2);
  });

  it('of a write that met a conflict lead to a reconciliation of what the other writer changed', async () => {
    const world = await settled([]);
    world.cluster.holds = (write) => {
      if (write === 'patch db') {
        world.cluster.holds = () => undefined;
        world.cluster.change('db', { spec: { powerState: 'Halted' } });
      }
      return undefined;
    };
    world.apply('db');
    await world.clock.advance(minute);
    expect(world.cluster.machine('db')?.status).toMatchObject({ state: 'Halted', observedGeneration: 2 });
    expect(world.fakeProvider.count('CreateMachine')).toBe(1);
  });
});
