import type { Snapshot, UnreadableEntry } from '../../../src/provider/account/account.ts';
import { describe, expect, it } from 'vitest';
import {
  type AbsenceEvidence,
  confirmAbsence,
  confirmNameFree,
  confirmRecreation,
  unreadableOf,
} from '../../../src/reconcile/observe/absence-evidence.ts';

const complete: AbsenceEvidence = {
  listedOwners: [1],
  isEmpty: false,
  isSameKey: false,
  isRecorded: true,
  namesake: undefined,
  ownerId: 1,
  keyOwnerId: 1,
  lists: 1,
  wasSeen: true,
  lackingFor: 0,
  visibilityWindow: 30_000,
  massDisappearance: undefined,
};

describe('judgeAbsence', () => {
  it.each<{ because: string; given: Partial<AbsenceEvidence>; verdict: string }>([
    { because: "404 and a list of the machine's owner", given: {}, verdict: 'Absent' },
    { because: 'another VM has its name', given: { namesake: 91 }, verdict: 'AbsenceUnconfirmed' },
    { because: "another account's key makes everything a 404", given: { listedOwners: [2] }, verdict: 'OtherAccount' },
    {
      because: 'an empty list of the key that showed the machine before',
      given: { listedOwners: [], isEmpty: true, keyOwnerId: 1 },
      verdict: 'Absent',
    },
    {
      because: 'an empty list of a key that never showed anything',
      given: { listedOwners: [], isEmpty: true, keyOwnerId: undefined },
      verdict: 'AbsenceUnconfirmed',
    },
    {
      because: 'an empty list of a key that showed another owner',
      given: { listedOwners: [], isEmpty: true, keyOwnerId: 2 },
      verdict: 'AbsenceUnconfirmed',
    },
    {
      because: 'three empty lists in a row, but too close together',
      given: { listedOwners: [], isEmpty: true, keyOwnerId: undefined, lists: 3, lackingFor: 29_999 },
      verdict: 'AbsenceUnconfirmed',
    },
    {
      because: 'however many empty lists agree: they may be of an account that never had a machine',
      given: { listedOwners: [], isEmpty: true, keyOwnerId: undefined, lists: 300, lackingFor: 30_000_000 },
      verdict: 'AbsenceUnconfirmed',
    },
    {
      because: 'an empty list of the key that the object was last seen with, by its own record',
      given: { listedOwners: [], isEmpty: true, keyOwnerId: undefined, isSameKey: true },
      verdict: 'Absent',
    },
    {
      because: 'a machine that is only asked for: three empty lists agree over the visibility window',
      given: {
        listedOwners: [],
        isEmpty: true,
        isRecorded: false,
        ownerId: undefined,
        keyOwnerId: undefined,
        lists: 3,
        lackingFor: 30_000,
      },
      verdict: 'Absent',
    },
    {
      because: 'a provider that names no owners: three lists that show other machines agree',
      given: { ownerId: undefined, listedOwners: [], keyOwnerId: undefined, lists: 3, lackingFor: 30_000 },
      verdict: 'Absent',
    },
    {
      because: 'two such lists, however far apart',
      given: { ownerId: undefined, listedOwners: [], keyOwnerId: undefined, lists: 2, lackingFor: 30_000_000 },
      verdict: 'AbsenceUnconfirmed',
    },
    {
      because: 'a hundred such lists within a second less than the window',
      given: { ownerId: undefined, listedOwners: [], keyOwnerId: undefined, lists: 100, lackingFor: 29_000 },
      verdict: 'AbsenceUnconfirmed',
    },
    {
      because: 'a list of some owner says nothing of a VM whose owner is not known',
      given: { ownerId: undefined, listedOwners: [1], keyOwnerId: undefined },
      verdict: 'AbsenceUnconfirmed',
    },
    {
      because: 'nor is such a list of another account',
      given: { ownerId: undefined, listedOwners: [1], keyOwnerId: undefined, lists: 3, lackingFor: 30_000 },
      verdict: 'Absent',
    },
    {
      because: "a list that shows several owners, the machine's among them",
      given: { listedOwners: [2, 1] },
      verdict: 'Absent',
    },
    {
      because: "several owners, none of them the machine's",
      given: { listedOwners: [2, 3] },
      verdict: 'OtherAccount',
    },
    {
      because: 'just created, perhaps not visible yet',
      given: { wasSeen: false, lackingFor: 29_999 },
      verdict: 'AbsenceUnconfirmed',
    },
    {
      because: 'created, and invisible for longer than the provider takes',
      given: { wasSeen: false, lackingFor: 30_000 },
      verdict: 'Absent',
    },
    {
      because: 'it vanished together with many others',
      given: { massDisappearance: { vanished: 9, of: 40 } },
      verdict: 'MassAbsence',
    },
    {
      because: 'what is not even confirmed stays so',
      given: { massDisappearance: { vanished: 9, of: 40 }, namesake: 91 },
      verdict: 'AbsenceUnconfirmed',
    },
    {
      because: 'a provider that names no owners is believed after three lists',
      given: { ownerId: undefined, listedOwners: [], isEmpty: true, keyOwnerId: undefined, lists: 2 },
      verdict: 'AbsenceUnconfirmed',
    },
  ])('$because → $verdict', ({ given, verdict }) => {
    const judged = confirmAbsence({ ...complete, ...given });
    expect(judged.kind === 'Unknown' ? judged.reason.kind : judged.kind).toBe(verdict);
  });
});

