import { expect, it } from 'vitest';
import { createVirtualMachineReader } from '../../src/api/v1alpha1/decode.ts';
import { writtenBy } from '../../src/api/v1alpha1/annotations.ts';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { refusalBasis, writeBasis } from '../../src/reconcile/observe/observe.ts';
import { objectWith } from '../plan/fixtures.ts';
import { createWorld } from './world/world.ts';

const minute = 60_000;

it('sends a refused create once, also when the operator writes the ownership annotation', async () => {
  const world = await createWorld();
  world.fakeProvider.broken.set('CreateMachine', { class: 'Terminal', code: 'Unprocessable', status: 422 });
  world.apply('web');
  await world.clock.advance(20 * minute);
  expect(world.cluster.machine('web')?.metadata.annotations).toHaveProperty(annotations.managedBy);
  expect(world.fakeProvider.count('CreateMachine')).toBe(1);
});

it.each(writtenBy('the operator'))('%s never counts as a change by the user', (name) => {
  const [before, after] = [objectWith(), objectWith({ annotations: { [name]: 'x' } })];
  expect([refusalBasis(after), writeBasis(after)]).toEqual([refusalBasis(before), writeBasis(before)]);
});

it.each(writtenBy('you'))('%s counts as a change by the user', (name) => {
  expect(refusalBasis(objectWith({ annotations: { [name]: 'x' } }))).not.toBe(refusalBasis(objectWith()));
});

it('counts annotations of other tools where an admission policy may read them, and not for the provider', () => {
  const read = createVirtualMachineReader();
  const before = read(objectWith());
  const annotated = read(objectWith({ annotations: { 'example.com/tool': 'x' } }));
  const labeled = read({
    ...objectWith(),
    metadata: { ...objectWith().metadata, labels: { 'example.com/tool': 'x' } },
  });
  for (const after of [annotated, labeled]) {
    expect(refusalBasis(after)).toBe(refusalBasis(before));
    expect(writeBasis(after)).not.toBe(writeBasis(before));
  }
});
