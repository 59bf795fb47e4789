import { expect, it } from 'vitest';
import type { ListedMachine } from '../../../src/domain/machine.ts';
import { failure } from '../../plan/fixtures.ts';
import {
  second,
  now,
  listedAt,
  callDeadline,
  visibilityWindow,
  own,
  vm,
  nameless,
  keyHash,
  text,
  observe,
  describeRows,
  chosen,
  shop,
  late,
  known,
  seen,
  rightOne,
  mass,
  type Given,
} from '../world/observing.ts';

describeRows('an object that nothing was ever created for', [
  { because: 'no list yet', listed: 'NoListYet', what: 'NotYetSeen', wants: [`list ${-now / second}`] },
  { because: 'any list will do, also one from before the object', seenSince: late, what: 'Absent', wants: [] },
  { because: 'one that shows its name is read by its id', seenSince: late, listed: [vm()], what: 'NotYetSeen' },
  { because: 'a VM without a readable name is not its', seenSince: late, listed: [nameless], what: 'Absent' },
  { because: 'the account cannot be read', account: { lastFailure: failure() }, listed: [vm()], what: 'ReadFailed' },
]);

describeRows('the list must not be older than the object', [
  { because: 'that chose its name', ...chosen, seenSince: late, what: 'NotYetSeen', wants: ['machine -1'] },
  { because: 'that has an intent', pending: {}, seenSince: late, what: 'NotYetSeen' },
  { because: 'whose intent was taken out', objectState: { sentIntent: text }, seenSince: late, what: 'NotYetSeen' },
  { because: 'that has the finalizer', finalizer: true, seenSince: late, what: 'NotYetSeen' },
  {
    because: 'that has the record of an earlier object',
    subject: { identity: { kind: 'OtherObject', uid: 'earlier', id: 90 } },
    seenSince: late,
    what: 'NotYetSeen',
  },
  { because: 'that shows a VM', status: { id: 90 }, seenSince: late, what: 'NotYetSeen' },
  {
    because: 'but of a recorded VM it may be',
    ...known,
    seenSince: late,
    cachedMachines: seen(listedAt),
    what: 'Present 90',
  },
]);

const replacedName = { id: 90, status: { providerName: 'earlier' } } as const;

describeRows('a recorded VM that was read', [
  { because: 'in time', ...known, cachedMachines: seen(listedAt), what: 'Present 90', wants: [] },
  {
    because: 'before its last change',
    ...known,
    cachedMachines: seen(listedAt),
    account: { lastWriteAt: (name) => (name === own ? late : undefined) },
    what: 'NotYetSeen',
    wants: ['machine -1'],
  },
  {
    because: 'before its last change, under the name on record',
    ...replacedName,
    cachedMachines: seen(listedAt, { name: 'earlier' }),
    account: { lastWriteAt: (name) => (name === 'earlier' ? late : undefined) },
    what: 'NotYetSeen',
  },
  {
    because: 'before a change of the VM that replaces it',
    ...replacedName,
    cachedMachines: seen(listedAt, { name: 'earlier' }),
    account: { lastWriteAt: (name) => (name === own ? late : undefined) },
    what: 'NotYetSeen',
  },
  {
    because: 'before that was requested',
    ...known,
    cachedMachines: seen(listedAt),
    objectState: { requestedAt: late },
    what: 'NotYetSeen',
  },
  {
    because: 'before patience with it ended',
    ...known,
    cachedMachines: seen(listedAt),
    objectState: { relistAfter: late },
    what: 'NotYetSeen',
  },
  {
    because: 'before patience with it ended a moment ago',
    ...known,
    cachedMachines: seen(listedAt),
    objectState: { relistAfter: now },
    what: 'NotYetSeen',
  },
  {
    because: 'and patience with it lasts',
    ...known,
    cachedMachines: seen(listedAt),
    objectState: { relistAfter: now + 1 },
    what: 'Present 90',
  },
  {
    because: 'alone, after the newest list',
    ...known,
    cachedMachines: seen(late),
    objectState: { requestedAt: late },
    what: 'Present 90',
  },
  { because: 'by the list, and cannot be read', ...known, listed: [{ id: 90, problem: 'x' }], what: 'Unreadable' },
]);

const wrongId = { ...known, subject: { isIntentProven: true }, cachedMachines: seen(listedAt, { name: 'x' }) };
const answeredWrongly = { ...wrongId, pending: {} };

