import { expect, test } from 'vitest';
import { createVirtualMachineReader } from '../../src/api/v1alpha1/read.ts';
import { Sharing } from '../../src/api/v1alpha1/sharing.ts';
import { objectWith } from '../plan/fixtures.ts';

test('equal values become one, others stay apart', () => {
  const sharing = new Sharing();
  const first = sharing.share({ name: 'Budget' });
  expect(sharing.share({ name: 'Budget' })).toBe(first);
  expect(sharing.share({ name: 'Large' })).toEqual({ name: 'Large' });
  expect([sharing.share('text'), sharing.share(7), sharing.share(null), sharing.share(undefined)]).toEqual([
    'text',
    7,
    null,
    undefined,
  ]);
});

test('what nobody shares does not pile up, and nothing gets mixed up', () => {
  const sharing = new Sharing();
  for (let id = 0; id < 10_000; id += 1) expect(sharing.share({ id })).toEqual({ id });
});

function stored(name: string, message = ''): object {
  const condition = { type: 'Synced', status: 'True', reason: 'Available', message, observedGeneration: 1 };
  return JSON.parse(
    JSON.stringify({
      metadata: {
        name,
        namespace: 'default',
        uid: `uid-${name}`,
        resourceVersion: '5',
        generation: 1,
        annotations: { kept: 'yes', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
        managedFields: [{ manager: 'kubectl' }],
        labels: { app: 'web' },
        finalizers: ['vps247.com/machine'],
      },
      spec: objectWith({ spec: { sshKeyIds: [1, 2] } }).spec,
      status: { id: 1, package: { id: 1, name: 'Budget' }, conditions: [condition] },
    }),
  );
}

test('of two objects that want the same, what they want is kept once; what they are is their own', () => {
  const read = createVirtualMachineReader();
  const [a, b] = [read(stored('a')), read(stored('b'))];
  expect(b.spec).toBe(a.spec);
  expect(b.metadata.finalizers).toBe(a.metadata.finalizers);
  expect(b.status?.package).toBe(a.status?.package);
  expect(b.status?.conditions?.[0]).toBe(a.status?.conditions?.[0]);
  expect([a.metadata.name, b.metadata.name]).toEqual(['a', 'b']);
  expect(read(stored('c', 'other words')).status?.conditions?.[0]?.message).toBe('other words');
});

test('nothing is kept that nobody reads, and nothing else is lost', () => {
  const object = createVirtualMachineReader()(stored('a'));
  expect(object.metadata).toEqual({
    name: 'a',
    namespace: 'default',
    uid: 'uid-a',
    resourceVersion: '5',
    generation: 1,
    finalizers: ['vps247.com/machine'],
    labels: { app: 'web' },
    annotations: { kept: 'yes' },
  });
  const { spec, status } = stored('a') as Record<string, unknown>;
  expect([object.spec, object.status]).toEqual([spec, status]);
});
