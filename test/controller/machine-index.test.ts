import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { MachineIndex } from '../../src/controller/machine-index.ts';
import type { AccountIdentity } from '../../src/controller/reservation.ts';
import { type ObjectOptions, objectWith } from '../plan/fixtures.ts';

const accepted = (ownerId: number | undefined): AccountIdentity => ({ credentialStatus: 'Accepted', ownerId });
const key = accepted(1);
const otherKey = accepted(1);
const otherAccount = accepted(2);
const unowned = accepted(undefined);

interface Given extends Omit<ObjectOptions, 'id' | 'adoptedAs'> {
  /** Creation times and UIDs both follow from it, the lower one first. */
  readonly age: number;
  /** The VM on record, and how it came there. */
  readonly record?: {
    readonly id: number;
    readonly origin: 'Created' | 'Adopted';
    readonly ownerId?: number;
    /** Of the VM, by default that of the spec. */
    readonly providerName?: string;
  };
  /** By default `key`; null: it has none. */
  readonly account?: AccountIdentity | null | 'NotKnownYet';
  readonly name?: string;
}

/** An object that chose the name "shop", unless `spec` says otherwise. */
function objectOf({ age, record, name = 'web', ...options }: Given): VirtualMachine {
  const spec = { providerName: 'shop', ...options.spec };
  const uid = `${String(age).padStart(8, '0')}-0000-4000-8000-000000000000`;
  const object = objectWith({ ...options, spec });
  const known =
    record === undefined ? {} : { providerName: spec.providerName, internal: { objectUID: uid }, ...record };
  const creationTimestamp = `2026-01-01T00:00:0${age}Z`;
  return {
    ...object,
    metadata: { ...object.metadata, name, uid, creationTimestamp },
    status: { ...object.status, observedGeneration: -1, ...known },
  };
}

/** Under the keys `default/0`, `default/1` …. */
function claimsOf(...given: readonly Given[]): MachineIndex {
  const machineIndex = new MachineIndex();
  for (const [index, one] of given.entries()) {
    const { account = key } = one;
    machineIndex.update(`default/${index}`, undefined, objectOf(one));
    if (account !== 'NotKnownYet') machineIndex.setAccount(`default/${index}`, account);
  }
  return machineIndex;
}

const created = { id: 7, origin: 'Created' } as const;
const adopted = { id: 7, origin: 'Adopted' } as const;
const paused = { annotations: { [annotations.paused]: 'true' } };
const ownName = { name: 'shop', spec: { providerName: 'shop-00000005' } };

function standingOf({ account }: Given): AccountIdentity {
  return typeof account === 'object' && account !== null ? account : key;
}