describeRows('a create answer that named another VM', [
  { because: 'the one of the name is the right one', ...answeredWrongly, listed: [rightOne], what: 'Present 91' },
  { because: 'unless two have it', ...answeredWrongly, listed: [rightOne, vm({ id: 92 })], what: 'Present 90' },
  {
    because: 'or the intent is over',
    ...wrongId,
    listed: [rightOne],
    what: 'Present 90',
  },
  {
    because: 'or the id is that of an earlier object',
    ...answeredWrongly,
    subject: { isIntentProven: true, identity: { kind: 'OtherObject', uid: 'earlier', id: 90 } },
    target: { id: 90 },
    listed: [rightOne],
    what: 'Present 90',
  },
  {
    because: 'or the one of a chosen name was there before the request',
    ...chosen,
    ...answeredWrongly,
    pending: { name: 'shop', after: Date.UTC(2026, 0, 2) },
    listed: [vm({ id: 91, name: 'shop', createdAt: '2026-01-01T00:00:00Z' })],
    what: 'Present 90',
  },
  { because: 'or is not proven', ...answeredWrongly, subject: {}, listed: [rightOne], what: 'Present 90' },
  {
    because: 'or the answer was right',
    ...answeredWrongly,
    cachedMachines: seen(listedAt),
    listed: [rightOne],
    what: 'Present 90',
  },
]);

const { ownerId: _, ...unowned } = vm();
const ofOwner1 = { id: 90, status: { ownerId: 1 } } as const;
const sameKey = { id: 90, status: { ownerId: 1, internal: { apiKeyHash: keyHash } } } as const;
const byOwner2 = { cachedMachines: seen(listedAt, { ownerId: 2 }) };

describeRows('a VM of another owner than the recorded one', [
  { because: 'is not that one', ...ofOwner1, ...byOwner2, what: 'OtherAccount' },
  {
    because: 'and one of the recorded owner is, under whatever name',
    ...ofOwner1,
    cachedMachines: seen(listedAt, { name: 'x' }),
    what: 'Present 90',
  },
  { because: 'unless key and name are the same', ...sameKey, ...byOwner2, what: 'Present 90' },
  {
    because: 'not only the key',
    ...sameKey,
    cachedMachines: seen(listedAt, { ownerId: 2, name: 'x' }),
    what: 'OtherAccount',
  },
  {
    because: 'nor by a key of which nothing is recorded',
    ...ofOwner1,
    ...byOwner2,
    account: { keyedHash: () => '' },
    what: 'OtherAccount',
  },
  {
    because: 'or the intent was written with this key',
    ...ofOwner1,
    ...byOwner2,
    subject: { isIntentProven: true },
    what: 'Present 90',
  },
  {
    because: 'and one whose owner is not reported is',
    ...ofOwner1,
    cachedMachines: [{ machine: unowned, startedAt: listedAt }],
    what: 'Present 90',
  },
]);

describeRows("with the operator's own key", [
  {
    because: 'a name with the UID',
    ...known,
    cachedMachines: seen(listedAt),
    subject: { isDefaultKey: true },
    what: 'Present 90',
  },
  {
    because: 'any other name',
    ...replacedName,
    cachedMachines: seen(listedAt, { name: 'earlier' }),
    subject: { isDefaultKey: true },
    what: 'NotOwn',
  },
]);

describeRows('a name in the list', [
  { because: 'of one VM', ...chosen, listed: [shop], what: 'Present 90' },
  {
    because: 'that began when it was asked for',
    ...chosen,
    objectState: { requestedAt: listedAt },
    listed: [shop],
    what: 'Present 90',
  },
  { because: 'of two', ...chosen, listed: [shop, vm({ id: 91, name: 'shop' })], what: 'DuplicateName' },
  { because: 'of none', ...chosen, what: 'Absent', wants: [] },
  {
    because: 'of one that cannot be read',
    ...chosen,
    listed: [{ id: 9, name: 'shop', problem: 'x' }],
    what: 'Unreadable',
    wants: ['list 60'],
  },
  { because: 'of none, and one may have it', ...chosen, listed: [nameless], what: 'Unreadable', wants: ['list 60'] },
  {
    because: 'of none, and one may have had it for nearly five minutes',
    ...chosen,
    listed: [nameless],
    listedSince: listedAt - 300 * second + 1,
    what: 'Unreadable',
  },
  {
    because: 'of none, and one may have had it for five minutes',
    ...chosen,
    listed: [nameless],
    listedSince: listedAt - 300 * second,
    what: 'Absent',
  },
  {
    because: 'of none, and one has a name that no created VM has',
    ...chosen,
    listed: [{ ...nameless, isNameUnprintable: true }],
    what: 'Absent',
  },
  {
    because: 'of none, and too many are missing',
    ...chosen,
    account: { massDisappearance: mass },
    what: 'MassAbsence',
    wants: ['list 60'],
  },
  {
    because: 'of none any more: the list is old',
    ...chosen,
    answeredAt: now - 5_001,
    what: 'NotYetSeen',
    wants: ['list 0'],
  },
  {
    because: 'of none, before an earlier create request was refused, of which nothing is open',
    ...chosen,
    objectState: { refusedAt: late },
    what: 'Absent',
  },
  { because: 'of none, five seconds ago', ...chosen, answeredAt: now - 5_000, what: 'Absent' },
  { because: 'of none, long ago, and nothing is created', ...chosen, deleting: true, answeredAt: 0, what: 'Absent' },
  { because: 'of none, long ago, and it carries the UID', finalizer: true, answeredAt: 0, what: 'Absent' },
]);

