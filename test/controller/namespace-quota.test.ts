import { expect, test } from 'vitest';
import { NamespaceQuota } from '../../src/controller/namespace-quota.ts';
import { objectWith } from '../plan/fixtures.ts';

const withMachine = objectWith({ id: 90, status: { id: 90, origin: 'Created' } });
const without = objectWith();
const paused = objectWith({ annotations: { 'vps247.com/paused': 'true' } });

/** Lists show every VM until it is put into `gone`. */
function quotaOf(limit: number, gone: ReadonlySet<number | string> = new Set()): NamespaceQuota {
  return new NamespaceQuota({
    limit,
    accountOf: () => undefined,
    watch:
      ({ id, name }) =>
      () =>
        gone.has(id ?? name),
  });
}

test('two objects never both take the last place', () => {
  const quota = quotaOf(2);
  quota.change('a/1', undefined, withMachine);
  expect([quota.reachedFor('a/2'), quota.reachedFor('a/3')]).toEqual([undefined, undefined]);
  expect([quota.reserve('a/2'), quota.reserve('a/3')]).toEqual([true, false]);
  expect([quota.reachedFor('a/2'), quota.reachedFor('a/3')]).toEqual([undefined, { limit: 2, leftRunning: [] }]);
});

test('an object that has a place keeps it, also above the limit', () => {
  const quota = quotaOf(1);
  for (const key of ['a/1', 'a/2']) quota.change(key, undefined, withMachine);
  expect([quota.reserve('a/1'), quota.reserve('a/2'), quota.reserve('a/3')]).toEqual([true, true, false]);
});

test('each namespace has separate places', () => {
  const quota = quotaOf(1);
  expect([quota.reserve('a/1'), quota.reserve('b/1'), quota.reserve('a/2')]).toEqual([true, true, false]);
});

test.for<[reason: string, end: (quota: NamespaceQuota) => void, isFree: boolean]>([
  [
    'its VM is confirmed deleted, and its object is removed',
    (quota) => {
      quota.change('a/1', without, withMachine);
      quota.confirmGone('a/1');
      quota.change('a/1', withMachine, undefined);
    },
    true,
  ],
  [
    'its object goes, and its VM stays',
    (quota) => {
      quota.change('a/1', without, withMachine);
      quota.change('a/1', withMachine, undefined);
    },
    false,
  ],
  [
    'a user with access to the object removes the records',
    (quota) => {
      quota.change('a/1', without, withMachine);
      quota.change('a/1', withMachine, paused);
    },
    false,
  ],
  [
    'and then deletes it',
    (quota) => {
      quota.change('a/1', without, withMachine);
      quota.change('a/1', withMachine, paused);
      quota.change('a/1', paused, undefined);
    },
    false,
  ],
  [
    'the create was refused',
    (quota) => {
      quota.change('a/1', without, objectWith({ intent: true }));
      quota.confirmGone('a/1');
      quota.change('a/1', objectWith({ intent: true }), without);
    },
    true,
  ],
  [
    'the create was refused, then made after all, and the object goes without its VM',
    (quota) => {
      quota.change('a/1', without, objectWith({ intent: true }));
      quota.confirmGone('a/1');
      quota.reserve('a/1');
      quota.change('a/1', objectWith({ intent: true }), withMachine);
      quota.change('a/1', withMachine, undefined);
    },
    false,
  ],
  [
    'the create was refused, and the object changes before that is on record',
    (quota) => {
      const withIntent = objectWith({ intent: true });
      quota.change('a/1', without, withIntent);
      quota.confirmGone('a/1');
      quota.change('a/1', withIntent, objectWith({ intent: true, annotations: { note: 'x' } }));
      quota.change('a/1', withIntent, without);
    },
    true,
  ],
  ['nothing came of the create', (quota) => quota.release('a/1'), true],
  [
    'nothing came of another one for an object with a VM on record',
    (quota) => {
      quota.change('a/1', without, withMachine);
      quota.reserve('a/1');
      quota.release('a/1');
    },
    false,
  ],
  [
    'nothing came of another one for an object whose intent another process stored',
    (quota) => {
      quota.release('a/1');
      quota.change('a/1', undefined, objectWith({ intent: true }));
      quota.reserve('a/1');
      quota.release('a/1');
    },
    false,
  ],
  [
    'nothing came of one that is for an object with a VM on record',
    (quota) => {
      quota.change('a/1', without, withMachine);
      quota.release('a/1');
    },
    false,
  ],
  [
    'its object changed while the create intent was being written',
    (quota) => quota.change('a/1', without, without),
    false,
  ],
  [
    'its object is being deleted, and its machine is still there',
    (quota) => quota.change('a/1', withMachine, withMachine),
    false,
  ],
  // The watch may show an older state than the create intent, or a newer one, then without a finalizer.
  ['its object goes while the create may be in flight', (quota) => quota.change('a/1', without, undefined), false],
  [
    'its object goes, and lists show that nothing came of the create',
    (quota) => {
      quota.confirmGone('a/1');
      quota.change('a/1', without, undefined);
    },
    true,
  ],
])('frees a place, or not: %s', ([, end, isFree]) => {
  const quota = quotaOf(1);
  quota.reserve('a/1');
  end(quota);
  expect(quota.reserve('a/2')).toBe(isFree);
});