describe('of two objects, the one that takes precedence for the name', () => {
  it.each<{ because: string; first: Given; second: Given; isFirst: boolean }>([
    { because: 'the older', first: { age: 1 }, second: { age: 2 }, isFirst: true },
    {
      because: 'one that created its VM, also if younger',
      first: { age: 2, record: created },
      second: { age: 1 },
      isFirst: true,
    },
    {
      because: 'one that adopted its VM, also if younger',
      first: { age: 2, record: adopted },
      second: { age: 1 },
      isFirst: true,
    },
    {
      because: 'one that created its VM before one that adopted it',
      first: { age: 2, record: created },
      second: { age: 1, record: adopted },
      isFirst: true,
    },
    {
      because: 'one whose UID the name carries, before one that created a VM of it',
      first: { age: 5, ...ownName },
      second: { age: 1, spec: ownName.spec, record: created },
      isFirst: true,
    },
    { because: 'none, if the older is paused', first: { age: 1, ...paused }, second: { age: 2 }, isFirst: false },
    {
      because: 'none, if the older only observes',
      first: { age: 1, spec: { managementPolicy: 'Observe' } },
      second: { age: 2 },
      isFirst: false,
    },
    {
      because: 'none, if the older only plans',
      first: { age: 1, spec: { managementPolicy: 'Plan' } },
      second: { age: 2 },
      isFirst: false,
    },
    {
      because: 'none, if the older is being deleted',
      first: { age: 1, deleting: true },
      second: { age: 2 },
      isFirst: false,
    },
    {
      because: 'what is on record, also if paused',
      first: { age: 2, record: created, ...paused },
      second: { age: 1 },
      isFirst: true,
    },
    {
      because: 'what is on record, also if it is being deleted',
      first: { age: 2, record: created, deleting: true },
      second: { age: 1 },
      isFirst: true,
    },
    { because: 'none, in two accounts', first: { age: 1, account: otherAccount }, second: { age: 2 }, isFirst: false },
    {
      because: 'the older with another key of the same account',
      first: { age: 1, account: otherKey },
      second: { age: 2 },
      isFirst: true,
    },
    {
      because: 'none, if the key of the older is not accepted any more',
      first: { age: 1, account: { credentialStatus: 'Rejected', ownerId: 1 } },
      second: { age: 2 },
      isFirst: false,
    },
    { because: 'none, if the older has no key', first: { age: 1, account: null }, second: { age: 2 }, isFirst: false },
    {
      because: 'one without a key whose record names the owner of the account',
      first: { age: 2, record: { ...created, ownerId: 1 }, account: null },
      second: { age: 1 },
      isFirst: true,
    },
    {
      because: 'none, if the record of the one without a key names another owner',
      first: { age: 2, record: { ...created, ownerId: 2 }, account: null },
      second: { age: 1 },
      isFirst: false,
    },
    {
      because: 'the older of one account that shows no owner',
      first: { age: 1, account: unowned },
      second: { age: 2, account: unowned },
      isFirst: true,
    },
    {
      because: 'one that created a VM of the name, before one that adopted it under a name with its UID',
      first: { age: 6, record: created },
      second: { age: 5, ...ownName, record: { ...adopted, providerName: 'shop' } },
      isFirst: true,
    },
    {
      because: 'none, of two keys that have shown no owner yet',
      first: { age: 1, account: accepted(undefined) },
      second: { age: 2, account: accepted(undefined) },
      isFirst: false,
    },
  ])('is $because', ({ first, second, isFirst }) => {
    const name = first.spec?.providerName ?? 'shop';
    const [a, b] = [standingOf(first), standingOf(second)];
    for (const [order, given] of Object.entries({ asGiven: [first, second], turned: [second, first] })) {
      const machineIndex = claimsOf(...given);
      const [one, two] = order === 'asGiven' ? ['default/0', 'default/1'] : ['default/1', 'default/0'];
      expect([machineIndex.nameConflict(name, one, a), machineIndex.nameConflict(name, two, b)]).toEqual([
        undefined,
        isFirst ? one : undefined,
      ]);
    }
  });

  it.each([
    { what: 'the age, whatever the UID', creationTimestamp: '2026-01-01T00:00:00Z', first: 'default/b' },
    {
      what: 'the UID, if both were created in the same second',
      creationTimestamp: '2026-01-01T00:00:01Z',
      first: 'default/a',
    },
  ])('follows from $what', ({ creationTimestamp, first }) => {
    const [one, two] = [objectOf({ age: 1 }), objectOf({ age: 2 })];
    const machineIndex = new MachineIndex();
    machineIndex.update('default/b', undefined, { ...two, metadata: { ...two.metadata, creationTimestamp } });
    machineIndex.update('default/a', undefined, one);
    for (const name of ['default/a', 'default/b']) machineIndex.setAccount(name, key);
    const conflicts = ['default/a', 'default/b'].map((name) => machineIndex.nameConflict('shop', name, key));
    expect(conflicts.filter((conflict) => conflict !== undefined)).toEqual([first]);
  });
});

