import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isNewer, Store, type ObjectVersion } from '../../../src/kubernetes/cache/store.ts';
import { assertProperty } from '../../support/property.ts';

test.each<[string, string, boolean, string]>([
  ['2', '1', true, 'greater'],
  ['1', '2', false, 'less'],
  ['1', '1', false, 'the same is not newer'],
  ['10', '9', true, 'numbers, not words'],
  ['9007199254740993', '9007199254740992', true, 'more than a number holds'],
])('%s is newer than %s: %s (%s)', (a, b, answer) => {
  expect(isNewer(a, b)).toBe(answer);
});

function version(
  key: string,
  uid: string,
  number: number,
  content: ObjectVersion<string>['content'] = row(`${key} ${number}`),
): ObjectVersion<string> {
  return { key, uid, resourceVersion: String(number), content };
}

function row(text: string): ObjectVersion<string>['content'] {
  return { kind: 'Row', object: text };
}

function listed(...versions: readonly ObjectVersion<string>[]): Map<string, ObjectVersion<string>> {
  return new Map(versions.map((each) => [each.key, each]));
}

/** A store that listed at 10: `web` (uid u, at 5). */
function stocked(): Store<string> {
  const store = new Store<string>();
  store.beginList();
  store.replace(listed(version('web', 'u', 5)), '10');
  return store;
}

describe("an answer to the operator's own write", () => {
  test.each<[string, ObjectVersion<string>, string | undefined, string]>([
    ['web', version('web', 'u', 11), 'web 11', 'newer'],
    ['web', version('web', 'u', 5), 'web 5', 'the same'],
    ['web', version('web', 'u', 4), 'web 5', 'older'],
    ['web', version('web', 'v', 12), 'web 12', 'of a later object of that name'],
    ['db', version('db', 'w', 11), 'db 11', 'of an object that the watch has not reported yet'],
    ['db', version('db', 'w', 9), undefined, 'of an object that was there and is gone'],
    ['web', version('web', 'u', 11, { kind: 'Unreadable' }), 'web 5', 'that cannot be understood'],
  ])('%s: %j leaves %j: %s', (key, answer, held) => {
    const store = stocked();
    store.assume(answer);
    expect(store.get(key)).toBe(held);
  });

  test('before the first list is ignored', () => {
    const store = new Store<string>();
    expect(store.assume(version('web', 'u', 5))).toBeUndefined();
    expect(store.size).toBe(0);
  });

  test('is not reverted by an older event, or the deletion of an older object', () => {
    const store = stocked();
    store.assume(version('web', 'v', 20));
    expect(store.apply('MODIFIED', version('web', 'u', 12))).toBeUndefined();
    expect(store.apply('DELETED', version('web', 'u', 13))).toBeUndefined();
    expect(store.apply('ADDED', version('web', 'v', 14))).toBeUndefined();
    expect(store.get('web')).toBe('web 20');
  });

  test('does not outlive its object, whatever the versions', () => {
    const store = stocked();
    store.assume(version('web', 'u', 20));
    expect(store.apply('DELETED', version('web', 'u', 15))).toMatchObject({ before: 'web 20', after: undefined });
  });

  test('during a list is not reverted by the list', () => {
    const store = stocked();
    store.beginList();
    store.assume(version('web', 'u', 21));
    store.assume(version('db', 'w', 22));
    expect(store.replace(listed(version('web', 'u', 12)), '20')).toEqual([]);
    expect([store.get('web'), store.get('db')]).toEqual(['web 21', 'db 22']);
  });

  test('during a list with newer data does not count', () => {
    const store = stocked();
    store.beginList();
    store.assume(version('web', 'u', 15));
    store.replace(listed(), '20');
    expect(store.size).toBe(0);
  });

  test('before a list no longer counts: the server may have been restored', () => {
    const store = stocked();
    store.assume(version('web', 'u', 900));
    store.beginList();
    store.replace(listed(version('web', 'u', 3)), '4');
    expect(store.get('web')).toBe('web 3');
    expect(store.resourceVersion).toBe('4');
  });
});

test('a list reports only differences', () => {
  const store = stocked();
  store.apply('ADDED', version('db', 'w', 11));
  store.beginList();
  expect(store.replace(listed(version('web', 'u', 5), version('new', 'x', 12)), '20')).toEqual([
    { key: 'db', before: 'db 11', after: undefined },
    { key: 'new', before: undefined, after: 'new 12' },
  ]);
});