test('counts a VM that was left running until lists no longer show it', () => {
  const gone = new Set<number>();
  const quota = quotaOf(1, gone);
  quota.change('a/1', undefined, withMachine);
  quota.change('a/1', withMachine, undefined);
  expect([quota.reachedFor('a/2'), quota.reachedFor('b/1')]).toEqual([{ limit: 1, leftRunning: ['90'] }, undefined]);
  gone.add(90);
  expect(quota.reserve('a/2')).toBe(true);
});

test("counts a VM that another object records in that object's namespace, and here again after that object is removed", () => {
  const quota = quotaOf(1);
  quota.change('a/1', undefined, withMachine);
  quota.change('a/1', withMachine, undefined);
  quota.change('b/1', undefined, withMachine);
  expect(quota.reachedFor('a/2')).toBeUndefined();
  quota.change('b/1', withMachine, undefined);
  expect([quota.reachedFor('a/2'), quota.reachedFor('b/2')]).toEqual([
    { limit: 1, leftRunning: ['90'] },
    { limit: 1, leftRunning: ['90'] },
  ]);
});

test('ignores what an annotation claims about it: a user can write any annotation', () => {
  const quota = quotaOf(1);
  quota.change('a/1', undefined, withMachine);
  quota.change('a/1', withMachine, undefined);
  quota.change('b/1', undefined, objectWith({ id: 90, isHint: true }));
  expect(quota.reserve('a/2')).toBe(false);
});

const forged = [objectWith({ intent: true }), objectWith({ id: 90, isHint: true })];

test.each(forged)('counts an object whose metadata says that it has begun, without giving it a VM', (object) => {
  const quota = quotaOf(2);
  for (const key of ['a/1', 'a/2', 'a/3']) quota.change(key, undefined, object);
  expect(['a/1', 'a/2', 'a/3', 'a/4'].map((key) => quota.reserve(key))).toEqual([false, false, false, false]);
  quota.confirmGone('a/3');
  quota.change('a/3', object, undefined);
  expect([quota.reserve('a/1'), quota.reserve('a/2'), quota.reserve('a/4')]).toEqual([true, true, false]);
});

test('keeps the place of an object also while its create is in flight, whatever other objects claim meanwhile', () => {
  const quota = quotaOf(1);
  quota.reserve('a/1');
  quota.change('a/forged', undefined, objectWith({ intent: true }));
  expect(quota.reserve('a/1')).toBe(true);
  quota.change('a/1', without, objectWith({ intent: true }));
  expect([quota.reserve('a/1'), quota.reserve('a/forged')]).toEqual([true, false]);
});

