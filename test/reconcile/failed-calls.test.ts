import { describe, expect, it } from 'vitest';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import type { FailureClass, FailureCode, Operation } from '../../src/domain/failure.ts';
import type { Action } from '../../src/plan/action.ts';
import { fromFailure } from '../../src/plan/failure-status.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Execution } from '../../src/reconcile/execute/execution.ts';
import { conclude } from '../../src/reconcile/conclude.ts';
import { failure, machineIn, type ObservedOptions, observedWith, secondsAgo } from '../plan/fixtures.ts';

type Call = Exclude<
  Action['type'],
  'None' | 'RecordIdentity' | 'CompleteIdentity' | 'WritePassword' | 'WithdrawIntent' | 'ReleaseFinalizer'
>;

/** What each failure comes as. */
const examples: Readonly<Record<FailureClass, { readonly code: FailureCode; readonly status?: number }>> = {
  Retry: { code: 'ConnectFailed' },
  Wait: { code: 'Busy', status: 406 },
  Terminal: { code: 'Unprocessable', status: 422 },
  Credentials: { code: 'Unauthorized', status: 401 },
  UnknownOutcome: { code: 'Timeout' },
};

const calls: Readonly<
  Record<Call, { readonly given: ObservedOptions; readonly operation: Operation; readonly result: Execution['type'] }>
> = {
  Create: { given: {}, operation: 'CreateMachine', result: 'Created' },
  Start: { given: { id: 90, machine: 'Halted' }, operation: 'StartMachine', result: 'Powered' },
  Stop: {
    given: { id: 90, machine: 'Running', spec: { powerState: 'Halted' } },
    operation: 'StopMachine',
    result: 'Powered',
  },
  Restart: {
    given: {
      id: 90,
      machine: machineIn('Running', { updatedAt: secondsAgo(600) }),
      spec: { restartRequest: 'once' },
    },
    operation: 'RestartMachine',
    result: 'Powered',
  },
  Kill: {
    given: {
      id: 90,
      machine: 'Running',
      spec: { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 300 } },
    },
    operation: 'KillMachine',
    result: 'Powered',
  },
  Delete: { given: { id: 90, machine: 'Halted', deleting: true }, operation: 'DeleteMachine', result: 'Deleted' },
};

/** `hold`: milliseconds without a further call; the first backoff is 750, "busy" is 7,500. `tries`: what the record says of the call. */
type Row = readonly [reason: Reason, hold: number | undefined, wants: 'List' | 'Machine' | undefined, tries?: number];

const table: Readonly<Record<Call, Readonly<Record<FailureClass, Row>>>> = {
  Create: {
    Retry: ['ProviderUnavailable', 750, undefined],
    Wait: ['ProviderUnavailable', 7_500, undefined],
    Terminal: ['CreateRefused', undefined, 'List'],
    Credentials: ['CredentialsRejected', 750, undefined],
    UnknownOutcome: ['CreateOutcomeUnknown', undefined, 'List'],
  },
  Start: {
    Retry: ['ProviderUnavailable', 750, 'Machine'],
    Wait: ['ProviderBusy', 7_500, 'Machine'],
    Terminal: ['ProviderUnavailable', 750, 'Machine'],
    Credentials: ['CredentialsRejected', 750, 'Machine'],
    UnknownOutcome: ['ProviderUnavailable', 750, 'Machine', 1],
  },
  Stop: {
    Retry: ['ProviderUnavailable', 750, 'Machine'],
    Wait: ['ProviderBusy', 7_500, 'Machine'],
    Terminal: ['ProviderUnavailable', 750, 'Machine'],
    Credentials: ['CredentialsRejected', 750, 'Machine'],
    UnknownOutcome: ['ProviderUnavailable', 750, 'Machine', 1],
  },
  // On record before the call: one that was certainly not made counts as never tried, one whose answer was lost stands.
  Restart: {
    Retry: ['ProviderUnavailable', 750, 'Machine', 0],
    Wait: ['ProviderBusy', 7_500, 'Machine', 0],
    Terminal: ['ProviderUnavailable', 750, 'Machine', 0],
    Credentials: ['CredentialsRejected', 750, 'Machine', 0],
    UnknownOutcome: ['ProviderUnavailable', 750, 'Machine', 1],
  },
  Kill: {
    Retry: ['ProviderUnavailable', 750, 'Machine', 0],
    Wait: ['ProviderBusy', 7_500, 'Machine', 0],
    Terminal: ['ProviderUnavailable', 750, 'Machine', 0],
    Credentials: ['CredentialsRejected', 750, 'Machine', 0],
    UnknownOutcome: ['ProviderUnavailable', 750, 'Machine', 1],
  },
  Delete: {
    Retry: ['ProviderUnavailable', 750, 'Machine'],
    Wait: ['Deleting', 7_500, 'Machine'],
    Terminal: ['ProviderUnavailable', 750, 'Machine'],
    Credentials: ['CredentialsRejected', 750, 'Machine'],
    UnknownOutcome: ['ProviderUnavailable', 750, 'Machine'],
  },
};

