import { expect, it } from 'vitest';
import { mayCreate } from '../../../src/plan/external-deletion.ts';
import { objectWith, secondsAgo } from '../../plan/fixtures.ts';
import {
  second,
  now,
  listedAt,
  visibilityWindow,
  recreateAfter,
  vm,
  other,
  nameless,
  keyHash,
  observe,
  describeRows,
  chosen,
  late,
  known,
  seen,
  rightOne,
  mass,
} from '../world/observing.ts';

const { ownerId: _, ...unowned } = other;
const gone = { id: 90, status: { ownerId: 1, state: 'Running' }, read: 404 } as const;
const lacking = (milliseconds: number, lists = 3) =>
  ({ absenceOf: () => ({ since: listedAt - milliseconds, lists }) }) as const;

describeRows('a recorded VM that the list lacks', [
  {
    because: 'the list is of another account',
    ...gone,
    listed: [vm({ id: 5, name: 'x', ownerId: 2 })],
    what: 'OtherAccount',
  },
  {
    because: 'the list is of another account, which needs no further read',
    id: 90,
    status: { ownerId: 1 },
    listed: [vm({ id: 5, name: 'x', ownerId: 2 })],
    what: 'OtherAccount',
    wants: [],
  },
  {
    because: 'the list is of another account than the one that an earlier object recorded',
    subject: { identity: { kind: 'OtherObject', uid: 'earlier', id: 90, ownerId: 1 } },
    target: { id: 90 },
    listed: [vm({ id: 5, name: 'x', ownerId: 2 })],
    what: 'OtherAccount',
  },
  {
    because: 'the list is older than the subscription',
    ...gone,
    account: { subscribedSince: () => late },
    what: 'NotYetSeen',
    wants: ['list -1'],
  },
  {
    because: 'the list began with the subscription',
    ...known,
    account: { subscribedSince: () => listedAt },
    read: vm(),
    what: 'Present 90',
  },
  { because: 'it is read', ...known, what: 'NotYetSeen', wants: [] },
  { because: 'it cannot be read', ...known, read: 'Failed', what: 'ReadFailed', wants: ['list 5'] },
  { because: 'it answers to its id: the list lags', ...known, read: vm(), what: 'Present 90', wants: ['list 0'] },
  { because: 'it is gone, and the object goes', ...gone, deleting: true, what: 'Absent', wants: [] },
  {
    because: 'no owner is known, nor the key',
    ...gone,
    status: { state: 'Running' },
    what: 'AbsenceUnconfirmed',
    wants: ['list 0'],
  },
  {
    because: 'nor is it so for long',
    ...gone,
    status: { state: 'Running' },
    account: lacking(20 * second, 1),
    what: 'AbsenceUnconfirmed',
    wants: ['list 20'],
  },
  {
    because: 'nor for very long',
    ...gone,
    status: { state: 'Running' },
    account: lacking(600 * second, 1),
    what: 'AbsenceUnconfirmed',
    wants: ['list 60'],
  },
  {
    because: 'too many vanished with it',
    ...gone,
    deleting: true,
    account: { massDisappearanceOf: () => ({ ...mass, until: now + 90 * second }) },
    what: 'MassAbsence',
    wants: ['list 90'],
  },
  {
    because: 'another VM has its name',
    ...gone,
    status: { ...gone.status, providerName: 'x' },
    deleting: true,
    listed: [vm({ id: 5, name: 'x' })],
    what: 'AbsenceUnconfirmed',
  },
  {
    because: 'the account has only a VM that cannot be read',
    ...gone,
    status: { state: 'Running' },
    account: { ownerId: undefined, ...lacking(visibilityWindow) },
    deleting: true,
    listed: [nameless],
    what: 'Absent',
  },
  {
    because: 'the account has no VM at all',
    ...gone,
    status: { state: 'Running' },
    account: { ownerId: undefined, ...lacking(visibilityWindow) },
    deleting: true,
    listed: [],
    what: 'AbsenceUnconfirmed',
  },
  {
    because: 'the account has only a VM without a reported owner',
    ...gone,
    status: { state: 'Running' },
    account: { ownerId: undefined, ...lacking(visibilityWindow) },
    deleting: true,
    listed: [unowned],
    what: 'Absent',
  },
  {
    because: 'it has none, and the key is the recorded one',
    ...gone,
    status: { state: 'Running', internal: { apiKeyHash: keyHash } },
    account: { ownerId: undefined },
    deleting: true,
    listed: [],
    what: 'Absent',
  },
  {
    because: 'it was created just now',
    ...gone,
    status: { ownerId: 1, state: 'Pending' },
    what: 'NotYetSeen',
    wants: ['list 0'],
  },
  {
    because: 'it was never seen, and should be visible by now',
    ...gone,
    status: { state: 'Pending' },
    account: { ownerId: undefined, ...lacking(visibilityWindow, 2) },
    what: 'AbsenceUnconfirmed',
  },
  {
    because: 'it is recorded as Halted, so it was seen',
    ...gone,
    status: { ownerId: 1, state: 'Halted' },
    deleting: true,
    what: 'Absent',
  },
  {
    because: 'it is recorded as Starting, so it was seen',
    ...gone,
    status: { ownerId: 1, state: 'Starting' },
    deleting: true,
    what: 'Absent',
  },
  {
    because: 'it is recorded as Halting, so it was seen',
    ...gone,
    status: { ownerId: 1, state: 'Halting' },
    deleting: true,
    what: 'Absent',
  },
  {
    because: 'it was created just now, and seen',
    ...gone,
    status: { ownerId: 1, state: 'Pending' },
    objectState: { wasListed: true },
    deleting: true,
    what: 'Absent',
  },
]);