test('an unselected object is not stored', () => {
  const store = stocked();
  expect(store.apply('MODIFIED', version('web', 'u', 11, { kind: 'None' }))).toMatchObject({ after: undefined });
  expect(store.size).toBe(0);
});

test('keeps the last readable version of an object that cannot be decoded; not the one of an earlier object', () => {
  const store = stocked();
  expect(store.apply('MODIFIED', version('web', 'u', 11, { kind: 'Unreadable' }))).toBeUndefined();
  expect(store.get('web')).toBe('web 5');
  store.apply('ADDED', version('web', 'v', 12, { kind: 'Unreadable' }));
  expect(store.get('web')).toBeUndefined();
});

/** What may happen, in any order; `answer` hands the store the answer of an earlier write, as late as it likes. */
type Step =
  | { readonly type: 'write' | 'remove'; readonly key: string }
  | { readonly type: 'answer'; readonly index: number }
  | { readonly type: 'deliver' | 'beginList' | 'list' | 'endList' };

const key = fc.constantFrom('a', 'b');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constantFrom('write' as const, 'remove' as const), key }),
  fc.record({ type: fc.constant('answer' as const), index: fc.nat(5) }),
  fc.record({
    type: fc.constantFrom(
      'deliver' as const,
      'deliver' as const,
      'beginList' as const,
      'list' as const,
      'endList' as const,
    ),
  }),
);

/** A server, and the wire between it and the store: a list is taken at one moment and arrives at a later one. */
class World {
  readonly store = new Store<string>();
  readonly #objects = new Map<string, ObjectVersion<string>>();
  readonly #history: { readonly type: 'MODIFIED' | 'DELETED'; readonly version: ObjectVersion<string> }[] = [];
  readonly #answers: ObjectVersion<string>[] = [];
  #now = 10;
  #uids = 0;
  #isListing = false;
  #taken: { readonly versions: Map<string, ObjectVersion<string>>; readonly at: number } | undefined;