// The names of the tables' fields.
const names = Object.keys(table) as readonly Call[];
const classes = Object.keys(examples) as readonly FailureClass[];

describe.each(names)('a failed %s', (name) => {
  it.each(classes)('of class %s reports why, waits and requeues as the table says', (kind) => {
    const { given, operation, result } = calls[name];
    const observed = observedWith(given);
    const decision = plan(observed);
    expect(decision.action.type).toBe(name);
    const outcome = { ok: false, failure: failure({ operation, class: kind, status: 0, ...examples[kind] }) } as const;
    // Only the results of calls have an outcome, and the action is that of the call.
    const execution = { type: result, action: decision.action, outcome } as Execution;
    const { report, hold, reread: wants, isSuperseded, unwritten } = conclude(observed, decision, execution, 0, 0.5);
    const [reason, held, wanted, tries] = table[name][kind];
    expect({ reason: report?.statusReason.reason, hold, wants }).toEqual({ reason, hold: held, wants: wanted });
    expect(report?.operation?.attempts).toBe(tries);
    expect([isSuperseded, unwritten]).toEqual([false, undefined]);
    // What the operator does next; it never retries a create whose result it doesn't know.
    const next = reason === 'CreateOutcomeUnknown' ? /; checking whether the VM exists$/ : /retries automatically$/;
    if (reason === 'CreateOutcomeUnknown' || reason === 'ProviderUnavailable')
      expect(report?.statusReason.message).toMatch(next);
  });
});

/** What a read or a call that fails so shows, if the key is not to blame. */
const reasonOf: Readonly<Record<FailureCode, Reason>> = {
  ConnectFailed: 'ProviderUnavailable',
  ConnectionLost: 'ProviderUnavailable',
  Timeout: 'ProviderUnavailable',
  ServerError: 'ProviderUnavailable',
  Busy: 'ProviderUnavailable',
  RateLimited: 'RateLimited',
  BadRequest: 'ProviderUnavailable',
  PaymentRequired: 'ProviderUnavailable',
  NotFound: 'ProviderUnavailable',
  Conflict: 'ProviderUnavailable',
  Unprocessable: 'ProviderUnavailable',
  Unauthorized: 'ProviderUnavailable',
  Forbidden: 'ProviderUnavailable',
  Redirected: 'ProviderUnavailable',
  HtmlResponse: 'ProviderUnavailable',
  ProtocolError: 'ProtocolError',
  BodyTooLarge: 'ProtocolError',
  UnexpectedStatus: 'ProviderUnavailable',
  Canceled: 'ProviderUnavailable',
};

// The names of the table's fields.
it.each(Object.keys(reasonOf) as readonly FailureCode[])(
  '%s shows one reason, and its class can override it',
  (code) => {
    const observed = observedWith();
    expect(fromFailure(observed, failure({ code })).reason).toBe(reasonOf[code]);
    expect(fromFailure(observed, failure({ code, class: 'Credentials' })).reason).toBe('CredentialsRejected');
  },
);