describe('many objects that request one name', () => {
  const ages = [3, 1, 4, 2, 6, 5, 7];
  const inOrder = ages.toSorted((a, b) => a - b);
  const keyOf = (age: number): string => `default/${ages.indexOf(age)}`;

  it.each([
    { keys: 'one key', accountOf: () => key },
    { keys: 'two keys of one account', accountOf: (age: number) => (age % 2 === 0 ? otherKey : key) },
  ])('get it in the order of their age, with $keys, and each is requeued when it is next', ({ accountOf }) => {
    const machineIndex = claimsOf(...ages.map((age): Given => ({ age, account: accountOf(age) })));
    for (const age of inOrder) {
      const asking = inOrder.filter((other) => other >= age);
      expect(asking.map((other) => machineIndex.nameConflict('shop', keyOf(other), key))).toEqual(
        asking.map((other) => (other === age ? undefined : keyOf(age))),
      );
      const next = machineIndex.update(keyOf(age), objectOf({ age }), undefined);
      expect(next.includes(keyOf(age + 1))).toBe(age < 7);
    }
  });

  it('are distinguished by the recorded owner where they have no key', () => {
    const machineIndex = claimsOf(
      { age: 1, record: { ...created, ownerId: 2 }, account: null },
      { age: 2, record: { ...created, ownerId: 1 }, account: null },
      { age: 3 },
    );
    expect(machineIndex.nameConflict('shop', 'default/2', key)).toBe('default/1');
  });

  it('keep their order after an object without a reservation is removed', () => {
    const machineIndex = claimsOf({ age: 1, ...paused }, { age: 2 }, { age: 3 });
    expect(machineIndex.update('default/0', objectOf({ age: 1, ...paused }), undefined)).toEqual([]);
    expect(machineIndex.nameConflict('shop', 'default/2', key)).toBe('default/1');
    expect(machineIndex.update('default/1', objectOf({ age: 2 }), undefined)).toEqual(['default/2']);
  });

  it('requeue nothing when an object that was not the first is removed', () => {
    const machineIndex = claimsOf({ age: 2 }, { age: 1 }, { age: 3 });
    expect(machineIndex.update('default/0', objectOf({ age: 2 }), undefined)).toEqual([]);
    expect(machineIndex.nameConflict('shop', 'default/2', key)).toBe('default/1');
  });

  it('of another account are not requeued', () => {
    const machineIndex = claimsOf(
      { age: 1 },
      { age: 2 },
      { age: 3, account: otherAccount },
      { age: 4, account: otherAccount },
    );
    expect(machineIndex.update('default/0', objectOf({ age: 1 }), undefined)).toEqual(['default/1']);
  });

  it('of the recorded owner are requeued, with any key', () => {
    const record = { ...created, ownerId: 1 };
    const machineIndex = claimsOf(
      { age: 1, record, account: null },
      { age: 2, record: { ...adopted, ownerId: 1 }, account: null },
    );
    expect(machineIndex.update('default/0', objectOf({ age: 1, record }), undefined)).toEqual(['default/1']);
  });
});

