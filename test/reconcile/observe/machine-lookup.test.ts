import { expect, it } from 'vitest';
import { type Identity, type Intent, readIdentity } from '../../../src/api/v1alpha1/identity.ts';
import type { Machine } from '../../../src/domain/machine.ts';
import type { Account } from '../../../src/provider/account/account.ts';
import { createSnapshot } from '../../../src/provider/account/snapshot.ts';
import { ObjectState } from '../../../src/reconcile/object-state.ts';
import {
  type MachineLookup,
  provenByName,
  lookupOf,
  duplicatesOf,
} from '../../../src/reconcile/observe/machine-lookup.ts';
import { machineIn, type ObjectOptions, objectWith, uid } from '../../plan/fixtures.ts';

const own = 'web-0a1b2c3d';
const chosen = { providerName: 'shop' } as const;
const never = { adoption: { policy: 'Never' } } as const;
const ifExists = { adoption: { policy: 'IfExists' } } as const;
const byId = { adoption: { policy: 'MustExist', id: 7 } } as const;
const byName = { adoption: { policy: 'MustExist', name: 'Web 1' } } as const;
const ofOtherObject: Identity = { kind: 'OtherObject', uid: 'earlier', id: 5, name: 'old' };
const foreignName: Identity = { kind: 'OtherObject', uid: 'earlier' };
const hinted: Identity = { kind: 'Unproven', id: 5 };
const unreadableHint: Identity = { kind: 'Unproven' };

it.each<{
  because: string;
  given?: ObjectOptions;
  identity?: Identity;
  intent?: Partial<Intent>;
  isDefaultKey?: boolean;
  target: MachineLookup | undefined;
}>([
  { because: 'its record', given: { id: 90, spec: byId }, target: { id: 90, name: own } },
  { because: 'its name', target: { name: own } },
  { because: 'what it is to adopt', given: { spec: byId }, target: { id: 7, name: own } },
  {
    because: 'no id that it is not to adopt',
    given: { spec: { adoption: { policy: 'Never', id: 7 } } },
    target: { name: own },
  },
  {
    because: "the VM of the object's intent first",
    given: { spec: byId },
    intent: { isOwn: true },
    target: { name: own },
  },
  {
    because: "not the VM of another object's intent",
    given: { spec: byId },
    intent: { isOwn: false },
    target: { id: 7, name: own },
  },
  { because: 'nothing of an earlier object', identity: ofOtherObject, target: undefined },
  {
    because: 'what an earlier object recorded, to adopt it',
    given: { spec: ifExists },
    identity: ofOtherObject,
    target: { id: 5, name: 'old' },
  },
  {
    because: 'what is granted rather than that',
    given: { spec: byId },
    identity: ofOtherObject,
    target: { id: 7, name: 'old' },
  },
  {
    because: 'its name, if the earlier object recorded none',
    given: { spec: ifExists },
    identity: foreignName,
    target: { name: own },
  },
  { because: 'its name, which proves what a hint does not', identity: hinted, target: { name: own } },
  {
    because: 'what it is to adopt rather than a hint',
    given: { spec: byId },
    identity: hinted,
    target: { id: 7, name: own },
  },
  {
    because: 'no chosen name that only a hint speaks for',
    given: { spec: chosen },
    identity: hinted,
    target: undefined,
  },
  {
    because: 'the hint, to adopt it',
    given: { spec: { ...chosen, ...ifExists } },
    identity: hinted,
    target: { id: 5, name: 'shop' },
  },
  {
    because: 'what is granted rather than the hint',
    given: { spec: { ...chosen, ...byId } },
    identity: hinted,
    target: { id: 7, name: 'shop' },
  },
  {
    because: 'the VM of the name that is granted rather than the hint',
    given: { spec: { ...chosen, ...byName } },
    identity: hinted,
    target: { name: 'shop' },
  },
  {
    because: 'the VM of the name that is granted rather than the one that an earlier object recorded',
    given: { spec: byName },
    identity: ofOtherObject,
    target: { name: own },
  },
  {
    because: 'the name, if the hint cannot be read',
    given: { spec: { ...chosen, ...ifExists } },
    identity: unreadableHint,
    target: { name: 'shop' },
  },
  {
    because: "its record with the operator's own key",
    given: { id: 90 },
    isDefaultKey: true,
    target: { id: 90, name: own },
  },
  {
    because: "its name alone with the operator's own key",
    given: { spec: byId },
    isDefaultKey: true,
    target: { name: own },
  },
  {
    because: 'its name alone with that key, whatever an earlier object recorded',
    given: { spec: byId },
    identity: ofOtherObject,
    isDefaultKey: true,
    target: { name: own },
  },
])('looked for is $because', ({ given = {}, identity, intent, isDefaultKey = false, target }) => {
  const object = objectWith({ ...given, spec: { ...never, ...given.spec } });
  const subject = {
    key: 'default/web',
    object,
    objectState: new ObjectState(uid, 0),
    name: object.spec.providerName ?? own,
    identity: identity ?? readIdentity(object),
    intent: intent && { isOwn: false, signed: '', ...intent },
    isIntentProven: false,
    isIntentRefused: false,
    isDefaultKey,
  };
  expect(lookupOf(subject)).toEqual(target);
});

