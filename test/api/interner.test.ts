import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { readIdentity } from '../../src/api/v1alpha1/identity.ts';
import { writtenBy } from '../../src/api/v1alpha1/annotations.ts';
import { createVirtualMachineReader, Interner } from '../../src/api/v1alpha1/decode.ts';
import type { ObjectMeta } from '../../src/api/v1alpha1/types.ts';
import { objectWith } from '../plan/fixtures.ts';

setFlagsFromString('--expose-gc');
// The global of Node with this flag.
const gc = runInNewContext('gc') as () => void;

test('equal values become one, others stay separate', () => {
  const sharing = new Interner();
  const first = sharing.intern({ name: 'Budget' });
  expect(sharing.intern({ name: 'Budget' })).toBe(first);
  expect(sharing.intern({ name: 'Large' })).toEqual({ name: 'Large' });
  expect([sharing.intern('text'), sharing.intern(7), sharing.intern(null), sharing.intern(undefined)]).toEqual([
    'text',
    7,
    null,
    undefined,
  ]);
});

test('a value of more than 1,024 characters is not kept, so that all of them are bounded in bytes', () => {
  const sharing = new Interner();
  const overhead = JSON.stringify({ name: '' }).length;
  for (const [length, isKept] of [
    [1_024, true],
    [1_025, false],
  ] as const) {
    const value = (): object => ({ name: 'x'.repeat(length - overhead) });
    expect(sharing.intern(value()) === sharing.intern(value())).toBe(isKept);
  }
});

test('unused values are released, and values are not mixed up', () => {
  const sharing = new Interner();
  for (let id = 0; id < 10_000; id += 1) expect(sharing.intern({ id })).toEqual({ id });
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
        annotations: {
          team: 'yes',
          'vps247.com/paused': 'true',
          'kubectl.kubernetes.io/last-applied-configuration': '{}',
        },
        managedFields: [{ manager: 'kubectl' }],
        labels: { app: 'web', tier: 'db' },
        finalizers: ['vps247.com/machine'],
      },
      spec: objectWith({ spec: { sshKeyIds: [1, 2] } }).spec,
      status: { id: 1, package: { id: 1, name: 'Budget' }, conditions: [condition] },
    }),
  );
}

test('the equal spec of two objects is kept once, and their metadata separately', () => {
  const read = createVirtualMachineReader();
  const [a, b] = [read(stored('a')), read(stored('b'))];
  expect(b.spec).toBe(a.spec);
  expect(b.metadata.finalizers).toBe(a.metadata.finalizers);
  expect(b.status?.package).toBe(a.status?.package);
  expect(b.status?.conditions?.[0]).toBe(a.status?.conditions?.[0]);
  expect([a.metadata.name, b.metadata.name]).toEqual(['a', 'b']);
  expect(read(stored('c', 'other words')).status?.conditions?.[0]?.message).toBe('other words');
});

test('unused values are released, and nothing else', () => {
  const object = createVirtualMachineReader(['app', 'zone'])(stored('a'));
  expect(object.metadata).toEqual({
    name: 'a',
    namespace: 'default',
    uid: 'uid-a',
    resourceVersion: '5',
    generation: 1,
    finalizers: ['vps247.com/machine'],
    labels: { app: 'web' },
    annotations: { 'vps247.com/paused': 'true' },
    fingerprint: expect.any(Number),
  });
  const { spec, status } = stored('a') as Record<string, unknown>;
  expect([object.spec, object.status]).toEqual([spec, status]);
});

test('values are still shared after more different ones than are remembered', () => {
  const read = createVirtualMachineReader();
  for (let index = 0; index < 5_000; index += 1) read(stored('a', `wording ${index}`));
  const [first, second] = [read(stored('a', 'the same')), read(stored('b', 'the same'))];
  expect(first.status?.conditions?.[0]).toBe(second.status?.conditions?.[0]);
});

test('the fingerprint depends on labels and annotations of others, and not on those of the operator or kubectl', () => {
  const read = createVirtualMachineReader();
  const fingerprintOf = (labels: object, notes: object) => {
    const object = stored('a') as { readonly metadata: object };
    return read({ ...object, metadata: { ...object.metadata, labels, annotations: notes } }).metadata.fingerprint;
  };
  const applied = { 'kubectl.kubernetes.io/last-applied-configuration': '{}' };
  const plain = fingerprintOf({ app: 'web' }, {});
  for (const name of [...writtenBy('the operator'), ...writtenBy('you')])
    expect([name, fingerprintOf({ app: 'web' }, { ...applied, [name]: 'x' })]).toEqual([name, plain]);
  const others = [
    fingerprintOf({ app: 'shop' }, {}),
    fingerprintOf({}, {}),
    fingerprintOf({ app: 'web' }, { team: 'a' }),
  ];
  expect(new Set([plain, ...others]).size).toBe(4);
});

