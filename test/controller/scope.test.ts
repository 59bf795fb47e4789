import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { ObjectRecords } from '../../src/controller/object-records.ts';
import { Scope } from '../../src/controller/scope.ts';
import { parseSelector } from '../../src/domain/label-selector.ts';
import { objectWith } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';

/** `old`: an installation that `takeOverFrom` names. */
type Owner = 'this' | 'another' | 'old' | 'none';

function objectOf(team: string, owner: Owner): VirtualMachine {
  const object = objectWith(owner === 'none' ? {} : { annotations: { [annotations.managedBy]: owner } });
  return { ...object, metadata: { ...object.metadata, labels: { team } } };
}

function ownerOf({ metadata }: VirtualMachine): string | undefined {
  return metadata.annotations?.[annotations.managedBy];
}

function createScope() {
  const clock = createManualClock();
  const scope = new Scope({
    clock,
    selector: parseSelector('team=a'),
    records: new ObjectRecords(),
    ownership: {
      isMine: (object) => ownerOf(object) === 'this',
      isOwnedByOthers: (object) => ownerOf(object) === 'another',
      isTakenOver: (before, after) => ownerOf(before) === 'old' && after !== undefined && ownerOf(after) !== 'old',
    },
  });
  return { clock, scope };
}

describe.each<[labels: string, owner: Owner, isManaged: boolean, isRelevant: boolean]>([
  ['a', 'this', true, true],
  ['a', 'none', true, true],
  ['a', 'another', false, true],
  ['b', 'this', false, true],
  ['b', 'none', false, false],
  ['b', 'another', false, false],
])(
  'an object with label team=%s that names %s installation, for the selector team=a',
  (team, owner, isManaged, isRelevant) => {
    it(`is ${isManaged ? '' : 'not '}managed, and ${isRelevant ? 'is' : 'is not'} relevant`, () => {
      const { scope } = createScope();
      const object = objectOf(team, owner);
      expect([scope.isManaged(object), scope.isRelevant(object)]).toEqual([isManaged, isRelevant]);
    });
  },
);

it('without a selector every object is in scope, and an object that does not exist is not', () => {
  const scope = new Scope({
    clock: createManualClock(),
    selector: undefined,
    records: new ObjectRecords(),
    ownership: { isMine: () => false, isOwnedByOthers: () => false, isTakenOver: () => false },
  });
  expect([scope.isManaged(objectOf('b', 'none')), scope.isRelevant(objectOf('b', 'none'))]).toEqual([true, true]);
  expect([scope.isManaged(undefined), scope.isRelevant(undefined)]).toEqual([false, false]);
});

describe('when an object entered the scope', () => {
  it.each<[why: string, before: VirtualMachine, after: VirtualMachine]>([
    ['its labels match now', objectOf('b', 'none'), objectOf('a', 'none')],
    ['its owner was removed', objectOf('a', 'another'), objectOf('a', 'none')],
    ['it was transferred', objectOf('a', 'another'), objectOf('a', 'this')],
    ['takeOverFrom named its owner, so it was managed before as well', objectOf('a', 'old'), objectOf('a', 'this')],
  ])('is on record: %s', async (_why, before, after) => {
    const { clock, scope } = createScope();
    await clock.advance(1_000);
    scope.change('a/1', before, after);
    expect(scope.enteredAt('a/1')).toBe(1_000);
    await clock.advance(1_000);
    scope.change('a/1', after, after);
    expect(scope.enteredAt('a/1')).toBe(1_000);
  });

  it('is not on record for a new object, nor for one that left the scope or was deleted', async () => {
    const { clock, scope } = createScope();
    await clock.advance(1_000);
    const [inScope, outOfScope] = [objectOf('a', 'none'), objectOf('b', 'none')];
    scope.change('a/1', undefined, inScope);
    expect(scope.enteredAt('a/1')).toBeUndefined();
    for (const after of [outOfScope, undefined]) {
      scope.change('a/1', outOfScope, inScope);
      expect(scope.enteredAt('a/1')).toBe(1_000);
      scope.change('a/1', inScope, after);
      expect(scope.enteredAt('a/1')).toBeUndefined();
    }
  });
});