describeRows('a VM that lists leave out and that answers to its id is listed again', [
  { because: 'soon at first', ...known, read: vm(), lagging: 2 * second, what: 'Present 90', wants: ['list 2'] },
  { because: 'ever later', ...known, read: vm(), lagging: 600 * second, what: 'Present 90', wants: ['list 60'] },
  {
    because: 'within five seconds, if the object goes',
    ...known,
    deleting: true,
    read: vm(),
    lagging: 600 * second,
    what: 'Present 90',
    wants: ['list 5'],
  },
  {
    because: 'within five seconds, if a power call was made',
    ...known,
    status: { operation: { type: 'Stop', startTime: secondsAgo(1), attempts: 1 } },
    read: vm(),
    lagging: 600 * second,
    what: 'Present 90',
    wants: ['list 5'],
  },
]);

it.each([
  { because: 'not once it was read alone', listed: [other], laggingSince: now - 60 * second },
  { because: 'once a list shows it', listed: [vm()], laggingSince: undefined },
])('a VM no longer lags: $because', ({ listed, laggingSince }) => {
  const { objectState } = observe({ ...known, lagging: 60 * second, listed, cachedMachines: seen(late) });
  expect(objectState.laggingSince).toBe(laggingSince);
});

const recreated = { ...gone, status: { ownerId: 1, state: 'Running' } } as const;
const longGone = lacking(recreateAfter);
const another = vm({ id: 91, name: 'shop' });
const earlier = { ...recreated, status: { ...recreated.status, providerName: 'earlier' } } as const;