const vm = (id: number, name = own): Machine => machineIn('Running', { id, name });

it.each<{ because: string; given?: ObjectOptions; listed: readonly Machine[]; kind: Identity['kind'] }>([
  { because: 'the recorded VM has another name, and one has this', listed: [vm(90, 'x'), vm(91)], kind: 'None' },
  { because: 'it has this name as well', listed: [vm(90), vm(91)], kind: 'Known' },
  { because: 'it is not listed', listed: [vm(91)], kind: 'Known' },
  { because: 'two have this name', listed: [vm(90, 'x'), vm(91), vm(92)], kind: 'Known' },
  { because: 'none has', listed: [vm(90, 'x')], kind: 'Known' },
  {
    because: 'the name is a chosen one',
    given: { spec: chosen },
    listed: [vm(90, 'x'), vm(91, 'shop')],
    kind: 'Known',
  },
])('a record is $kind: $because', ({ given, listed, kind }) => {
  const object = objectWith({ id: 90, ...given });
  expect(provenByName(object, readIdentity(object), createSnapshot(0, 0, listed)).kind).toBe(kind);
});

it.each<{
  because: string;
  given?: ObjectOptions;
  listed: readonly Machine[];
  isDefaultKey?: boolean;
  duplicates: readonly number[];
}>([
  { because: 'others of its name', listed: [vm(90), vm(91), vm(92)], duplicates: [91, 92] },
  { because: 'none, if it alone has the name', listed: [vm(90), vm(91, 'x')], duplicates: [] },
  { because: 'none, if it is alone in having it under another id', listed: [vm(91)], duplicates: [] },
  { because: 'none of an adopted one', given: { adoptedAs: own }, listed: [vm(90), vm(91)], duplicates: [] },
  {
    because: "those of a name with the UID, with the operator's own key",
    listed: [vm(90), vm(91)],
    isDefaultKey: true,
    duplicates: [91],
  },
  {
    because: "none of a chosen name, with the operator's own key",
    given: { spec: chosen },
    listed: [vm(90, 'shop'), vm(91, 'shop')],
    isDefaultKey: true,
    duplicates: [],
  },
])('twins of a recorded VM are $because', ({ given, listed, isDefaultKey = false, duplicates }) => {
  const object = objectWith({ id: 90, ...given });
  const name = object.spec.providerName ?? own;
  // Only what is asked of it.
  const account = { snapshot: createSnapshot(0, 0, listed) } as unknown as Account;
  const identity = readIdentity(object);
  expect(duplicatesOf(object, identity, { kind: 'Present', machine: vm(90, name) }, account, isDefaultKey)).toEqual(
    duplicates,
  );
  expect(duplicatesOf(object, identity, { kind: 'Absent' }, account, isDefaultKey)).toEqual([]);
});
