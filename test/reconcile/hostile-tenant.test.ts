import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import type { OperatorSettings } from '../../src/config/settings.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { failed } from '../../src/domain/failure.ts';
import { createManualClock } from '../support/clock.ts';
import { objectWith } from '../plan/fixtures.ts';
import { createWorld, type World } from './world/world.ts';

// Thousands of changes take some seconds; on a busy machine that is many.
vi.setConfig({ testTimeout: 120_000 });

setFlagsFromString('--expose-gc');
// The global of Node with this flag.
const gc = runInNewContext('gc') as () => void;

const minute = 60_000;
const rejected = {
  operation: 'ListMachines',
  class: 'Credentials',
  code: 'Unauthorized',
  status: 401,
  text: '',
} as const;

interface Scene extends World {
  /** Lists in flight with invalid keys, now and at most. */
  readonly probes: { now: number; most: number; connections: number; lists: number };
  /** A Secret, or an object, of the hostile tenant, whose namespace is `b`. */
  putSecret(name: string, key: string): void;
  putObject(name: string, secret: string, more?: object): void;
  objectOf(name: string): Promise<VirtualMachine>;
}

/** A tenant in `default` with a VM that is Ready, and another tenant in `b`. A key that names no owner is rejected after a second. */
async function createScene(settings: Partial<OperatorSettings> = {}): Promise<Scene> {
  const clock = createManualClock();
  const probes = { now: 0, most: 0, connections: 0, lists: 0 };
  const world = await createWorld(settings, {
    clock,
    through: (provider, apiKey) => {
      if (/^owner-([0-9]+)$/.test(apiKey.reveal())) return provider;
      probes.connections += 1;
      return {
        ...provider,
        listMachines: async () => {
          probes.now += 1;
          probes.lists += 1;
          probes.most = Math.max(probes.most, probes.now);
          await new Promise<void>((resolve) => clock.schedule(1_000, resolve));
          probes.now -= 1;
          return failed(rejected);
        },
      };
    },
  });
  world.apply('web');
  await clock.advance(10_000);
  expect(world.condition('web', 'Ready')?.status).toBe('True');
  const { spec } = world.cluster.machine('web') ?? objectWith();
  return {
    ...world,
    probes,
    putSecret: (name, key) =>
      world.cluster.put('secrets', {
        metadata: { namespace: 'b', name, labels: { watched: 'true' } },
        data: { 'api-key': Buffer.from(key).toString('base64') },
      }),
    putObject: (name, secret, more = {}) =>
      world.cluster.put('virtualmachines', {
        metadata: { namespace: 'b', name, ...more },
        spec: { ...spec, credentialsSecretRef: { name: secret, key: 'api-key' } },
        status: { observedGeneration: -1 },
      }),
    objectOf: async (name) =>
      (await world.cluster.get(
        { group: '', version: '', plural: 'virtualmachines' },
        { namespace: 'b', name },
      )) as VirtualMachine,
  };
}

/** The other tenant's change is carried out at once. */
async function expectServed({ clock, cluster, fakeProvider }: Scene): Promise<void> {
  for (const [powerState, operation] of [
    ['Halted', 'StopMachine'],
    ['Running', 'StartMachine'],
  ] as const) {
    const since = clock.monotonic();
    cluster.change('web', { spec: { powerState } });
    await clock.advance(10);
    expect(fakeProvider.count(operation, since)).toBe(1);
    await clock.advance(10_000);
  }
}

function usedHeap({ cluster }: Scene): number {
  // The test's own record of what was stored.
  cluster.forgetVersions();
  gc();
  return process.memoryUsage().heapUsed;
}