describe('a change of an object', () => {
  it('that pauses it passes the name to the next one, which returns it after the pause', () => {
    const machineIndex = claimsOf({ age: 1 }, { age: 2 });
    const [before, after] = [objectOf({ age: 1 }), objectOf({ age: 1, ...paused })];
    expect(machineIndex.update('default/0', before, after)).toEqual(['default/1']);
    expect(machineIndex.nameConflict('shop', 'default/1', key)).toBeUndefined();
    machineIndex.update('default/0', after, before);
    expect(machineIndex.nameConflict('shop', 'default/1', key)).toBe('default/0');
  });

  it.each<{ what: string; before: Given; after: Given; next: readonly string[] }>([
    { what: 'nothing that it reserves', before: { age: 1 }, after: { age: 1, finalizer: true }, next: [] },
    { what: 'another name', before: { age: 1 }, after: { age: 1, spec: { providerName: 'x' } }, next: ['default/1'] },
    { what: 'its rank', before: { age: 1, record: created }, after: { age: 1 }, next: ['default/1'] },
  ])('$what: the requeued objects', ({ before, after, next }) => {
    const machineIndex = claimsOf(before, { age: 2 });
    expect(machineIndex.update('default/0', objectOf(before), objectOf(after))).toEqual(next);
  });

  it('keeps its known account; a later object of the same name has none yet', () => {
    const machineIndex = claimsOf({ age: 1 }, { age: 3 });
    machineIndex.update('default/0', objectOf({ age: 1 }), objectOf({ age: 1, spec: { providerName: 'x' } }));
    machineIndex.update('default/0', objectOf({ age: 1, spec: { providerName: 'x' } }), objectOf({ age: 1 }));
    expect(machineIndex.nameConflict('shop', 'default/1', key)).toBe('default/0');
    machineIndex.update('default/0', objectOf({ age: 1 }), objectOf({ age: 2 }));
    expect(machineIndex.nameConflict('shop', 'default/1', key)).toBeUndefined();
    expect(machineIndex.withUnknownAccount({ name: 'shop' }, 'default/1')).toEqual(['default/0']);
  });

  it('by a later object of the same name moves it behind the others, also before its account is known', () => {
    const machineIndex = claimsOf({ age: 1, account: 'NotKnownYet' }, { age: 2 });
    machineIndex.update('default/0', objectOf({ age: 1 }), objectOf({ age: 3 }));
    machineIndex.setAccount('default/0', key);
    expect(['default/0', 'default/1'].map((name) => machineIndex.nameConflict('shop', name, key))).toEqual([
      'default/1',
      undefined,
    ]);
  });

  it('of the record alone counts: its origin, its VM, its owner', () => {
    const machineIndex = claimsOf({ age: 2, record: adopted, account: null }, { age: 1, record: adopted });
    const versions: readonly Given[] = [
      { age: 2, record: { ...adopted, ownerId: 1 } },
      { age: 2, record: { ...created, ownerId: 1 } },
      { age: 2, record: { ...created, ownerId: 1, id: 8 } },
    ];
    const found = versions.map((version, index) => {
      machineIndex.update('default/0', objectOf(versions[index - 1] ?? { age: 2, record: adopted }), objectOf(version));
      return [
        machineIndex.conflictOf({ id: 7, name: '' }, 'default/1', key),
        machineIndex.recordConflict(7, 'default/1', key),
      ];
    });
    expect(found).toEqual([
      ['default/0', undefined],
      ['default/0', 'default/0'],
      [undefined, undefined],
    ]);
  });

  it('of its account changes what it reserves there', () => {
    const machineIndex = claimsOf({ age: 1 }, { age: 2 });
    machineIndex.setAccount('default/0', otherAccount);
    expect(machineIndex.nameConflict('shop', 'default/1', key)).toBeUndefined();
    machineIndex.setAccount('default/0', otherKey);
    expect(machineIndex.nameConflict('shop', 'default/1', key)).toBe('default/0');
    machineIndex.setAccount('default/gone', key);
    expect(machineIndex.nameConflict('shop', 'default/1', key)).toBe('default/0');
  });
});

