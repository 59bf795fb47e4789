import type { KnownMachine } from '../api/v1alpha1/identity.ts';
import type { OperationStatus, VirtualMachine } from '../api/v1alpha1/types.ts';
import type { KubeError } from '../kubernetes/errors.ts';
import type { Failure } from '../domain/failure.ts';
import type { MachineState } from '../domain/machine.ts';
import { quoted } from '../domain/text.ts';
import type { Action, Decision, StatusReason } from '../plan/action.ts';
import { providerBusy } from '../plan/provider-busy.ts';
import { refused } from '../plan/create.ts';
import { describeFailure, fromFailure } from '../plan/failure-status.ts';
import type { Observed } from '../plan/observed.ts';
import { plan } from '../plan/plan.ts';
import { accepted as acceptedResult } from '../plan/power-call.ts';
import { isWorthWriting, type Report, statusFor } from '../status/status.ts';
import type { Execution } from './execute/execution.ts';
import { backoff, retryDelays } from './requeue.ts';
import { writeRefused } from './execute/write-refusal.ts';

/** The conclusions from a reconciliation. Durations are milliseconds. */
export interface Conclusion {
  /** What the status reports; undefined if nothing is new. */
  readonly report: Report | undefined;
  /** Requeue after this time even without an event. */
  readonly after: number | undefined;
  /** Send no further call for this object for this time. */
  readonly hold: number | undefined;
  /** The kind of action whose write Kubernetes refused. Not retried before `after`, unless you change the object. */
  readonly unwritten: Action['type'] | undefined;
  readonly fastPolling: boolean;
  /** The object changed during the reconciliation: requeue immediately. */
  readonly isSuperseded: boolean;
  /** The read after the call that requeues the object: a list, or any read of its machine. */
  readonly reread: 'List' | 'Machine' | undefined;
}

const busyHold = 5_000;
const passwordRecheck = 2_000;

/**
 * Joins decision and result. Pure. `random` is a number in [0, 1). `failures` counts the failed calls for this object,
 * and failed writes that a call depends on, in a row before this one.
 *
 * | result of the call                             | then                                                                                               |
 * | ---------------------------------------------- | -------------------------------------------------------------------------------------------------- |
 * | accepted                                       | the operation is recorded; the next list shows its result                                          |
 * | busy (406), 400 on delete                      | read again, call again after 5–10 s or a tenth of the time so far; stuck after 10 min              |
 * | 429                                            | the account pauses (`Retry-After`); called again after the pause                                   |
 * | refused (create)                               | reported; once a later list lacks the VM, stalled until spec, annotations or key change, or 30 min |
 * | credentials                                    | reported; the account probes slowly                                                                |
 * | retry, unknown                                 | read again first, then called again after 1 s … 5 min                                              |
 * | none: a write before it was refused or altered | WriteRefused; retried after 1 s … 5 min                                                            |
 */
export function conclude(
  o: Observed,
  decision: Decision,
  execution: Execution,
  failures: number,
  random: number,
): Conclusion {
  switch (execution.type) {
    case 'Superseded':
      return { ...quiet, isSuperseded: true, fastPolling: decision.fastPolling };
    case 'Released':
      return quiet;
    case 'Withdrawn':
      return { ...quiet, report: reportOf(decision, decision.operation), after: decision.after };
    case 'WriteRefused':
      return unwritten(o, decision, decision.action, execution.error, backoff(failures, random));
    case 'Nothing':
      return {
        ...quiet,
        report: reportOf(decision, decision.operation),
        after: decision.after,
        fastPolling: decision.fastPolling,
      };
    case 'Recorded':
      return { ...quiet, report: recorded(decision, execution.record), fastPolling: true, after: 0 };
    case 'PasswordWritten':
    case 'PasswordConflict':
      // The watch returns the stored object immediately, and the next reconciliation decides.
      return { ...quiet, fastPolling: true, after: 0 };
    case 'PasswordAwaited':
      return { ...quiet, fastPolling: true, after: passwordRecheck };
    case 'Created':
      return execution.outcome.ok
        ? created(decision, execution.record, execution.machine)
        : createFailed(o, decision, execution.outcome.failure, failures, random);
    case 'Powered': {
      const sent = { ...decision, action: execution.action };
      return execution.outcome.ok
        ? { ...quiet, report: accepted(sent), after: decision.after, fastPolling: true, reread: 'Machine' }
        : callFailed(o, sent, execution.outcome.failure, failures, random);
    }
    case 'Deleted':
      return execution.outcome.ok
        ? {
            ...quiet,
            report: reportOf(decision, decision.operation),
            after: o.limits.visibilityWindow,
            fastPolling: true,
            // Only a list is evidence of a deletion.
            reread: 'List',
          }
        : callFailed(o, decision, execution.outcome.failure, failures, random);
  }
}

