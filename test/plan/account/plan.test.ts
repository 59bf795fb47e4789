import { expect, test } from 'vitest';
import { accountReasons } from '../../../src/api/v1alpha1/account-reasons.ts';
import type { AccountInventory } from '../../../src/api/v1alpha1/account-types.ts';
import { type AccountObserved, type ObservedList, planAccount } from '../../../src/plan/account/plan.ts';

const inventory: AccountInventory = { machines: { total: 1, managed: 1, unmanaged: 0 } };
const list: ObservedList = { unreadable: [], massDisappearance: undefined, inventory: () => inventory };
const usual: AccountObserved = {
  object: {
    metadata: {
      name: 'main',
      namespace: 'team-a',
      uid: 'u',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '',
      labels: {},
    },
    spec: { credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' } },
  },
  credentials: { kind: 'Accepted' },
  isUnavailable: false,
  list,
};
const missing = { kind: 'Missing', message: 'no usable key', isDefaultRefused: false } as const;
const unreadable = { ...list, unreadable: [3] };
const vanished = { ...unreadable, massDisappearance: { vanished: 9, of: 20 } };

test.each<{ reason: keyof typeof accountReasons; because: string; of: Partial<AccountObserved>; after?: number }>([
  { reason: 'InventoryCurrent', because: 'everything is known', of: {} },
  {
    reason: 'CredentialsMissing',
    because: 'without a key nothing else counts',
    of: { credentials: missing, list: undefined, isUnavailable: true },
    after: 15_000,
  },
  {
    reason: 'DefaultCredentialsNotPermitted',
    because: 'the default key would show VMs of others',
    of: { credentials: { ...missing, isDefaultRefused: true } },
    after: 15_000,
  },
  {
    reason: 'ApiKeyLimitReached',
    because: 'the operator opens no further account',
    of: { credentials: { kind: 'TooMany', limit: 'GroupReached' } },
    after: 60_000,
  },
  {
    reason: 'CredentialsRejected',
    because: 'an old list is of an earlier key',
    of: { credentials: { kind: 'Rejected', failure: undefined } },
    after: 15_000,
  },
  { reason: 'ProviderUnavailable', because: 'an old list may be outdated', of: { isUnavailable: true } },
  {
    reason: 'NotListedYet',
    because: 'the first list is missing',
    of: { credentials: { kind: 'Unverified' }, list: undefined },
  },
  { reason: 'MassDisappearance', because: 'it says more than an unreadable entry', of: { list: vanished } },
  { reason: 'UnreadableMachines', because: 'such an entry can be any VM', of: { list: unreadable } },
])('$reason: $because', ({ reason, of, after }) => {
  const decision = planAccount({ ...usual, ...of });
  expect([decision.reason, decision.after]).toEqual([reason, after]);
  expect(decision.inventory).toBe(accountReasons[reason].inventoryComplete === 'True' ? inventory : undefined);
});