test('counts VMs that were left running, however many objects with such metadata are deleted', () => {
  const quota = quotaOf(2);
  quota.change('a/1', undefined, withMachine);
  quota.change('a/1', withMachine, undefined);
  const [object] = forged;
  for (let index = 0; index < 2_000; index += 1) {
    quota.change(`a/forged-${index}`, undefined, object);
    quota.change(`a/forged-${index}`, object, undefined);
  }
  const another = objectWith({ id: 91, status: { id: 91, origin: 'Created' } });
  quota.change('a/3', undefined, another);
  quota.change('a/3', another, undefined);
  const { leftRunning } = quota.reachedFor('a/2') ?? {};
  expect([leftRunning?.[0], leftRunning?.at(-1), leftRunning?.length]).toEqual(['90', '91', 102]);
});

test('counts a VM once that is adopted and left again', () => {
  const quota = quotaOf(2);
  for (const key of ['a/1', 'a/2', 'a/3']) {
    quota.change(key, undefined, withMachine);
    quota.change(key, withMachine, undefined);
  }
  expect([quota.reserve('a/4'), quota.reserve('a/5')]).toEqual([true, false]);
});

test('allows to adopt a VM again that already has a place', () => {
  const quota = quotaOf(1);
  quota.change('a/1', undefined, withMachine);
  quota.change('a/1', withMachine, undefined);
  expect([quota.reserve('a/2', 91), quota.reserve('a/2', 90)]).toEqual([false, true]);
});

test('counts a VM of which only the name is known by its name', () => {
  const gone = new Set<string>();
  const quota = quotaOf(1, gone);
  const withIntent = objectWith({ intent: true });
  quota.change('a/1', undefined, withIntent);
  quota.change('a/1', withIntent, undefined);
  const [name] = quota.reachedFor('a/2')?.leftRunning ?? [];
  expect(name).toMatch(/^web-[0-9a-f]{8}$/);
  gone.add(name ?? '');
  expect(quota.reserve('a/2')).toBe(true);
});

test('treats a later object of the same name as another one', () => {
  const quota = quotaOf(2);
  quota.change('a/1', undefined, withMachine);
  quota.change('a/1', withMachine, { ...without, metadata: { ...without.metadata, uid: 'another' } });
  expect([quota.reserve('a/1'), quota.reserve('a/2')]).toEqual([true, false]);
});

test('passes each free place to one waiting object, in order of arrival', () => {
  const quota = quotaOf(2);
  for (const key of ['a/1', 'a/2']) quota.change(key, undefined, withMachine);
  for (const key of ['a/3', 'a/4', 'a/5', 'b/1', 'a/3']) quota.wait(key);
  quota.change('a/4', without, undefined);
  const before = quota.change('a/1', withMachine, withMachine);
  for (const key of ['a/1', 'a/2']) quota.confirmGone(key);
  expect([
    before,
    quota.change('a/1', withMachine, undefined),
    quota.change('a/2', withMachine, without),
    quota.change('a/2', without, undefined),
  ]).toEqual([undefined, 'a/3', 'a/5', undefined]);
});

test('does not count a VM whose deletion no list will ever show', () => {
  const quota = new NamespaceQuota({ limit: 1, accountOf: () => undefined, watch: () => undefined });
  quota.change('a/1', undefined, withMachine);
  quota.change('a/1', withMachine, undefined);
  expect(quota.reserve('a/2')).toBe(true);
});

test('zero means no limit, and VMs left running are not remembered', () => {
  const watched: unknown[] = [];
  const watch = (machine: unknown) => {
    watched.push(machine);
    return undefined;
  };
  const quota = new NamespaceQuota({ limit: 0, accountOf: () => undefined, watch });
  quota.change('a/1', undefined, withMachine);
  quota.change('a/1', withMachine, undefined);
  expect(watched).toEqual([]);
  expect(Array.from({ length: 100 }, (_, index) => quota.reserve(`a/${index}`)).every(Boolean)).toBe(true);
  expect(quota.reachedFor('a/more')).toBeUndefined();
});