const quiet: Conclusion = {
  report: undefined,
  after: undefined,
  hold: undefined,
  unwritten: undefined,
  fastPolling: false,
  isSuperseded: false,
  reread: undefined,
};

/** The status record of a VM that was found or adopted. A VM on record needs no further report. */
function recorded(decision: Decision, record: KnownMachine | undefined): Report | undefined {
  if (record === undefined || decision.statusReason === undefined) return undefined;
  return { ...base(decision, decision.statusReason), record };
}

function created(decision: Decision, record: KnownMachine | undefined, machine: Report['machine']): Conclusion {
  const message =
    record === undefined
      ? 'the provider accepted the VM without returning its id; the operator looks for it by its name'
      : `VM ${record.id} is being provisioned`;
  const report: Report = {
    ...base(decision, { reason: 'Creating', message }),
    record,
    machine,
    state: machine === undefined ? 'Pending' : undefined,
  };
  return { ...quiet, report, fastPolling: true, reread: 'List' };
}

function unwritten(o: Observed, decision: Decision, action: Action, error: KubeError, after: number): Conclusion {
  const { operation, startFailure } = o.object.status ?? {};
  const report: Report = { ...base(decision, writeRefused(o, action, error)), operation, startFailure };
  return { ...quiet, report, after, unwritten: action.type };
}

function createFailed(o: Observed, decision: Decision, failure: Failure, failures: number, random: number): Conclusion {
  if (failure.class === 'UnknownOutcome') {
    const message = `the result of the create request for ${quoted(o.providerName)} is unknown (${describeFailure(failure)}); checking whether the VM exists`;
    const statusReason = { reason: 'CreateOutcomeUnknown', message } as const;
    return { ...quiet, report: base(decision, statusReason), fastPolling: true, reread: 'List' };
  }
  if (failure.class === 'Terminal')
    return { ...quiet, report: base(decision, refused(failure)), fastPolling: true, reread: 'List' };
  const hold = holdFor(failure, failures, random);
  return { ...quiet, report: base(decision, failedNow(o, failure)), after: hold, hold };
}

function callFailed(o: Observed, decision: Decision, failure: Failure, failures: number, random: number): Conclusion {
  const { refusedFor } = o.history;
  const slower = Math.min(retryDelays.longest, refusedFor / 10);
  const hold = Math.max(holdFor(failure, failures, random), slower);
  const operation = operationAfterFailure(o, decision.action, failure);
  const statusReason = isRefusedAsBusy(failure) ? providerBusy(o, failure.operation, failure) : failedNow(o, failure);
  const report: Report = { ...base(decision, statusReason), operation };
  return { ...quiet, report, after: hold, hold, fastPolling: true, reread: 'Machine' };
}

/** The failure with the pause that this response asks for, which is newer than the observation. */
function failedNow(o: Observed, failure: Failure): StatusReason {
  return fromFailure({ ...o, rateLimitedFor: isRefusedAsBusy(failure) ? 0 : (failure.retryAfter ?? 0) }, failure);
}