describe('judgeName', () => {
  const window = { earliest: 1_000, visibilityWindow: 30_000 };
  it.each([
    {
      because: "no list yet that started after the call's deadline",
      given: { firstListWithout: undefined, newest: 999 },
      verdict: { absent: false, wantListAfter: 1_000 },
    },
    {
      because: 'a list that lacked it before a later call: the newest one started while that could be in flight',
      given: { firstListWithout: 0, newest: 999 },
      verdict: { absent: false, wantListAfter: 1_000 },
    },
    {
      because: 'one list is not enough',
      given: { firstListWithout: 1_000, newest: 1_000 },
      verdict: { absent: false, wantListAfter: 31_000 },
    },
    {
      because: 'two lists too close together',
      given: { firstListWithout: 1_000, newest: 30_999 },
      verdict: { absent: false, wantListAfter: 31_000 },
    },
    {
      because: 'two lists, the visibility window apart',
      given: { firstListWithout: 1_000, newest: 31_000 },
      verdict: { absent: true },
    },
  ])('$because', ({ given, verdict }) => {
    expect(confirmNameFree({ ...window, ...given })).toEqual(verdict);
  });
});

describe('judgeRecreation', () => {
  const minute = 60_000;
  const fiveMinutes = 5 * minute;
  const evidence = { absence: { since: 0, lists: 3 }, newest: fiveMinutes, notFoundAt: fiveMinutes };
  it.each([
    { because: 'three lists over five minutes, and a 404 at their end', given: {}, verdict: { isDue: true } },
    {
      because: 'a thousand lists over a millisecond less',
      given: { absence: { since: 1, lists: 1_000 } },
      verdict: { isDue: false, wantListAfter: fiveMinutes + 1 },
    },
    {
      because: 'two lists, however far apart',
      given: { absence: { since: -600 * minute, lists: 2 } },
      verdict: { isDue: false, wantListAfter: fiveMinutes + 1 },
    },
    {
      because: 'no 404 since the newest list',
      given: { notFoundAt: fiveMinutes - 1 },
      verdict: { isDue: false, wantListAfter: fiveMinutes + 1 },
    },
    {
      because: 'a read has shown it since the newest list',
      given: { absence: undefined },
      verdict: { isDue: false, wantListAfter: fiveMinutes + 1 },
    },
  ])('$because', ({ given, verdict }) => {
    expect(confirmRecreation({ ...evidence, recreateAfter: fiveMinutes, ...given })).toEqual(verdict);
  });
});

describe('an unreadable VM', () => {
  const minute = 60_000;
  const query = { name: 'web', isNeverCreated: false, intent: undefined };
  const sent = { nameless: [], sentAt: undefined };
  const lasting = 5 * minute;

  it.each<{
    readonly because: string;
    readonly entry?: Partial<UnreadableEntry>;
    readonly asked?: Partial<Parameters<typeof unreadableOf>[1]>;
    readonly isIt: boolean;
  }>([
    { because: 'its name is the name', entry: { name: 'web' }, asked: { isNeverCreated: true }, isIt: true },
    { because: 'its name is another', entry: { name: 'db' }, asked: { intent: sent }, isIt: false },
    { because: 'its name is unknown, and it may be new', isIt: true },
    { because: 'the object never requested a VM', asked: { isNeverCreated: true }, isIt: false },
    { because: 'its name has characters that no created VM has', entry: { isNameUnprintable: true }, isIt: false },
    {
      because: 'with a call in doubt, the provider may have mangled the name',
      entry: { isNameUnprintable: true },
      asked: { intent: sent },
      isIt: true,
    },
    { because: 'lists have shown it so for just under five minutes', entry: { since: 1 }, isIt: true },
    { because: 'lists have shown it so for five minutes', entry: { since: 0 }, isIt: false },
    { because: 'no time ends a call in doubt', entry: { since: 0 }, asked: { intent: sent }, isIt: true },
    { because: 'it was there before the intent', asked: { intent: { ...sent, nameless: [6] } }, isIt: false },
    { because: 'another one was there', asked: { intent: { ...sent, nameless: [7] } }, isIt: true },
    { because: 'it was there when the call was sent', asked: { intent: { ...sent, sentAt: minute } }, isIt: false },
    { because: 'it came after the call', asked: { intent: { ...sent, sentAt: minute - 1 } }, isIt: true },
  ])('may be the one that is looked for: $isIt, as $because', ({ entry, asked, isIt }) => {
    const one = { id: 6, since: minute, problem: 'its name is missing', ...entry };
    // `as`: nothing else of the list matters.
    const list = { startedAt: lasting, unreadable: new Map([[6, one]]) } as unknown as Snapshot;
    expect(unreadableOf(list, { ...query, ...asked }) !== undefined).toBe(isIt);
  });
});
