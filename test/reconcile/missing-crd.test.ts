import { expect, it } from 'vitest';
import { KubeError } from '../../src/kubernetes/errors.ts';
import { createWorld } from './world/world.ts';

const minute = 60_000;

/** As of a resource whose CRD is not there: 404 without the name of an object. */
const notServed = (): KubeError =>
  new KubeError('list virtualmachines: 404 NotFound: page not found', { reason: 'Unexpected', status: 404 });

it('reports a missing CRD, draws no conclusion from it, and resumes when it is back', async () => {
  const world = await createWorld();
  const { apply, clock, cluster, condition, fakeProvider } = world;
  for (const name of ['web', 'db']) apply(name);
  await clock.advance(minute);
  const changes = () => fakeProvider.calls.filter(({ operation }) => !/^(List|Get)/.test(operation)).length;
  const before = changes();
  const { list, watch, patch } = cluster;
  Object.assign(cluster, {
    list: () => Promise.reject(notServed()),
    watch: () => {
      throw notServed();
    },
    patch: () => Promise.reject(notServed()),
  });
  expect(world.notReady()).toBeUndefined();
  await clock.advance(60 * minute);
  expect(world.notReady()).toBe(
    'The CustomResourceDefinition virtualmachines.vps247.com is not installed: apply deploy/manifests/crds.yaml of this version.',
  );
  expect(world.isAlive()).toBe(true);
  // Not an empty list, after which Prometheus would drop the VMs.
  expect(world.targets()).toEqual([undefined, undefined]);
  expect(changes()).toBe(before);

  Object.assign(cluster, { list, watch, patch });
  cluster.change('web', { spec: { powerState: 'Halted' } });
  await clock.advance(10_000);
  expect(world.notReady()).toBeUndefined();
  await clock.advance(minute);
  expect(cluster.machine('web')?.status?.state).toBe('Halted');
  expect(condition('db', 'Ready')?.status).toBe('True');
  expect([...fakeProvider.made.values()]).toEqual([1, 1]);
});

it('creates no second VM after a CRD was deleted and its objects were restored from a backup', async () => {
  const world = await createWorld({ relistInterval: 5 * minute });
  const { apply, clock, cluster, condition, fakeProvider } = world;
  for (const name of ['web', 'db']) apply(name);
  await clock.advance(minute);
  const { list, watch } = cluster;
  const changes = () => fakeProvider.calls.filter(({ operation }) => !/^(List|Get)/.test(operation)).length;
  const before = changes();
  // Empty, as a resource that is served again before its objects are there.
  Object.assign(cluster, { list: () => Promise.resolve({ items: [], resourceVersion: '1000' }) });
  await clock.advance(10 * minute);
  expect(await world.metricsPage()).not.toMatch(/^vps247_operator_objects\{/m);
  expect(changes()).toBe(before);
  Object.assign(cluster, { list, watch });
  await clock.advance(40 * minute);
  for (const name of ['web', 'db']) expect(condition(name, 'Ready')?.status, name).toBe('True');
  expect([...fakeProvider.made.values()]).toEqual([1, 1]);
  expect(changes()).toBe(before);
});
