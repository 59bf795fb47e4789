import { expect, test } from 'vitest';
import type { Decision } from '../../../src/plan/action.ts';
import { plan } from '../../../src/plan/plan.ts';
import { observedWith } from '../fixtures.ts';

test('a pause of an Account holds every call, and names the Account only to users of the key', () => {
  const held = plan(observedWith({ observed: { pausedBy: 'team-a/main' } }));
  expect(held).toMatchObject({ action: { type: 'None' }, statusReason: { reason: 'Paused' } });
  expect(held.statusReason?.message).toContain('"team-a/main"');
  const ofOthers = plan(observedWith({ observed: { pausedBy: 'vps247-system/all', isDefaultKey: true } }));
  expect(ofOthers.statusReason?.message).toBe(
    "paused for all VMs of the operator's default API key; ask your cluster administrator",
  );
});

/** The decision before the Accounts were read, for an object that is known for so long. */
function withoutAccounts(knownFor: number): Decision {
  const { history } = observedWith();
  return plan(observedWith({ observed: { isPauseKnown: false, history: { ...history, knownFor } } }));
}

test('a call waits until every pause is known, which is reported after five seconds', () => {
  expect(plan(observedWith()).action.type).toBe('Create');
  expect(withoutAccounts(0)).toMatchObject({ action: { type: 'None' }, after: 500 });
  expect(withoutAccounts(0).statusReason).toBeUndefined();
  expect(withoutAccounts(6_000)).toMatchObject({
    action: { type: 'None' },
    statusReason: { reason: 'AccountLimitsUnknown' },
  });
});
