import { describe, expect, it } from 'vitest';
import { KubeError } from '../../src/kubernetes/errors.ts';
import type { Failure } from '../../src/domain/failure.ts';
import { type PowerAction, withStart } from '../../src/plan/action.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Execution } from '../../src/reconcile/execute/execution.ts';
import { type Conclusion, conclude } from '../../src/reconcile/conclude.ts';
import { failure, machineIn, now, observedWith, type ObservedOptions, secondsAgo } from '../plan/fixtures.ts';

const hard = { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 300 } } as const;

/** What came of an action; which one it was, and that it was sent as decided, follows from the decision. */
type CarriedOut = Execution | Omit<Extract<Execution, { type: 'Powered' }>, 'action'>;

function concluded(given: ObservedOptions, carriedOut: CarriedOut, failures = 0) {
  const observed = observedWith(given);
  const decision = plan(observed);
  // `as`: only power calls end as Powered.
  const execution = { ...carriedOut, action: decision.action } as Execution;
  return conclude(observed, decision, execution, failures, 0.5);
}
const failedCreate = (more: Partial<Failure>): Execution => ({
  type: 'Created',
  outcome: { ok: false, failure: failure({ operation: 'CreateMachine', ...more }) },
});
const refusal = new KubeError('patch', { reason: 'Forbidden', words: 'labels are missing' });
const heldFrom = ({ unwritten = 'None', report, after = 0 }: Conclusion) => ({
  action: unwritten,
  message: report?.statusReason.message ?? '',
  until: now + after,
});
const failedPower = (more: Partial<Failure>): CarriedOut => ({
  type: 'Powered',
  outcome: { ok: false, failure: failure(more) },
});