describeRows('a recorded VM that is gone, before another one is created', [
  { because: 'for five minutes, by three lists', ...recreated, account: longGone, what: 'Absent' },
  {
    because: 'for less',
    ...recreated,
    account: lacking(recreateAfter - 8 * second),
    what: 'AbsenceRecent',
    wants: ['list 6'],
  },
  {
    because: 'for nearly as long',
    ...recreated,
    account: lacking(recreateAfter - 1),
    what: 'AbsenceRecent',
    wants: ['list 5'],
  },
  {
    because: 'it was never seen, and may not be visible yet',
    ...recreated,
    status: { ownerId: 1, state: 'Pending' },
    account: longGone,
    what: 'AbsenceRecent',
  },
  {
    because: 'the object has the VM of its generated name instead',
    ...earlier,
    account: longGone,
    listed: [rightOne],
    what: 'Present 91',
  },
  {
    because: 'two VMs have that name',
    ...earlier,
    account: longGone,
    listed: [rightOne, vm({ id: 92 })],
    what: 'DuplicateName',
  },
  {
    because: 'two VMs have that name, and the object goes',
    ...earlier,
    deleting: true,
    account: longGone,
    listed: [rightOne, vm({ id: 92 })],
    what: 'DuplicateName',
  },
  {
    because: 'it was one to adopt that had to exist, which it did',
    ...recreated,
    status: { ...recreated.status, origin: 'Adopted' },
    spec: { adoption: { policy: 'MustExist', id: 90 }, onExternalDelete: 'Recreate' },
    what: 'AbsenceRecent',
  },
  {
    because: 'a stranger has the chosen name',
    ...chosen,
    ...earlier,
    account: longGone,
    listed: [another],
    what: 'DuplicateName',
  },
  {
    because: 'a stranger has it, and the object goes',
    ...chosen,
    ...earlier,
    deleting: true,
    account: longGone,
    listed: [another],
    what: 'Absent',
  },
  {
    because: 'the VM of the chosen name is the one in an intent of this key',
    ...chosen,
    ...earlier,
    pending: {},
    subject: { isIntentProven: true },
    account: longGone,
    listed: [another],
    what: 'Present 91',
  },
  {
    because: 'a VM without a readable name may have the chosen one',
    ...chosen,
    ...recreated,
    account: longGone,
    listed: [other, nameless],
    what: 'Unreadable',
  },
  {
    because: 'the name was shown free long ago',
    ...chosen,
    ...recreated,
    account: longGone,
    answeredAt: 0,
    what: 'NotYetSeen',
  },
  {
    because: 'only reported, as requested',
    ...recreated,
    spec: { onExternalDelete: 'Report' },
    what: 'Absent',
    wants: [],
  },
  {
    because: 'a create request for it may be in flight',
    ...recreated,
    account: longGone,
    pending: {},
    what: 'OutcomeUnknown',
  },
]);

it('returns the time until which an absence is too short to count', () => {
  const { observed } = observe({ ...recreated, account: lacking(recreateAfter - 8 * second) });
  // Five minutes after the first list that lacked it, by the wall clock of the test.
  expect(observed).toMatchObject({ reason: { until: Date.UTC(2026, 0, 1) + (listedAt - now) + 8 * second } });
});

it('allows no create in place of a VM that is not visible yet', () => {
  const { observed } = observe({ listed: 'NoListYet' });
  expect(mayCreate(objectWith(), { kind: 'None' }, observed)).toBe(false);
  expect(mayCreate(objectWith(), { kind: 'None' }, { kind: 'Absent' })).toBe(true);
});

const toAdopt = { read: 404, target: { id: 7 }, account: lacking(visibilityWindow) } as const;

describeRows('a VM to adopt that is gone', [
  {
    because: 'and must exist',
    ...toAdopt,
    spec: { adoption: { policy: 'MustExist', id: 7 }, providerName: 'shop' },
    what: 'Absent',
    wants: [],
  },
  {
    because: 'and must exist, by a list that is older than the object',
    ...toAdopt,
    spec: { adoption: { policy: 'MustExist', id: 7 } },
    seenSince: late,
    what: 'NotYetSeen',
  },
  {
    because: 'and need not: what the object shows is not that this one was seen',
    ...toAdopt,
    spec: { adoption: { policy: 'IfExists', id: 7 }, providerName: 'shop' },
    status: { state: 'Running' },
    account: longGone,
    what: 'AbsenceRecent',
  },
  {
    because: 'in an account without any VM, with a key that recorded nothing of it',
    ...toAdopt,
    spec: { adoption: { policy: 'MustExist', id: 7 } },
    status: { internal: { apiKeyHash: keyHash } },
    account: { ownerId: undefined, ...lacking(visibilityWindow, 1) },
    listed: [],
    what: 'AbsenceUnconfirmed',
  },
  {
    because: 'and need not: another one is created in its place, which takes as long',
    ...toAdopt,
    spec: { adoption: { policy: 'IfExists', id: 7 }, providerName: 'shop' },
    what: 'AbsenceRecent',
  },
  {
    because: 'and need not: a VM of the name is there',
    ...toAdopt,
    spec: { adoption: { policy: 'IfExists', id: 7 }, providerName: 'shop' },
    listed: [another],
    target: { id: 7, name: 'x' },
    subject: { name: 'x' },
    what: 'Present 91',
  },
  {
    because: 'in an account without any VM: three lists agree',
    ...toAdopt,
    spec: { adoption: { policy: 'MustExist', id: 7 } },
    account: { ownerId: undefined, ...lacking(visibilityWindow) },
    listed: [],
    what: 'Absent',
  },
]);
