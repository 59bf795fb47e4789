import { expect, it } from 'vitest';
import { healthsOf, kstatusesOf } from '../../hack/gitops/tools.ts';
import { type AccountReason, accountReasons } from '../../src/api/v1alpha1/account-reasons.ts';
import { apiVersion } from '../../src/api/v1alpha1/constants.ts';
import { accountConditions } from '../../src/status/account-status.ts';

// Object.keys forgets that they are reasons.
const all = Object.keys(accountReasons) as AccountReason[];
const verdicts = {
  Settled: ['Current', 'Healthy'],
  Reconciling: ['InProgress', 'Progressing'],
  Stalled: ['Failed', 'Degraded'],
} as const;

function objectWith(reason: AccountReason): object {
  return {
    apiVersion,
    kind: 'Account',
    metadata: { name: 'main', namespace: 'default', generation: 2 },
    status: { observedGeneration: 2, conditions: accountConditions({ reason, message: 'as it is' }, 2, 0, []) },
  };
}

it('kstatus and Argo CD rate an Account by what its reason needs', async () => {
  const objects = all.map(objectWith);
  const [statuses, healths] = await Promise.all([kstatusesOf(objects), healthsOf(objects)]);
  const found = all.map((_, index) => [statuses[index], healths[index]?.status]);
  expect(found).toEqual(all.map((reason) => verdicts[accountReasons[reason].progress]));
});