describe('another tenant', () => {
  it('with four hundred invalid keys: a few connections, a clear reason, and no wait for other tenants', async () => {
    const scene = await createScene();
    const { clock, probes, putSecret, putObject, objectOf } = scene;
    for (let index = 0; index < 400; index += 1) {
      putSecret(`s-${index}`, `nonsense-${index}`);
      putObject(`o-${index}`, `s-${index}`);
    }
    await clock.advance(0);
    await expectServed(scene);
    expect(probes).toMatchObject({ most: 16, connections: 32 });
    await clock.advance(2 * minute);
    const reasons = await Promise.all(
      Array.from({ length: 400 }, async (_, index) => {
        const { status } = await objectOf(`o-${index}`);
        return status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
      }),
    );
    const counts = Object.groupBy(reasons, (reason) => reason ?? 'none');
    expect([counts['CredentialsRejected']?.length, counts['ApiKeyLimitReached']?.length]).toEqual([32, 368]);
    // Slowly, whatever they are.
    probes.most = 0;
    await expectServed(scene);
    expect(probes.connections).toBe(32);
  });

  it('who keeps writing invalid keys into a Secret: the provider gets few of them, and then the valid one', async () => {
    const scene = await createScene();
    const { clock, condition, probes, putSecret, putObject } = scene;
    for (let index = 0; index < 600; index += 1) {
      putSecret('key', `nonsense-${index}`);
      if (index === 0) putObject('b-0', 'key');
      await clock.advance(100);
    }
    // As many at once as the namespace may use keys, then one a second.
    expect(probes.connections).toBeGreaterThan(300);
    expect(probes.lists).toBeLessThanOrEqual(32 + 60);
    putSecret('key', 'owner-2');
    await clock.advance(5_000);
    expect((await scene.objectOf('b-0')).status?.state).toBe('Running');
    expect(condition('web', 'Ready')?.status).toBe('True');
    await expectServed(scene);
  });

  it("with a thousand objects whose key changes: another tenant's object is among the first", async () => {
    const scene = await createScene({ workers: 1 });
    const { clock, cluster, putSecret, putObject, fakeProvider } = scene;
    putSecret('s', 'owner-2');
    for (let index = 0; index < 1_000; index += 1)
      putObject(`o-${index}`, 's', { annotations: { 'vps247.com/paused': 'true' } });
    await clock.advance(5 * minute);
    const before = cluster.writes.length;
    putSecret('s', 'nonsense');
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(0);
    expect(fakeProvider.count('StopMachine')).toBe(1);
    expect(cluster.writes.length - before).toBeLessThan(10);
  });

  it('with twelve Secrets of 700 kB: the operator uses, keeps and sends none of it', async () => {
    const scene = await createScene();
    const { clock, probes, putSecret, putObject, objectOf } = scene;
    for (let index = 0; index < 12; index += 1) putSecret(`s-${index}`, `${index}${'k'.repeat(700_000)}`);
    const before = usedHeap(scene);
    for (let index = 0; index < 12; index += 1) putObject(`o-${index}`, `s-${index}`);
    await clock.advance(minute);
    await expectServed(scene);
    expect(usedHeap(scene) - before).toBeLessThan(2_000_000);
    expect(probes.connections).toBe(0);
    const { status } = await objectOf('o-0');
    expect(status?.conditions?.[0]).toMatchObject({ reason: 'CredentialsMissing' });
  });

  it('with six hundred values of 200 kB in one annotation: the operator keeps none of them', async () => {
    const scene = await createScene();
    const { clock, cluster, putSecret, putObject } = scene;
    putSecret('s', 'owner-2');
    putObject('o', 's');
    await clock.advance(minute);
    const before = usedHeap(scene);
    const ref = { namespace: 'b', name: 'o' };
    for (let index = 0; index < 600; index += 1) {
      const annotations = { 'vps247.com/paused': `N-${index}-${'A'.repeat(200_000)}` };
      await cluster.patch({ group: '', version: '', plural: 'virtualmachines' }, ref, {
        type: 'merge',
        body: { metadata: { annotations } },
      });
      await clock.advance(100);
      cluster.forgetVersions();
    }
    await expectServed(scene);
    expect(usedHeap(scene) - before).toBeLessThan(3_000_000);
  });

  it('who refers to another Secret with each change: the operator forgets the earlier ones', async () => {
    const scene = await createScene();
    const { clock, cluster, putObject } = scene;
    putObject('o', 's-0');
    await clock.advance(minute);
    const before = usedHeap(scene);
    for (let index = 0; index < 2_000; index += 1) {
      const credentialsSecretRef = { name: `${index}-${'s'.repeat(240)}`, key: `${index}-${'k'.repeat(240)}` };
      await cluster.patch(
        { group: '', version: '', plural: 'virtualmachines' },
        { namespace: 'b', name: 'o' },
        { type: 'merge', body: { spec: { credentialsSecretRef } } },
      );
      await clock.advance(10);
      cluster.forgetVersions();
    }
    expect(usedHeap(scene) - before).toBeLessThan(1_000_000);
  });
});
