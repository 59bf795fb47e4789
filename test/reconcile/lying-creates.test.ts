import { describe, expect, it } from 'vitest';
import { failed, succeeded } from '../../src/domain/failure.ts';
import type { Machine } from '../../src/domain/machine.ts';
import type { Provider } from '../../src/provider/provider.ts';
import type { InMemoryProvider } from './world/fake-provider.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;

interface Scene extends World {
  /** Ids of VMs that were powered or deleted. */
  readonly touched: ReadonlySet<number>;
}

function noting<T>(touched: Set<number>, call: (id: number) => Promise<T>): (id: number) => Promise<T> {
  return (id) => {
    touched.add(id);
    return call(id);
  };
}

/** An account with an unmanaged VM `legacy` with the id 1, whose provider answers a create call as `lie` does. */
async function createScene(
  lie: (truth: Provider, fakeProvider: InMemoryProvider) => Partial<Provider>,
): Promise<Scene> {
  const touched = new Set<number>();
  const world = await createWorld(
    {},
    {
      through: (truth, _, fakeProvider) => ({
        ...truth,
        stopMachine: noting(touched, truth.stopMachine),
        startMachine: noting(touched, truth.startMachine),
        restartMachine: noting(touched, truth.restartMachine),
        killMachine: noting(touched, truth.killMachine),
        deleteMachine: noting(touched, truth.deleteMachine),
        ...lie(truth, fakeProvider),
      }),
    },
  );
  world.fakeProvider.add('legacy', { hostname: 'legacy.example' });
  return { ...world, touched };
}

function vmsOf({ fakeProvider }: Scene): readonly string[] {
  return [...fakeProvider.machines.values()].map(({ name }) => name);
}

const lies: readonly (readonly [what: string, answer: (machine: Machine, fakeProvider: InMemoryProvider) => object])[] =
  [
    ['an unmanaged VM, described', (_, fakeProvider) => ({ id: 1, machine: fakeProvider.machines.get(1) })],
    ['an unmanaged VM by its id', () => ({ id: 1 })],
    ['an id that no VM has', () => ({ id: 999 })],
    ['no id', () => ({})],
    [
      'the new VM with the name of an unmanaged one',
      ({ id }, fakeProvider) => ({ id, machine: { ...fakeProvider.machines.get(1), id } }),
    ],
    ['another owner', (machine) => ({ id: machine.id, machine: { ...machine, ownerId: 77 } })],
  ];

describe('a create call whose answer names', () => {
  it.each(lies)('%s: the VM that was created is the one that is managed and deleted', async (_what, answer) => {
    const scene = await createScene((truth, fakeProvider) => ({
      createMachine: async (request) => {
        const answered = await truth.createMachine(request);
        return answered.ok && answered.value.machine !== undefined
          ? succeeded(answer(answered.value.machine, fakeProvider))
          : answered;
      },
    }));
    const { clock, cluster } = scene;
    scene.apply('web');
    await clock.advance(100);
    expect(cluster.machine('web')?.status?.hostname).not.toBe('legacy.example');
    await clock.advance(2 * minute);
    expect(cluster.machine('web')?.status).toMatchObject({ id: 2, ownerId: 1 });
    expect(scene.condition('web', 'Ready')?.status).toBe('True');
    cluster.remove('virtualmachines', 'web');
    await clock.advance(2 * minute);
    expect([cluster.machine('web'), vmsOf(scene), [...scene.touched]]).toEqual([undefined, ['legacy'], [2]]);
  });

  it.each(lies)('%s, and a crash directly after it: the same result', async (_what, answer) => {
    const scene = await createScene((truth, fakeProvider) => ({
      createMachine: async (request) => {
        const answered = await truth.createMachine(request);
        return answered.ok && answered.value.machine !== undefined
          ? succeeded(answer(answered.value.machine, fakeProvider))
          : answered;
      },
    }));
    scene.apply('web');
    await scene.clock.advance(12);
    await scene.restart();
    await scene.clock.advance(3 * minute);
    expect(scene.condition('web', 'Ready')?.status).toBe('True');
    scene.cluster.remove('virtualmachines', 'web');
    await scene.clock.advance(2 * minute);
    expect([vmsOf(scene), [...scene.touched]]).toEqual([['legacy'], [2]]);
  });

  it('the VM of another object: both objects keep their own', async () => {
    const scene = await createScene((truth) => ({
      createMachine: async (request) => {
        const answered = await truth.createMachine(request);
        return request.name.startsWith('db-') ? succeeded({ id: 2 }) : answered;
      },
    }));
    scene.apply('web');
    await scene.clock.advance(minute);
    scene.apply('db');
    await scene.clock.advance(minute);
    expect(['web', 'db'].map((name) => scene.cluster.machine(name)?.status?.id)).toEqual([2, 3]);
    scene.cluster.remove('virtualmachines', 'db');
    await scene.clock.advance(minute);
    expect([vmsOf(scene), [...scene.touched]]).toEqual([['legacy', expect.stringMatching(/^web-/)], [3]]);
    expect(scene.condition('web', 'Ready')?.status).toBe('True');
  });
});

