import { expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { writeIntent } from '../../src/api/v1alpha1/identity.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { Account } from '../../src/provider/account/account.ts';
import type { KeyLookup } from '../../src/reconcile/credentials.ts';
import { ObjectState } from '../../src/reconcile/object-state.ts';
import { prepare } from '../../src/reconcile/prepare.ts';
import { objectWith, uid } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';

/** What `prepare` needs of an account. */
function accountWith(facts: Partial<Account>): Account {
  // `as`: nothing else of it is used.
  return {
    credentialStatus: 'Accepted',
    isFirstListDue: false,
    isUnavailable: false,
    lastFailure: undefined,
    snapshot: undefined,
    ownerId: 1,
    keyedHash: (text: string) => text,
    cachedMachine: () => undefined,
    subscribe: () => {},
    unsubscribe: () => {},
    requestList: () => {},
    retryKey: () => {},
    ...facts,
  } as unknown as Account;
}

function lookupOf(isDefault: boolean): KeyLookup {
  return { kind: 'Found', apiKey: new Secret('key'), version: '1', isDefault };
}

function depsWith(account: Account, isDefault: boolean) {
  return {
    clock: createManualClock(),
    credentials: { lookup: () => Promise.resolve(lookupOf(isDefault)) },
    machineIndex: { setAccount: () => {} },
    accountFor: () => account,
  };
}

it.each([
  { isReported: true, deleting: false, waits: true },
  { isReported: true, deleting: true, waits: false },
  { isReported: false, deleting: false, waits: false },
])(
  'an object waits for the first list of its account: $waits; reported: $isReported, deleted: $deleting',
  async ({ isReported, deleting, waits }) => {
    const deps = depsWith(accountWith({ isFirstListDue: true }), false);
    const object = objectWith({ id: 90, deleting, status: { observedGeneration: isReported ? 1 : 0 } });
    const preparation = await prepare(deps, 'default/web', object, new ObjectState(uid, 0));
    expect(preparation === undefined).toBe(waits);
  },
);

it.each([
  { from: false, to: false, isUsed: false, what: 'another key of its Secret' },
  { from: false, to: true, isUsed: true, what: 'the default key in place of an own key' },
  { from: true, to: false, isUsed: true, what: 'its own key instead of the default key' },
])('an object uses $what before the provider has accepted it: $isUsed', async ({ from, to, isUsed }) => {
  const [before, present] = [accountWith({}), accountWith({ credentialStatus: 'Unverified' })];
  const objectState = new ObjectState(uid, 0);
  objectState.account = before;
  objectState.usesDefaultKey = from;
  const preparation = await prepare(depsWith(present, to), 'default/web', objectWith({ id: 90 }), objectState);
  expect(preparation?.account).toBe(isUsed ? present : before);
});

it('a new key of the Secret is tried at once, while the earlier one stays in use', async () => {
  const requests: string[] = [];
  const present = accountWith({
    credentialStatus: 'Unverified',
    subscribe: (key, { name, group }) => void requests.push(`subscribe ${key} ${name} ${group}`),
    requestList: (key, since) => void requests.push(`list ${key} ${since}`),
  });
  const before = accountWith({});
  const objectState = new ObjectState(uid, 0);
  objectState.account = before;
  const preparation = await prepare(depsWith(present, false), 'default/web', objectWith({ id: 90 }), objectState);
  expect([preparation?.account, objectState.successor]).toEqual([before, present]);
  expect(requests).toEqual(['subscribe default/web web-0a1b2c3d default', 'list default/web 0']);
});

it.each([
  { what: 'of this key, for the name in the spec', name: 'site', sign: String, isProven: true },
  { what: 'for another name', name: 'other', sign: String, isProven: false },
  { what: 'of another key', name: 'site', sign: () => 'by another key', isProven: false },
])('a create intent $what proves that a VM is the object’s: $isProven', async ({ name, sign, isProven }) => {
  const { metadata } = objectWith();
  const pending = { [annotations.createPending]: writeIntent(metadata, { at: 1, name }, sign) };
  const object = objectWith({ annotations: pending, spec: { providerName: 'site' } });
  const preparation = await prepare(depsWith(accountWith({}), false), 'default/web', object, new ObjectState(uid, 0));
  expect(preparation?.subject.isIntentProven).toBe(isProven);
});