it.each([
  { by: 'name', given: { ...chosen, listed: [shop] } },
  { by: 'id', given: { ...known, cachedMachines: seen(listedAt) } },
])('a VM that is found by its $by counts as seen, and as up since that list', ({ given }) => {
  const { objectState } = observe(given);
  expect(objectState.wasListed).toBe(true);
  expect(objectState.history({ now: 0, monotonic: now }, String, String).lastUpAt).toBe(listedAt - now);
});

it.each<{ given?: Given; entry: ListedMachine; isOurs: boolean }>([
  { entry: { id: 9, name: 'shop', problem: 'x' }, isOurs: true },
  { entry: nameless, isOurs: false },
  { given: known, entry: { id: 90, problem: 'x' }, isOurs: true },
])('reports for a VM that cannot be read whether its identity is known: $isOurs', (row) => {
  const { given = chosen, entry, isOurs } = row;
  const { observed } = observe({ ...given, listed: [entry] });
  expect(observed).toMatchObject({ reason: { kind: 'Unreadable', isOurs } });
});

const settling = { pending: {}, objectState: { firstListWithout: listedAt - visibilityWindow } } as const;

describeRows('a name that a create request may have led to', [
  { because: 'two lists lack it', ...settling, what: 'Absent' },
  {
    because: 'one list lacks it',
    pending: {},
    what: 'OutcomeUnknown',
    wants: [`list ${(visibilityWindow - 2 * second) / second}`],
  },
  {
    because: 'the process has acted for too short a time',
    ...settling,
    leadingSince: listedAt - callDeadline + 1,
    what: 'OutcomeUnknown',
  },
  { because: 'for just long enough', ...settling, leadingSince: listedAt - callDeadline, what: 'Absent' },
  {
    because: 'the request may be in flight',
    ...settling,
    objectState: { ...settling.objectState, intentSentAt: listedAt - callDeadline + 1 },
    what: 'OutcomeUnknown',
  },
  {
    because: 'it is settled already',
    pending: {},
    objectState: { firstListWithout: listedAt, sentIntent: text },
    what: 'OutcomeUnknown',
  },
  {
    because: 'it was refused before the list',
    pending: {},
    objectState: { refusedIntent: text, refusedAt: listedAt },
    what: 'Absent',
  },
  {
    because: 'it was refused after the list began',
    pending: {},
    objectState: { refusedIntent: text, refusedAt: listedAt + 1 },
    what: 'OutcomeUnknown',
  },
  {
    because: 'another one was refused',
    pending: {},
    objectState: { refusedIntent: 'x', refusedAt: 0 },
    what: 'OutcomeUnknown',
  },
  {
    because: 'it was sent with the key of another account',
    ...settling,
    pending: { ownerId: 2 },
    what: 'OtherAccount',
  },
  { because: 'it was sent with another key', ...settling, pending: { proof: 'x' }, what: 'OtherKey' },
  {
    because: 'with another key of another owner, of whom the list shows no VM',
    ...settling,
    pending: { proof: 'x', ownerId: 2 },
    listed: [],
    what: 'OtherKey',
  },
  {
    because: 'with another key, and the owner of both is unknown',
    ...settling,
    pending: { proof: 'x' },
    account: { ownerId: undefined },
    what: 'OtherKey',
  },
  { because: 'with another key of this owner', ...settling, pending: { proof: 'x', ownerId: 1 }, what: 'Absent' },
  {
    because: 'by this process, with this key',
    ...settling,
    pending: { proof: 'x' },
    isSentWithKey: true,
    what: 'Absent',
  },
  {
    because: 'it proves that it was this key',
    ...settling,
    pending: { proof: 'x' },
    subject: { isIntentProven: true },
    what: 'Absent',
  },
  { because: 'one without a name came since', ...settling, listed: [nameless], what: 'Unreadable' },
  {
    because: 'one with a name that no created VM has came since: the answer may be wrong',
    ...settling,
    listed: [{ ...nameless, isNameUnprintable: true }],
    what: 'Unreadable',
  },
  {
    because: 'one without a name has been there for long',
    ...settling,
    listed: [nameless],
    listedSince: 0,
    what: 'Unreadable',
  },
  {
    because: 'one without a name was there before',
    ...settling,
    pending: { nameless: [6] },
    listed: [nameless],
    what: 'Absent',
  },
  {
    because: 'one without a name was there when it was sent',
    ...settling,
    objectState: { ...settling.objectState, intentSentAt: listedAt },
    leadingSince: 0,
    listed: [nameless],
    what: 'OutcomeUnknown',
  },
]);

it.each([
  { leadingSince: listedAt - callDeadline + 1, firstListWithout: undefined },
  { leadingSince: listedAt - callDeadline, firstListWithout: listedAt },
])('a list counts only from when the request can no longer be in flight: $firstLacking', ({ leadingSince, ...row }) => {
  expect(observe({ pending: {}, leadingSince }).objectState.firstListWithout).toBe(row.firstListWithout);
});
