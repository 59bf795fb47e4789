import { describe, expect, it } from 'vitest';
import { failed, type Failure, succeeded } from '../../src/domain/failure.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Account } from '../../src/provider/account/account.ts';
import { conclude } from '../../src/reconcile/conclude.ts';
import type { Execution } from '../../src/reconcile/execute/execution.ts';
import { ObjectState } from '../../src/reconcile/object-state.ts';
import { recordConclusion, requestRequeue } from '../../src/reconcile/record-conclusion.ts';
import { failure, type ObservedOptions, observedWith, uid } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';

const starting: ObservedOptions = { id: 90, machine: 'Halted' };
const deleted = (outcome: Extract<Execution, { type: 'Deleted' }>['outcome']): Execution => ({
  type: 'Deleted',
  outcome,
});
const refusedAs = (given: Partial<Failure>): Execution =>
  deleted(failed(failure({ operation: 'DeleteMachine', ...given })));
const busy = (text: string): Execution => refusedAs({ class: 'Wait', code: 'Busy', status: 406, text });

/** Records executions at these times, in seconds. */
async function record(...executions: readonly (readonly [seconds: number, execution: Execution])[]) {
  const clock = createManualClock();
  const objectState = new ObjectState(uid, 0);
  const observed = observedWith(starting);
  const decision = plan(observed);
  const deps = { clock, quota: { wait: () => {} }, accountLimits: { wait: () => {} } };
  for (const [seconds, execution] of executions) {
    await clock.advance(seconds * 1_000 - clock.monotonic());
    const conclusion = conclude(observed, decision, execution, objectState.failures, 0.5);
    recordConclusion(deps, observed, decision, execution, conclusion, objectState);
  }
  return objectState;
}

describe('calls that the provider refuses as busy', () => {
  it('are one refusal, with the time and the words of the first one', async () => {
    const { refusedSince, refusedWords } = await record([1, busy('request 1')], [5, busy('request 2')]);
    expect([refusedSince, refusedWords]).toEqual([1_000, '406: request 1']);
  });

  it.each([
    { what: 'an accepted call', execution: deleted(succeeded('Accepted')) },
    { what: 'another failure', execution: refusedAs({ class: 'Retry', code: 'ConnectFailed' }) },
    { what: 'a rate limit', execution: refusedAs({ class: 'Wait', code: 'RateLimited', status: 429 }) },
  ])('end with $what', async ({ execution }) => {
    const { refusedSince, refusedWords } = await record([1, busy('request 1')], [5, execution]);
    expect([refusedSince, refusedWords]).toEqual([undefined, undefined]);
  });
});

describe('consecutive failures', () => {
  const lost = refusedAs({ class: 'UnknownOutcome', code: 'Timeout' });

  it('are counted, without those that only request to wait', async () => {
    expect((await record([1, lost], [2, busy('x')], [3, lost])).failures).toBe(2);
  });

  it('end with an accepted call', async () => {
    expect((await record([1, lost], [2, deleted(succeeded('Accepted'))])).failures).toBe(0);
  });

  it('hold the next call from when they are recorded', async () => {
    const { notBefore = 0 } = await record([10, lost]);
    expect(notBefore).toBeGreaterThan(10_000);
  });
});

/** What is requested of the account. */
function request(
  conclusion: Partial<Parameters<typeof requestRequeue>[3]>,
  given: ObservedOptions = starting,
  relistAfter?: number,
) {
  const calls: string[] = [];
  const account = {
    setFastPolling: (key: string, isFast: boolean) => calls.push(`fast ${key} ${isFast}`),
    lastWriteAt: (name: string) => (calls.push(`last write of ${name}`), 7_000),
    requestList: (key: string, since: number) => calls.push(`list ${key} ${since}`),
    requestMachine: (key: string, since: number) => calls.push(`machine ${key} ${since}`),
    // `as`: nothing else of it is used.
  } as unknown as Account;
  const deps = {
    clock: createManualClock(),
    quota: { wait: (key: string) => calls.push(`wait ${key}`) },
    accountLimits: { wait: () => {} },
  };
  const objectState = new ObjectState(uid, 0);
  objectState.relistAfter = relistAfter;
  const none = { report: undefined, after: undefined, hold: undefined, fastPolling: false, reread: undefined };
  // `as`: the other fields of a conclusion don't matter here.
  const full = { ...none, ...conclusion } as Parameters<typeof requestRequeue>[3];
  requestRequeue(deps, account, observedWith(given), full, objectState);
  return { calls, relistAfter: objectState.relistAfter };
}

describe('after a reconciliation', () => {
  const usual = ['fast default/web false', 'last write of web-0a1b2c3d'];

  it.each([
    { reread: 'List', call: 'list default/web 7000' },
    { reread: 'Machine', call: 'machine default/web 7000' },
  ] as const)('a read that started after the last write is requested: $reread', ({ reread, call }) => {
    expect(request({ reread }).calls).toEqual([...usual, call]);
  });

  it.each([
    { what: 'a wait in transition', given: { fastPolling: true, after: 5_000 }, relistAfter: 5_000 },
    { what: 'a transition without a wait', given: { fastPolling: true }, relistAfter: undefined },
    { what: 'a wait at rest', given: { fastPolling: false, after: 5_000 }, relistAfter: undefined },
    { what: 'an immediate requeue', given: { fastPolling: true, after: 0 }, relistAfter: undefined },
  ])('the next decision needs a list from the end of $what: $relistAfter', ({ given, relistAfter }) => {
    expect(request(given).relistAfter).toBe(relistAfter);
  });

  it('a reconciliation that does not know the VM leaves that time as it was', () => {
    const unknown = { kind: 'Unknown', reason: { kind: 'NotYetSeen' } } as const;
    expect(request({}, { observed: { machine: unknown } }, 3_000).relistAfter).toBe(3_000);
    expect(request({}, starting, 3_000).relistAfter).toBeUndefined();
  });

  it('a full namespace queues the object for the next place, and no other reason does', () => {
    const full: ObservedOptions = { observed: { namespaceLimit: { limit: 1, leftRunning: [] } } };
    const reported = (reason: string) =>
      // `as`: only the reason of a report matters here.
      request({ report: { statusReason: { reason, message: '' } } as never }, full).calls.includes('wait default/web');
    expect([reported('NamespaceLimitReached'), reported('Paused')]).toEqual([true, false]);
  });
});