/** As much as the API server takes. */
function hostile(index: number): object {
  const many = (length: number, prefix: string) =>
    Array.from({ length }, (_, at) => `${prefix}-${index}-${at}.example.com/x`);
  const long = (text: string) => `${text}-${index}-${'A'.repeat(200_000)}`;
  return {
    metadata: {
      ...(stored(`h-${index}`) as { metadata: object }).metadata,
      annotations: {
        other: long('other'),
        'vps247.com/paused': long('N'),
        'vps247.com/machine': `{"id":90,"uid":"uid-h-${index}","name":"${long('x')}"}`,
        'vps247.com/reconcile-requested-at': long('t'),
      },
      labels: Object.fromEntries(many(500, 'label').map((name) => [name, 'v'])),
      finalizers: [...many(3_000, 'finalizer'), 'vps247.com/machine'],
    },
    spec: objectWith().spec,
  };
}

test('a few kilobytes of the largest object are kept, and a cut record does not count as a record', () => {
  const { metadata } = createVirtualMachineReader()(hostile(1));
  expect(JSON.stringify(metadata).length).toBeLessThan(4_000);
  expect([metadata.finalizers, metadata.hasMoreFinalizers]).toEqual([['vps247.com/machine'], true]);
  expect(readIdentity(objectWith({ annotations: metadata.annotations ?? {} }))).toEqual({ kind: 'Unproven' });
  const value = metadata.annotations?.['vps247.com/paused'];
  expect([value?.length, value?.slice(0, 5), value?.endsWith('A…')]).toEqual([254, 'N-1-A', true]);
});

test('an object with very many finalizers has that of the operator only if it is among them', () => {
  const read = createVirtualMachineReader();
  const others = Array.from({ length: 100 }, (_, index) => `finalizer-${index}.example.com/x`);
  const finalizersOf = (finalizers: readonly string[]) => {
    const object = stored('a') as { readonly metadata: object };
    return read({ ...object, metadata: { ...object.metadata, finalizers } }).metadata.finalizers;
  };
  expect([finalizersOf(others), finalizersOf([...others, 'vps247.com/machine'])]).toEqual([[], ['vps247.com/machine']]);
});

test('the validation errors of a stored spec are kept with the object', () => {
  const read = createVirtualMachineReader();
  expect(read({ ...stored('a'), spec: { ...objectWith().spec, ipv6: 'yes' } })).toMatchObject({
    specErrors: ['spec.ipv6 must be a boolean, not "yes"'],
    spec: { ipv6: false },
  });
  expect(read(stored('a'))).not.toHaveProperty('flaws');
});

/** The labels that are kept with the selector `zone`. */
function labelsOf(labels: Readonly<Record<string, string>>): ObjectMeta['labels'] {
  const object = stored('a') as { readonly metadata: object };
  const read = createVirtualMachineReader(['zone'], { withOtherLabels: true });
  return read({ ...object, metadata: { ...object.metadata, labels } }).metadata.labels;
}

test('with other labels, those of a selector and the first few others are kept', () => {
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`l${10 + index}`, 'v']));
  const long = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`${index}/`.padEnd(252, 'x'), 'vvv']));
  expect(labelsOf({ app: 'web', zone: 'a' })).toEqual({ app: 'web', zone: 'a' });
  expect(Object.keys(labelsOf({ ...many, zone: 'a' }) ?? {}).toSorted()).toEqual([
    ...Object.keys(many).slice(0, 32),
    'zone',
  ]);
  expect(Object.keys(labelsOf({ ...long, zone: 'a' }) ?? {})).toHaveLength(1 + 8);
});

test.each([
  { because: '32 with 2048 characters', count: 32, length: 64, isKept: true },
  { because: 'one more', count: 33, length: 10, isKept: false },
  { because: 'one character more', count: 3, length: 683, isKept: false },
])('finalizers of others are kept if they are few: $because', ({ count, length, isKept }) => {
  const finalizers = Array.from({ length: count }, (_, index) => `${index}/`.padEnd(length, 'x'));
  const object = stored('a') as { readonly metadata: object };
  const { metadata } = createVirtualMachineReader()({ ...object, metadata: { ...object.metadata, finalizers } });
  expect([metadata.finalizers, metadata.hasMoreFinalizers]).toEqual(isKept ? [finalizers, undefined] : [[], true]);
});

test.each([
  ...writtenBy('you').map((name) => ({ name, longest: 256 })),
  ...writtenBy('the operator').map((name) => ({ name, longest: 2_048 })),
])('$longest bytes of $name are kept', ({ name, longest }) => {
  const read = createVirtualMachineReader();
  const valueOf = (value: string) => {
    const object = stored('a') as { readonly metadata: object };
    return read({ ...object, metadata: { ...object.metadata, annotations: { [name]: value } } }).metadata.annotations?.[
      name
    ];
  };
  expect(valueOf('x'.repeat(longest))).toBe('x'.repeat(longest));
  expect(valueOf('x'.repeat(longest + 1))).toBe(`${'x'.repeat(longest - 3)}…`);
});

const usedHeap = (): number => {
  gc();
  return process.memoryUsage().heapUsed;
};

test('forty of them do not add up', () => {
  const read = createVirtualMachineReader();
  const before = usedHeap();
  const rows = Array.from({ length: 40 }, (_, index) => read(JSON.parse(JSON.stringify(hostile(index)))));
  expect((usedHeap() - before) / rows.length).toBeLessThan(12_000);
});