  constructor() {
    this.store.beginList();
    this.store.replace(new Map(), String(this.#now));
  }

  run(next: Step): void {
    switch (next.type) {
      case 'write': {
        const uid = this.#objects.get(next.key)?.uid ?? `uid-${(this.#uids += 1)}`;
        const written = version(next.key, uid, (this.#now += 1));
        this.#objects.set(next.key, written);
        this.#history.push({ type: 'MODIFIED', version: written });
        this.#answers.unshift(written);
        return;
      }
      case 'remove': {
        const known = this.#objects.get(next.key);
        if (known === undefined) return;
        this.#objects.delete(next.key);
        this.#history.push({ type: 'DELETED', version: version(next.key, known.uid, (this.#now += 1)) });
        return;
      }
      case 'answer': {
        const answer = this.#answers[next.index];
        if (answer !== undefined) this.store.assume(answer);
        return;
      }
      case 'deliver':
        // No watch runs while a list does.
        if (!this.#isListing) this.#deliver();
        return;
      case 'beginList':
        if (this.#isListing) return;
        this.#isListing = true;
        this.store.beginList();
        return;
      case 'list':
        if (this.#isListing) this.#taken ??= { versions: new Map(this.#objects), at: this.#now };
        return;
      case 'endList':
        if (this.#taken === undefined) return;
        this.store.replace(this.#taken.versions, String(this.#taken.at));
        this.#taken = undefined;
        this.#isListing = false;
    }
  }

  #deliver(): boolean {
    const seen = this.store.resourceVersion ?? '';
    const event = this.#history.find((each) => isNewer(each.version.resourceVersion, seen));
    if (event !== undefined) this.store.apply(event.type, event.version);
    return event !== undefined;
  }

  /** Lets everything arrive. */
  settle(): void {
    this.run({ type: 'list' });
    this.run({ type: 'endList' });
    while (this.#deliver());
  }

  get truth(): Record<string, unknown> {
    return Object.fromEntries([...this.#objects.values()].map((each) => [each.key, each.content]));
  }

  get held(): Record<string, unknown> {
    return Object.fromEntries([...this.store.keys()].map((name) => [name, row(this.store.get(name) ?? '')]));
  }
}

test("contains the server's objects in the end, in any order of events", async () => {
  await assertProperty(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const world = new World();
      for (const each of steps) world.run(each);
      world.settle();
      expect(world.held).toEqual(world.truth);
      // And late answers change nothing any more.
      for (let index = 0; index < 60; index += 1) world.run({ type: 'answer', index });
      expect(world.held).toEqual(world.truth);
    }),
    { runs: 500 },
  );
});

test('never replaces an object by an older version', async () => {
  await assertProperty(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const world = new World();
      const newest = new Map<string, number>();
      for (const each of steps) {
        world.run(each);
        for (const name of world.store.keys()) {
          const number = Number(world.store.get(name)?.split(' ')[1]);
          expect(number).toBeGreaterThanOrEqual(newest.get(name) ?? 0);
          newest.set(name, number);
        }
      }
    }),
    { runs: 500 },
  );
});

describe('events in the wrong order', () => {
  test.each<[string, readonly (readonly ['ADDED' | 'MODIFIED' | 'DELETED', string, number])[], string | undefined]>([
    [
      'a change after the deletion it came before',
      [
        ['DELETED', 'u', 12],
        ['MODIFIED', 'u', 11],
      ],
      undefined,
    ],
    [
      'an object of that name that came after',
      [
        ['DELETED', 'u', 11],
        ['ADDED', 'v', 12],
      ],
      'web 12',
    ],
    [
      'a deletion after the object that followed',
      [
        ['ADDED', 'v', 12],
        ['DELETED', 'u', 11],
      ],
      'web 12',
    ],
    [
      'the same deletion twice',
      [
        ['DELETED', 'u', 12],
        ['DELETED', 'u', 12],
        ['MODIFIED', 'u', 11],
      ],
      undefined,
    ],
    [
      'an older deletion reported last',
      [
        ['DELETED', 'v', 14],
        ['DELETED', 'u', 11],
        ['ADDED', 'v', 13],
      ],
      undefined,
    ],
    [
      'a change between two deletions reported last',
      [
        ['DELETED', 'u', 12],
        ['DELETED', 'v', 14],
        ['ADDED', 'v', 13],
      ],
      undefined,
    ],
    ['the deletion of a later object that was not reported', [['DELETED', 'v', 12]], undefined],
    [
      'changes swapped',
      [
        ['MODIFIED', 'u', 12],
        ['MODIFIED', 'u', 11],
      ],
      'web 12',
    ],
  ])('%s', (_what, events, held) => {
    const store = stocked();
    for (const [type, uid, number] of events) store.apply(type, version('web', uid, number));
    expect(store.get('web')).toBe(held);
  });

  test('of many deletions the newest are remembered', () => {
    const store = stocked();
    for (let number = 11; number < 3_000; number += 1) store.apply('DELETED', version(`gone-${number}`, 'x', number));
    store.apply('MODIFIED', version('gone-2999', 'x', 11));
    expect(store.get('gone-2999')).toBeUndefined();
  });

  test('a thousand deletions are remembered, and of an object that was deleted again the last one', () => {
    const store = stocked();
    const remove = (name: string, number: number) => store.apply('DELETED', version(name, 'x', number));
    const comesBack = (name: string) => store.apply('ADDED', version(name, 'x', 10)) !== undefined;
    for (let index = 0; index < 1_000; index += 1) remove(`gone-${index}`, 11 + index);
    expect(comesBack('gone-0')).toBe(false);
    remove('gone-0', 2_000);
    remove('one-more', 2_001);
    expect(['gone-0', 'gone-1', 'gone-2'].map(comesBack)).toEqual([false, true, false]);
  });

  test('the resourceVersion of a watch never gets older', () => {
    const store = stocked();
    store.progress('12');
    store.apply('MODIFIED', version('web', 'u', 11));
    expect(store.resourceVersion).toBe('12');
  });

  test('a deletion reports the last state of the object', () => {
    const store = stocked();
    expect(store.apply('DELETED', version('web', 'u', 11))).toMatchObject({ before: 'web 5', lastState: 'web 11' });
    expect(stocked().apply('DELETED', version('web', 'u', 11, { kind: 'Unreadable' }))).not.toHaveProperty('last');
  });

  test('a list of an object that was stored when it was read changes nothing, whatever came since', () => {
    const store = stocked();
    store.apply('MODIFIED', version('web', 'u', 11));
    expect(store.replace(listed(version('web', 'u', 5, { kind: 'Held' })), '12')).toEqual([]);
    expect(store.get('web')).toBe('web 11');
  });

  test('a relist starts a new history: a server restored from a backup counts again', () => {
    const store = stocked();
    store.apply('DELETED', version('web', 'u', 20));
    store.beginList();
    store.replace(listed(), '8');
    store.apply('ADDED', version('web', 'u', 9));
    expect(store.get('web')).toBe('web 9');
  });
});