/** Whether the provider refused temporarily: 406, or 400 to the delete of a machine that it considers running. */
export function isRefusedAsBusy(failure: Failure): boolean {
  return failure.class === 'Wait' && failure.code !== 'RateLimited';
}

/**
 * A start or stop is recorded after it was accepted, or when its response was lost: what it leads to isn't power drift.
 * A restart or a power cut is recorded before: if it certainly was not sent, it is marked as never attempted; if its
 * response was lost, the record stays.
 */
function operationAfterFailure(o: Observed, action: Action, failure: Failure): OperationStatus | undefined {
  const before = o.object.status?.operation;
  // A login page or a redirect may hide a call that had its effect.
  const isUnknown =
    failure.class === 'UnknownOutcome' || failure.code === 'HtmlResponse' || failure.code === 'Redirected';
  if (action.type === 'Start' || action.type === 'Stop') {
    const isRepeated = before?.type === action.type && before.lastResult === undefined;
    return isUnknown && !isRepeated ? { ...action.operation, lastResult: failure.code } : before;
  }
  if (action.type !== 'Kill' && action.type !== 'Restart') return before;
  if (isUnknown) return action.operation;
  // An earlier call of the same kind stays on record, with its time.
  const isRepeated = before?.type === action.type && (before.attempts ?? 1) > 0;
  return isRepeated
    ? { ...before, lastResult: failure.code }
    : { ...action.operation, attempts: 0, lastResult: failure.code };
}

function holdFor(failure: Failure, failures: number, random: number): number {
  if (isRefusedAsBusy(failure)) return Math.max(failure.retryAfter ?? 0, busyHold * (1 + random));
  if (failure.class === 'Wait') return failure.retryAfter ?? busyHold * (1 + random);
  return backoff(failures, random);
}

const stateAfter: Partial<Record<Action['type'], MachineState>> = {
  Start: 'Starting',
  Stop: 'Halting',
  Restart: 'Halting',
  Kill: 'Halting',
};

function accepted(decision: Decision): Report | undefined {
  const { action, statusReason } = decision;
  if (statusReason === undefined) return undefined;
  const operation = 'operation' in action ? action.operation : undefined;
  // After a crash, this decides whether the restart is requested again.
  const recordedOperation: OperationStatus | undefined =
    action.type === 'Restart' && operation !== undefined ? { ...operation, lastResult: acceptedResult } : operation;
  return { ...base(decision, statusReason), operation: recordedOperation, state: stateAfter[action.type] };
}

/** What the status reports of a decision; undefined if nothing is new. */
function reportOf(decision: Decision, operation: OperationStatus | undefined): Report | undefined {
  return decision.statusReason === undefined ? undefined : { ...base(decision, decision.statusReason), operation };
}

function base(decision: Decision, statusReason: Report['statusReason']): Report {
  const { operation, startFailure, handledRestart, plannedActions } = decision;
  return { statusReason, operation, startFailure, handledRestart, plannedActions };
}

/**
 * How soon a reconciliation that executed nothing has to continue because of the status that it stored, in milliseconds. The event of
 * an own write enqueues nothing, and a decision may rest on that status: when a restart is recorded as done, the next one may be due.
 * Infinity: the same observation with this status leads to nothing new.
 */
export function continuesAfter(
  observed: Observed,
  { fastPolling }: Decision,
  execution: Execution,
  stored: VirtualMachine | undefined,
): number {
  const isStored = stored?.metadata.resourceVersion !== observed.object.metadata.resourceVersion;
  if (execution.type !== 'Nothing' || stored?.status === undefined || !isStored) return Infinity;
  const o: Observed = { ...observed, object: { ...observed.object, status: stored.status } };
  const next = plan(o);
  if (next.action.type !== 'None' || next.fastPolling !== fastPolling) return 0;
  const report = reportOf(next, next.operation);
  if (report !== undefined && isWorthWriting(stored.status, statusFor(o, report))) return 0;
  return next.after ?? Infinity;
}