describe('lists that name a wrong owner for a while', () => {
  it('delay no object after they are correct again', async () => {
    let isLying = false;
    const scene = await createScene((truth) => ({
      listMachines: async (signal) => {
        const answered = await truth.listMachines(signal);
        return answered.ok && isLying ? succeeded(answered.value.map((one) => ({ ...one, ownerId: 77 }))) : answered;
      },
      createMachine: async (request) => {
        const answered = await truth.createMachine(request);
        return answered.ok ? succeeded({ id: 2 }) : answered;
      },
    }));
    isLying = true;
    await scene.clock.advance(2 * minute);
    scene.apply('web');
    await scene.clock.advance(100);
    isLying = false;
    await scene.clock.advance(2 * minute);
    expect(scene.condition('web', 'Ready')?.status).toBe('True');
    isLying = true;
    await scene.clock.advance(5 * minute);
    isLying = false;
    await scene.clock.advance(2 * minute);
    expect(scene.condition('web', 'Ready')?.status).toBe('True');
    expect(scene.cluster.machine('web')?.status).toMatchObject({ id: 2, ownerId: 1 });
    expect(scene.fakeProvider.count('CreateMachine')).toBe(1);
  });
});

describe('create calls that lead to VMs of another name', () => {
  const outcomes = [
    ['are accepted without an id', () => succeeded({})],
    [
      'have no answer',
      () => failed({ operation: 'CreateMachine', class: 'UnknownOutcome', code: 'ConnectionLost', text: '' }),
    ],
  ] as const;

  it.each(outcomes)('and %s are retried with exponential backoff, also by another process', async (_what, outcome) => {
    const scene = await createScene((_truth, fakeProvider) => ({
      createMachine: async (request) => {
        fakeProvider.add(request.name.toUpperCase());
        return outcome();
      },
    }));
    const { clock, cluster } = scene;
    const created = (): number => scene.fakeProvider.machines.size - 1;
    scene.apply('web');
    await clock.advance(5 * minute);
    expect(created()).toBe(2);
    for (let restarts = 0; restarts < 6; restarts += 1) {
      await clock.advance(10 * minute);
      await scene.restart();
    }
    expect(created()).toBe(5);
    expect(scene.condition('web', 'Ready')).toMatchObject({
      reason: 'CreateBackoff',
      message: expect.stringMatching(
        /^5 create requests for "web-.*" led to no VM of that name; the next one is sent at/,
      ),
    });
    await clock.advance(24 * 60 * minute);
    expect(created()).toBeLessThanOrEqual(12);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(5 * minute);
    expect(cluster.machine('web')).toBeUndefined();
  });
});