describe('a VM', () => {
  const machine = { id: 7, name: 'legacy' };

  it('that two objects record belongs to the one that takes precedence, which is not the older one', () => {
    const machineIndex = claimsOf({ age: 1, record: adopted }, { age: 2, record: created }, { age: 3 });
    const conflicts = ['default/0', 'default/1', 'default/2'].map((name) => machineIndex.recordConflict(7, name, key));
    expect(conflicts).toEqual(['default/1', undefined, 'default/1']);
    expect([
      machineIndex.conflictOf(machine, 'default/1', key),
      machineIndex.conflictOf(machine, 'default/0', key),
    ]).toEqual(['default/0', 'default/1']);
    expect([machineIndex.isReserved(machine, key), machineIndex.soleRecordOf(7, key)]).toEqual([true, undefined]);
    machineIndex.update('default/1', objectOf({ age: 2, record: created }), undefined);
    expect(machineIndex.soleRecordOf(7, key)).toBe('default/0');
    expect([machineIndex.soleRecordOf(8, key), machineIndex.soleRecordOf(7, otherAccount)]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('on record is available only to the object that records it, whichever takes precedence', () => {
    const machineIndex = claimsOf({ age: 2, record: adopted }, { age: 1, spec: { providerName: 'x' } });
    expect([
      machineIndex.conflictOf(machine, 'default/1', key),
      machineIndex.conflictOf(machine, 'default/0', key),
    ]).toEqual(['default/0', undefined]);
    expect([
      machineIndex.lockForAdoption(machine, 'default/1', key),
      machineIndex.lockForAdoption(machine, 'default/0', key),
    ]).toEqual([false, true]);
    expect(machineIndex.lockForAdoption(machine, 'default/1', otherAccount)).toBe(false);
  });

  it('whose name carries the UID of an object is not available to another one, in any account', () => {
    const own = { id: 8, name: 'shop-00000005' };
    const machineIndex = claimsOf({ age: 5, ...ownName, account: otherAccount }, { age: 1, spec: ownName.spec });
    expect([
      machineIndex.conflictOf(own, 'default/1', key),
      machineIndex.conflictOf(own, 'default/0', otherAccount),
    ]).toEqual(['default/0', undefined]);
    expect(machineIndex.isReserved({ ...own, name: 'shop' }, key)).toBe(false);
  });

  it('that two objects adopt at the same time goes to one of them until it releases the VM', () => {
    const machineIndex = claimsOf({ age: 1 }, { age: 2 });
    expect(
      ['default/1', 'default/0', 'default/1'].map((name) => machineIndex.lockForAdoption(machine, name, key)),
    ).toEqual([true, false, true]);
    machineIndex.unlockAdoption(7, 'default/0');
    expect(machineIndex.lockForAdoption(machine, 'default/0', key)).toBe(false);
    machineIndex.unlockAdoption(7, 'default/1');
    expect(machineIndex.lockForAdoption(machine, 'default/0', key)).toBe(true);
  });

  it.each([
    { what: 'goes', after: undefined },
    { what: 'is replaced by another one of its name', after: objectOf({ age: 3 }) },
  ])('is available again when the object that adopts it $what', ({ after }) => {
    const machineIndex = claimsOf({ age: 1 }, { age: 2 });
    for (const id of [7, 8]) machineIndex.lockForAdoption({ ...machine, id }, 'default/0', key);
    machineIndex.lockForAdoption({ ...machine, id: 9 }, 'default/1', key);
    machineIndex.update('default/0', objectOf({ age: 1 }), objectOf({ age: 1, ...paused }));
    expect(machineIndex.lockForAdoption(machine, 'default/1', key)).toBe(false);
    machineIndex.update('default/0', objectOf({ age: 1, ...paused }), after);
    expect([7, 8].map((id) => machineIndex.lockForAdoption({ ...machine, id }, 'default/1', key))).toEqual([
      true,
      true,
    ]);
    expect(machineIndex.lockForAdoption({ ...machine, id: 9 }, 'default/2', key)).toBe(false);
  });
});

describe('objects whose account is not known yet', () => {
  it.each<{ because: string; given: Given; ofName: boolean; ofId: boolean }>([
    { because: 'asks for the name before', given: { age: 1, account: 'NotKnownYet' }, ofName: true, ofId: false },
    { because: 'asks for it later', given: { age: 3, account: 'NotKnownYet' }, ofName: false, ofId: false },
    { because: 'records the VM', given: { age: 3, account: 'NotKnownYet', record: created }, ofName: true, ofId: true },
    {
      because: 'records the VM, and its owner says where it is',
      given: { age: 1, account: 'NotKnownYet', record: { ...created, ownerId: 2 } },
      ofName: false,
      ofId: false,
    },
    { because: 'has no key', given: { age: 1, account: null, record: created }, ofName: false, ofId: false },
    { because: 'has an account', given: { age: 1, record: created }, ofName: false, ofId: false },
  ])('must be resolved first if one $because', ({ given, ofName, ofId }) => {
    for (const more of [[], [{ age: 4, record: created }], [{ age: 4 }, { age: 5 }]]) {
      const machineIndex = claimsOf(given, { age: 2 }, ...more);
      const isAsked = (thing: { readonly id?: number; readonly name?: string }): boolean =>
        machineIndex.withUnknownAccount(thing, 'default/1').includes('default/0');
      expect([isAsked({ name: 'shop' }), isAsked({ id: 7 })]).toEqual([ofName, ofId]);
    }
  });

  it('must be resolved for the VM also by an object with precedence: a VM that another one records is not available', () => {
    const machineIndex = claimsOf({ age: 3, account: 'NotKnownYet', record: adopted }, { age: 1, record: created });
    expect([
      machineIndex.withUnknownAccount({ id: 7 }, 'default/1'),
      machineIndex.withUnknownAccount({ name: 'shop' }, 'default/1'),
    ]).toEqual([['default/0'], []]);
  });

  it('must all be resolved for an object that is not known itself', () => {
    const machineIndex = claimsOf({ age: 3, account: 'NotKnownYet' }, { age: 1, account: 'NotKnownYet' });
    expect(machineIndex.withUnknownAccount({ name: 'shop' }, 'default/new').toSorted()).toEqual([
      'default/0',
      'default/1',
    ]);
    expect(machineIndex.withUnknownAccount({}, 'default/new')).toEqual([]);
  });
});
