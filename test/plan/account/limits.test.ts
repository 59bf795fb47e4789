import { expect, test } from 'vitest';
import { type AccountLimits, heldByAccount, limitVerdict } from '../../../src/plan/account/limits.ts';

const limited = (machines: number, count: number): AccountLimits => ({
  kind: 'Limited',
  by: 'team-a/main',
  machines,
  count,
});
const account = (machines?: number) => ({
  metadata: {
    name: 'main',
    namespace: 'team-a',
    uid: 'u',
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '',
    labels: {},
  },
  spec: {
    credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' },
    ...(machines === undefined ? {} : { limits: { machines } }),
  },
});

test.each<{ because: string; limits: AccountLimits; reason: string | undefined }>([
  { because: 'a limit may apply', limits: { kind: 'Unknown' }, reason: 'AccountLimitsUnknown' },
  { because: 'one more is permitted', limits: limited(5, 4), reason: undefined },
  { because: 'as many as permitted', limits: limited(5, 5), reason: 'AccountLimitReached' },
  { because: 'more than permitted', limits: limited(5, 9), reason: 'AccountLimitReached' },
  { because: 'none is permitted', limits: limited(0, 0), reason: 'AccountLimitReached' },
])('a create is held: $reason, because $because', ({ limits, reason }) => {
  expect(heldByAccount(limits, false)?.reason).toBe(reason);
  // With the operator's key, the number and the Account are those of others.
  expect(heldByAccount(limits, true)?.message ?? '').not.toMatch(/team-a|\d/);
});

test.each<{
  verdict: string | undefined;
  because: string;
  of: ReturnType<typeof account>;
  limits: AccountLimits | undefined;
}>([
  { verdict: undefined, because: 'the Account has no limit', of: account(), limits: limited(1, 1) },
  {
    verdict: 'Unknown NotCounted',
    because: 'the VMs are not counted yet',
    of: account(5),
    limits: { kind: 'Unknown' },
  },
  { verdict: 'Unknown NotCounted', because: 'the key opens no account', of: account(5), limits: undefined },
  { verdict: 'True BelowLimit', because: 'one more is permitted', of: account(5), limits: limited(5, 4) },
  { verdict: 'False LimitReached', because: 'as many as permitted', of: account(5), limits: limited(5, 5) },
  {
    verdict: 'True OlderAccountLimits',
    because: 'another Account limits',
    of: account(1),
    limits: { kind: 'Limited', by: 'team-b/main', machines: 5, count: 4 },
  },
])('WithinLimits is $verdict, because $because', ({ verdict, of, limits }) => {
  const found = limitVerdict(of, limits);
  expect(found && `${found.status} ${found.reason}`).toBe(verdict);
});