describe('conclude', () => {
  it.each<{ because: string; given: ObservedOptions; execution: CarriedOut; reason: string; hold?: number }>([
    {
      because: 'created, and described',
      given: {},
      execution: {
        type: 'Created',
        outcome: { ok: true, value: { id: 90, machine: machineIn('Pending') } },
      },
      reason: 'Creating',
    },
    {
      because: 'accepted without an id: looked for by name',
      given: {},
      execution: { type: 'Created', outcome: { ok: true, value: {} } },
      reason: 'Creating',
    },
    {
      because: 'the answer was lost',
      given: {},
      execution: failedCreate({ class: 'UnknownOutcome', code: 'Timeout' }),
      reason: 'CreateOutcomeUnknown',
    },
    {
      because: 'refused after an unknown outcome: a list shows whether our own VM has the name',
      given: { intent: true },
      execution: failedCreate({ class: 'Terminal', code: 'BadRequest', status: 400 }),
      reason: 'CreateRefused',
    },
    {
      because: 'refused',
      given: {},
      execution: failedCreate({ class: 'Terminal', code: 'Unprocessable', status: 422 }),
      reason: 'CreateRefused',
    },
    {
      because: 'no funds',
      given: {},
      execution: failedCreate({ class: 'Terminal', code: 'PaymentRequired', status: 402 }),
      reason: 'QuotaExceeded',
    },
    {
      because: 'certainly not sent: again after a second or so',
      given: {},
      execution: failedCreate({ class: 'Retry', code: 'ConnectFailed' }),
      reason: 'ProviderUnavailable',
      hold: 750,
    },
    {
      because: 'asked to wait for 7 s',
      given: {},
      execution: failedCreate({ class: 'Wait', code: 'RateLimited', status: 429, retryAfter: 7_000 }),
      reason: 'RateLimited',
      hold: 7_000,
    },
    {
      because: 'the key was revoked',
      given: {},
      execution: failedCreate({ class: 'Credentials', code: 'Unauthorized', status: 401 }),
      reason: 'CredentialsRejected',
      hold: 750,
    },
    {
      because: 'busy does not count as a failure: between 5 and 10 s',
      given: { id: 90, machine: 'Halted' },
      execution: failedPower({ operation: 'StartMachine', class: 'Wait', code: 'Busy', status: 406 }),
      reason: 'ProviderBusy',
      hold: 7_500,
    },
    {
      because: 'still running when it was to be deleted: back to the look',
      given: { id: 90, machine: 'Halted', deleting: true },
      execution: {
        type: 'Deleted',
        outcome: {
          ok: false,
          failure: failure({ operation: 'DeleteMachine', class: 'Wait', code: 'BadRequest', status: 400 }),
        },
      },
      reason: 'Deleting',
      hold: 7_500,
    },
  ])('$because → $reason', ({ given, execution, reason, hold }) => {
    const conclusion = concluded(given, execution);
    expect({ reason: conclusion.report?.statusReason.reason, hold: conclusion.hold }).toEqual({ reason, hold });
  });

  it.each<{ given: ObservedOptions; execution?: CarriedOut; unwritten: string; says: string }>([
    { given: {}, unwritten: 'Create', says: 'VM "web-0a1b2c3d" is not created, because' },
    {
      given: { id: 90, machine: 'Running', intent: true },
      unwritten: 'CompleteIdentity',
      says: 'finalizer and annotations for VM 90 cannot be stored',
    },
    {
      given: { id: 90, deleting: true, machine: 'Absent' },
      unwritten: 'ReleaseFinalizer',
      says: 'the VM is gone, but the finalizer cannot be removed',
    },
    {
      given: { id: 90, machine: 'Running', spec: hard },
      unwritten: 'Kill',
      says: 'VM 90 is left as it is, because the kill cannot be recorded',
    },
  ])('a refused write defers $unwritten and quotes the policy', ({ given, execution, unwritten, says }) => {
    const conclusion = concluded(given, execution ?? { type: 'WriteRefused', error: refusal }, 3);
    expect(conclusion.report?.statusReason.reason).toBe('WriteRefused');
    expect(conclusion.report?.statusReason.message).toMatch(
      new RegExp(`^${says}.*: labels are missing; change the object`),
    );
    expect(conclusion).toMatchObject({ unwritten, after: 6_000 });
    const held = plan(observedWith({ ...given, history: { writeRefusal: heldFrom(conclusion) } }));
    if (plan(observedWith(given)).action.type === unwritten)
      expect(held).toMatchObject({
        action: { type: 'None' },
        statusReason: conclusion.report?.statusReason,
        after: 6_000,
      });
  });

  it('reports a VM as stuck after ten minutes of "busy", and retries with exponential backoff', () => {
    const busy = failedPower({ operation: 'StartMachine', class: 'Wait', code: 'Busy', status: 406 });
    const conclusions = [0, 599_000, 600_000, 1_200_000, 6_000_000].map((refusedFor) => {
      const { report, hold } = concluded({ id: 90, machine: 'Halted', history: { refusedFor } }, busy);
      return [report?.statusReason.reason, hold];
    });
    expect(conclusions).toEqual([
      ['ProviderBusy', 7_500],
      ['ProviderBusy', 59_900],
      ['PowerTransitionStuck', 60_000],
      ['PowerTransitionStuck', 120_000],
      ['PowerTransitionStuck', 300_000],
    ]);
  });

  it('keeps the words of the first refusal, so that new request ids cause no status writes', () => {
    const answers = ['request 1', 'request 2'].map((text) => {
      const busy = failedPower({ operation: 'StartMachine', class: 'Wait', code: 'Busy', status: 406, text });
      const history = text === 'request 1' ? {} : { refusedFor: 5_000, refusedWords: '406: request 1' };
      return concluded({ id: 90, machine: 'Halted', history }, busy).report?.statusReason.message;
    });
    const message = 'the provider refuses StartMachine for now (406: request 1); the operator tries again';
    expect(answers).toEqual([message, message]);
  });

  it.each([
    { what: 'that the response describes', machine: machineIn('Starting'), state: undefined },
    { what: 'that the response only names', machine: undefined, state: 'Pending' },
  ])('shows a new VM $what as the provider does, otherwise as Pending', ({ machine, state }) => {
    const record = { id: 90, name: 'web-0a1b2c3d', origin: 'Created' } as const;
    const outcome = { ok: true, value: { id: 90 } } as const;
    const { report } = concluded({}, { type: 'Created', outcome, record, machine });
    expect(report).toMatchObject({ record, statusReason: { message: 'VM 90 is being provisioned' } });
    expect([report?.machine, report?.state]).toEqual([machine, state]);
  });

  it('waits longer after each consecutive failure, up to five minutes', () => {
    const holds = [0, 1, 2, 5, 20].map(
      (failures) => concluded({}, failedCreate({ class: 'Retry', code: 'ConnectFailed' }), failures).hold,
    );
    expect(holds).toEqual([750, 1_500, 3_000, 24_000, 225_000]);
  });

  it('records an accepted stop with its deadline', () => {
    const { report } = concluded(
      { id: 90, machine: 'Running', spec: { powerState: 'Halted' } },
      { type: 'Powered', outcome: { ok: true, value: undefined } },
    );
    expect(report).toMatchObject({
      state: 'Halting',
      operation: { type: 'Stop', startTime: secondsAgo(0), deadlineTime: secondsAgo(-300), attempts: 1 },
    });
  });

  it('records an accepted restart with its result', () => {
    const { report } = concluded(
      { id: 90, machine: 'Running', spec: { restartRequest: 'two' }, status: { lastRestartRequest: 'one' } },
      { type: 'Powered', outcome: { ok: true, value: undefined } },
    );
    expect(report?.operation).toEqual({
      type: 'Restart',
      startTime: secondsAgo(0),
      restartRequest: 'two',
      attempts: 1,
      lastResult: 'Accepted',
    });
  });

  it('counts the grace period of a guest from the answer to the stop call, not from the decision', () => {
    const given = { id: 90, machine: 'Running', spec: { powerState: 'Halted' } } as const;
    const observed = observedWith(given);
    const decision = plan(observed);
    const action = withStart(decision.action as PowerAction, now + 40_000); // a running machine is stopped
    const { report } = conclude(
      observed,
      decision,
      { type: 'Powered', action, outcome: { ok: true, value: undefined } },
      0,
      0.5,
    );
    expect(report?.operation).toMatchObject({ startTime: secondsAgo(-40), deadlineTime: secondsAgo(-340) });
  });

  it('records a stop without an answer with its failure: the power must not be cut without a shutdown signal', () => {
    const lost = failedPower({ operation: 'StopMachine', class: 'UnknownOutcome', code: 'Timeout' });
    const given = { id: 90, machine: 'Running', spec: { powerState: 'Halted' } } as const;
    const operation = concluded(given, lost).report?.operation;
    expect(operation).toMatchObject({ type: 'Stop', attempts: 1, lastResult: 'Timeout' });
    const muchLater = {
      ...observedWith({ ...given, status: operation === undefined ? {} : { operation } }),
      now: now + 600_000,
    };
    expect(plan(muchLater).action).toMatchObject({ type: 'Stop', operation: { attempts: 1 } });
  });

  it('keeps the record of an accepted stop when its repetition has no answer', () => {
    const lost = failedPower({ operation: 'StopMachine', class: 'UnknownOutcome', code: 'Timeout' });
    const stop = { type: 'Stop', startTime: secondsAgo(400), attempts: 1 } as const;
    const soft = { powerState: 'Halted', powerOff: { mode: 'Soft', gracePeriodSeconds: 300 } } as const;
    const { report } = concluded({ id: 90, machine: 'Running', spec: soft, status: { operation: stop } }, lost);
    expect(report?.operation).toEqual(stop);
  });

  it('keeps the record of a power cut without an answer, and marks a refused one as not performed', () => {
    const given = { id: 90, machine: 'Running', spec: hard } as const;
    const lost = concluded(given, failedPower({ operation: 'KillMachine', class: 'UnknownOutcome', code: 'Timeout' }));
    const busy = concluded(given, failedPower({ operation: 'KillMachine', class: 'Wait', code: 'Busy', status: 406 }));
    expect(lost.report?.operation).toMatchObject({ type: 'Kill', attempts: 1 });
    expect(busy.report?.operation).toMatchObject({ type: 'Kill', attempts: 0, lastResult: 'Busy' });
  });

  it.each<{ because: string; failure: Partial<Failure>; before?: number; stored: object }>([
    {
      because: 'a login page may stand behind a call that went through',
      failure: { class: 'Credentials', code: 'HtmlResponse', status: 200 },
      stored: { attempts: 1, startTime: secondsAgo(0) },
    },
    {
      because: 'so may a redirect',
      failure: { class: 'Credentials', code: 'Redirected', status: 302 },
      stored: { attempts: 1, startTime: secondsAgo(0) },
    },
    {
      because: 'a key that is refused is refused before anything happens',
      failure: { class: 'Credentials', code: 'Unauthorized', status: 401 },
      stored: { attempts: 0, startTime: secondsAgo(0), lastResult: 'Unauthorized' },
    },
    {
      because: 'an earlier power cut that was sent stands, with its time',
      before: 1,
      failure: { class: 'Wait', code: 'Busy', status: 406 },
      stored: { attempts: 1, startTime: secondsAgo(40), lastResult: 'Busy' },
    },
    {
      because: 'one that was never made does not',
      before: 0,
      failure: { class: 'Retry', code: 'ConnectFailed' },
      stored: { attempts: 0, startTime: secondsAgo(0), lastResult: 'ConnectFailed' },
    },
  ])('after a power cut that failed, the record is: $because', ({ failure: why, before, stored }) => {
    const operation = before === undefined ? undefined : { type: 'Kill', startTime: secondsAgo(40), attempts: before };
    const given = { id: 90, machine: 'Running', spec: hard, status: { operation } } as ObservedOptions; // `undefined` is left out by the API server
    const { report } = concluded(given, failedPower({ operation: 'KillMachine', ...why }));
    expect(report?.operation).toEqual({ type: 'Kill', ...stored });
  });

  it.each<{ because: string; given: ObservedOptions; execution: CarriedOut; wants: Conclusion['reread'] }>([
    {
      because: 'a new VM: a list shows it by its name',
      given: {},
      execution: { type: 'Created', outcome: { ok: true, value: {} } },
      wants: 'List',
    },
    {
      because: 'a create without an answer: only a list shows whether the VM exists',
      given: {},
      execution: failedCreate({ class: 'UnknownOutcome', code: 'Timeout' }),
      wants: 'List',
    },
    {
      because: 'a refused create: a list settles whether it had an effect',
      given: {},
      execution: failedCreate({ class: 'Terminal', code: 'Unprocessable', status: 422 }),
      wants: 'List',
    },
    {
      because: 'a create that was never sent: nothing',
      given: {},
      execution: failedCreate({ class: 'Retry', code: 'ConnectFailed' }),
      wants: undefined,
    },
    {
      because: 'a power call: the VM alone will do',
      given: { id: 90, machine: 'Halted' },
      execution: { type: 'Powered', outcome: { ok: true, value: undefined } },
      wants: 'Machine',
    },
    {
      because: 'a power call whose answer was lost: the VM as well',
      given: { id: 90, machine: 'Halted' },
      execution: failedPower({ operation: 'StartMachine', class: 'UnknownOutcome', code: 'Timeout' }),
      wants: 'Machine',
    },
    {
      because: 'a delete: only a list is evidence of what is gone',
      given: { id: 90, machine: 'Halted', deleting: true },
      execution: { type: 'Deleted', outcome: { ok: true, value: 'Accepted' } },
      wants: 'List',
    },
    {
      because: 'no call: nothing',
      given: { id: 90, machine: 'Running' },
      execution: { type: 'Nothing' },
      wants: undefined,
    },
  ])('what is read after $because', ({ given, execution, wants }) => {
    expect(concluded(given, execution).reread).toBe(wants);
  });

  it('still reports the shutdown while the delete runs: one write for both', () => {
    const operation = { type: 'Stop', startTime: secondsAgo(5), attempts: 1 } as const;
    const given = { id: 90, machine: 'Halted', deleting: true, status: { operation } } as const;
    expect(concluded(given, { type: 'Deleted', outcome: { ok: true, value: 'Accepted' } }).report?.operation).toEqual(
      operation,
    );
  });

  it('reports nothing and requeues at once when the object changed during the call', () => {
    expect(concluded({}, { type: 'Superseded' })).toMatchObject({ report: undefined, isSuperseded: true });
  });
});
