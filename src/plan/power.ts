import { annotate, patchSpec } from '../api/v1alpha1/commands.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import type { OperationStatus, PowerState } from '../api/v1alpha1/types.ts';
import type { Machine } from '../domain/machine.ts';
import { type Decision, type StatusReason, requeue } from './action.ts';
import { actualOf, compareWithSpec } from './as-specified.ts';
import {
  ageOf,
  awaitTransition,
  graceOf,
  inEffect,
  isAccepted,
  issue,
  lateHalt,
  lateStart,
  operationInFlight,
  shutdownAge,
} from './power-call.ts';
import type { Observed } from './observed.ts';
import { restart, restarting } from './restart.ts';
import { startFailureAfter } from './call-backoff.ts';
import { failedTaskNote, provisioningFailed } from './task.ts';
import { toSeconds } from '../domain/clock.ts';

/**
 * The power state that the VM is to have now. A schedule can halt a VM that is to run, and never starts one that isn't:
 *
 * | spec.powerState | spec.powerSchedule | keep-running-until | desired |
 * | --------------- | ------------------ | ------------------ | ------- |
 * | Halted          | any                | any                | Halted  |
 * | Running         | in a window        | past or none       | Halted  |
 * | Running         | in a window        | in the future      | Running |
 * | Running         | none or outside    | any                | Running |
 */
export function desiredPowerState(o: Observed): PowerState {
  return isHaltedBySchedule(o) ? 'Halted' : o.object.spec.powerState;
}

function isHaltedBySchedule(o: Observed): boolean {
  return o.object.spec.powerState === 'Running' && o.schedule?.kind === 'Halted' && !isKeptRunning(o);
}

/** When the schedule ends the halt (epoch milliseconds); undefined if it doesn't halt the VM now, or if that isn't known. */
export function haltedUntil(o: Observed): number | undefined {
  return isHaltedBySchedule(o) && o.schedule?.kind === 'Halted' ? o.schedule.until : undefined;
}

/** When the schedule next halts a VM that is to run now (epoch milliseconds), if that is known. */
export function nextHalt(o: Observed): number | undefined {
  return desiredPowerState(o) === 'Running' ? o.nextHaltAt : undefined;
}

/** Whether a window of the schedule has no effect now, because the user wants the VM to run. */
export function isKeptRunning({ now, requests, schedule }: Observed): boolean {
  return schedule?.kind === 'Halted' && (requests.keepRunningUntil ?? 0) > now;
}

/**
 * The power table. "stop" is the shutdown signal, which the guest may ignore; "kill" cuts the power.
 *
 * | wanted \ seen | Pending, Starting | Running                | Halting                  | Halted                      |
 * | ------------- | ----------------- | ---------------------- | ------------------------ | --------------------------- |
 * | Running       | wait              | done; restart if requested | wait; kill as below      | start, unless backing off   |
 * | Halted        | wait              | stop, or kill by mode  | wait; past deadline kill | done                        |
 *
 * A call that was accepted but shows no effect is sent again, with exponential backoff. `Soft` never kills.
 * A stop request can't be canceled: after the grace period, the operator cuts the power even if the VM is to run by then, because a guest that
 * ignores the signal would stay in Halting. Without `force-power-off`, the operator only waits for a shutdown that began elsewhere.
 * In an unknown state, no call is sent. For an object that is being deleted, delete.ts ends transitions that don't end. The provider takes a restart through halting, halted and starting.
 */
export function power(o: Observed, machine: Machine, wanted: PowerState): Decision {
  switch (machine.state) {
    case 'Unknown':
      return requeue(
        {
          reason: 'ProtocolError',
          message: `VM ${machine.id} is in a state that the operator does not know; it sends no power call until that changes`,
        },
        { operation: o.object.status?.operation, startFailure: o.object.status?.startFailure },
      );
    case 'Pending':
      return pending(o, machine);
    case 'Starting':
      return awaitTransition(
        o,
        restartInFlight(o, machine) ?? { reason: 'Starting', message: `VM ${machine.id} is starting` },
      );
    case 'Running':
      return wanted === 'Running' ? running(o, machine) : powerOff(o, machine);
    case 'Halting':
      return wanted === 'Running' ? reverseShutdown(o, machine) : powerOff(o, machine);
    case 'Halted':
      return wanted === 'Running' ? halted(o, machine) : requeue(haltedAsDesired(o, machine), lateStart(o));
  }
}

function haltedAsDesired(o: Observed, machine: Machine): StatusReason {
  if (!isHaltedBySchedule(o)) return { reason: 'Available', message: matching(o, machine) };
  const message = `VM ${machine.id} is halted by spec.powerSchedule${untilText(o)}; to run it now: ${keepRunning(o)}`;
  return { reason: 'HaltedBySchedule', message };
}

function untilText(o: Observed): string {
  const until = haltedUntil(o);
  return until === undefined ? '' : ` until ${toSeconds(until)}`;
}

/** The command that ends the present halt of the schedule. Without a known end, it is an hour. */
function keepRunning(o: Observed): string {
  const until = haltedUntil(o) ?? o.now + 60 * 60_000;
  return annotate(o.object.metadata, { [annotations.keepRunningUntil]: toSeconds(until) });
}

/** Ready is only about the power state: AsSpecified reports any other difference, or that it isn't known. */
function matching({ object }: Observed, machine: Machine): string {
  const { result } = compareWithSpec(object, machine.id, actualOf(machine, object.status));
  const what = result === 'Same' ? 'matches the spec' : 'its power state matches the spec';
  return `VM ${machine.id} is ${machine.state.toLowerCase()}; ${what}${failedTaskNote(machine)}`;
}

/** Nothing follows from a failed task: if the VM changes nevertheless, a list shows it. */
function pending(o: Observed, machine: Machine): Decision {
  const failed = provisioningFailed(machine);
  if (failed === undefined)
    return awaitTransition(o, { reason: 'Creating', message: `VM ${machine.id} is being provisioned` });
  return requeue(failed, { operation: o.object.status?.operation, startFailure: o.object.status?.startFailure });
}

/**
 * Like the message above, plus what follows from power drift: the power of a VM in sync changed outside the operator.
 */
export function correctOrReport(o: Observed, machine: Machine): Decision {
  const wanted = desiredPowerState(o);
  if (!isDrifted(o, machine)) {
    const awaited = wanted === 'Halted' ? endOfRestart(o, machine) : undefined;
    return awaited ?? power(o, machine, wanted);
  }
  const isBySchedule = isHaltedBySchedule(o);
  const why = isBySchedule ? 'spec.powerSchedule halts it' : `spec.powerState is ${wanted}`;
  const message = `power drift: VM ${machine.id} is ${machine.state.toLowerCase()} but ${why}${isBySchedule ? untilText(o) : ''}`;
  if (o.object.spec.powerDriftPolicy !== 'Report')
    return { ...power(o, machine, wanted), event: isApproved(o) ? undefined : { reason: 'PowerDrift', message } };
  const { metadata, status } = o.object;
  const correct = patchSpec(metadata, { powerDriftPolicy: 'Correct' });
  const keep = isBySchedule
    ? keepRunning(o)
    : patchSpec(metadata, { powerState: wanted === 'Running' ? 'Halted' : 'Running' });
  const remedies = `to have the operator correct it: ${correct}; to keep it: ${keep}`;
  return requeue({ reason: 'PowerDrift', message: `${message}; ${remedies}` }, { startFailure: status?.startFailure });
}

/**
 * A restart in progress, for a VM that is to be halted: if it was recorded as halted on its way, its start would look
 * like power drift. A shutdown that takes longer than its grace period is cut short.
 */
function endOfRestart(o: Observed, machine: Machine): Decision | undefined {
  const operation = operationInFlight(o, 'Restart');
  if (operation === undefined) return undefined;
  const awaitFor = (left: number): Decision | undefined =>
    left > 0 ? awaitTransition(o, restarting(machine), { operation, after: left }) : undefined;
  if (machine.state === 'Halted') return awaitFor(o.limits.visibilityWindow - o.history.stateFor);
  if (o.object.spec.powerOff.mode === 'Hard' || o.requests.isPowerOffForced) return undefined;
  if (machine.state === 'Halting')
    return awaitFor(o.object.spec.powerOff.mode === 'Soft' ? Infinity : graceOf(o) - o.history.stateFor);
  if (machine.state !== 'Running') return undefined;
  const restarted = restart(o, machine);
  if (restarted === 'Done') return { ...power(o, machine, 'Halted'), handledRestart: operation.restartRequest };
  const isRecent = ageOf(o, operation) < o.limits.stuckAfter;
  return isRecent && restarted?.action.type === 'None' ? restarted : undefined;
}

/**
 * Power drift: the VM had the power state of the spec, no operation is in progress, and the VM is now in the other
 * state or in transition to it.
 */
function isDrifted(o: Observed, machine: Machine): boolean {
  const { status } = o.object;
  const wanted = desiredPowerState(o);
  if (status?.internal?.lastSyncedPowerState !== wanted || status.operation !== undefined) return false;
  return wanted === 'Running'
    ? machine.state === 'Halting' || machine.state === 'Halted'
    : machine.state === 'Starting' || machine.state === 'Running';
}

/** Whether the user let the operator act after the status showed what is due. */
function isApproved({ object }: Observed): boolean {
  const reason = object.status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
  return reason === 'ObserveOnly' || reason === 'PlanOnly';
}

function restartInFlight(o: Observed, machine: Machine) {
  return operationInFlight(o, 'Restart') === undefined ? undefined : restarting(machine);
}

/** A guest that runs this long after a start counts as started. */
const steadyAfter = 60_000;

function running(o: Observed, machine: Machine): Decision {
  const restarted = restart(o, machine);
  if (restarted !== undefined && restarted !== 'Done') return restarted;
  const handledRestart = restarted === 'Done' ? o.object.status?.operation?.restartRequest : undefined;
  const statusReason = { reason: 'Available', message: matching(o, machine) } as const;
  const startFailure = o.object.status?.startFailure;
  const late = lateHalt(o);
  const left = startFailure === undefined ? 0 : steadyAfter - seenUpFor(o);
  // A guest that halted again before is watched until it has run for that long.
  return left <= 0
    ? requeue(statusReason, { handledRestart, ...late })
    : requeue(statusReason, {
        handledRestart,
        startFailure,
        operation: late?.operation,
        after: Math.min(left, late?.after ?? Infinity),
        fastPolling: true,
      });
}

/** A VM that is halted during a restart starts by itself; if it stays halted, the operator starts it. */
function halted(o: Observed, machine: Machine): Decision {
  const operation = operationInFlight(o, 'Restart');
  const left = o.limits.visibilityWindow - o.history.stateFor;
  if (operation !== undefined && left > 0) return awaitTransition(o, restarting(machine), { operation, after: left });
  const decision = start(o, machine);
  return operation === undefined ? decision : { ...decision, handledRestart: operation.restartRequest };
}

function start(o: Observed, machine: Machine): Decision {
  const operation = operationInFlight(o, 'Start');
  const failureBefore = o.object.status?.startFailure;
  const cameUp = operation !== undefined && (o.history.lastUpAt ?? 0) > o.now - ageOf(o, operation);
  const wasUpBriefly =
    o.object.status?.operation === undefined &&
    o.object.status?.state === 'Running' &&
    isReady(o) &&
    seenUpFor(o) < steadyAfter;
  // A guest that doesn't stay up halts by itself; a VM that was halted outside the operator is simply started again.
  if ((cameUp || wasUpBriefly) && !o.history.wasActedOn) {
    const failure = startFailureAfter(failureBefore, o.now, o.object.metadata.uid);
    return backingOff(machine, failure, o.now);
  }
  const isBackingOff = failureBefore?.retryTime !== undefined && Date.parse(failureBefore.retryTime) > o.now;
  // A user who requests a reconciliation may have fixed the guest.
  if (isBackingOff && o.requests.reconcile === undefined) return backingOff(machine, failureBefore, o.now);

  const statusReason = { reason: 'Starting', message: `VM ${machine.id} is starting` } as const;
  const before = operation !== undefined && isAccepted(operation) ? operation : undefined;
  return issue(o, machine, { type: 'Start', statusReason, before, base: o.limits.visibilityWindow });
}

function backingOff(
  machine: Machine,
  failure: NonNullable<ReturnType<typeof startFailureAfter>>,
  now: number,
): Decision {
  const message = `VM ${machine.id} halted again after ${failure.count} start(s); next start at ${failure.retryTime}`;
  return requeue(
    { reason: 'StartBackoff', message },
    { startFailure: failure, after: Math.max(0, Date.parse(failure.retryTime ?? failure.lastTime) - now) },
  );
}

/** The VM is halting and is to run: it has to be halted first. */
function reverseShutdown(o: Observed, machine: Machine): Decision {
  const [kill, stop] = [operationInFlight(o, 'Kill'), operationInFlight(o, 'Stop')];
  const ofRestart = restartInFlight(o, machine);
  if (ofRestart !== undefined) return awaitTransition(o, ofRestart);
  const isManaged = o.object.spec.managementPolicy === 'Manage';
  const then = isManaged ? 'the operator starts it after that' : 'its start is due after that';
  const statusReason = { reason: 'Stopping', message: `VM ${machine.id} is halting; ${then}` } as const;
  const isOurs = kill !== undefined || stop !== undefined;
  if (o.object.spec.powerOff.mode === 'Soft') return awaitTransition(o, statusReason);
  if (!isOurs && !o.requests.isPowerOffForced) {
    const hint = isManaged
      ? `; to cut its power now: ${annotate(o.object.metadata, { [annotations.forcePowerOff]: 'true' })}`
      : '';
    return awaitTransition(o, { ...statusReason, message: statusReason.message + hint });
  }
  const left = graceOf(o) - (stop === undefined ? 0 : shutdownAge(o, stop));
  if (kill === undefined && stop !== undefined && left > 0)
    return awaitTransition(o, statusReason, { operation: stop, after: left });
  const cut = `cutting the power of VM ${machine.id}; the operator starts it after that`;
  const base = o.limits.visibilityWindow;
  return issue(o, machine, { type: 'Kill', statusReason: { reason: 'Stopping', message: cut }, before: kill, base });
}

/** Powers off by the mode of the spec. */
function powerOff(o: Observed, machine: Machine): Decision {
  const { mode } = o.object.spec.powerOff;
  const grace = graceOf(o);
  const kill = inEffect(o, machine, 'Kill');
  const stop = inEffect(o, machine, 'Stop');
  const cut = { reason: 'Stopping', message: `cutting the power of VM ${machine.id}` } as const;
  const window = o.limits.visibilityWindow;

  if (mode === 'Hard') return issue(o, machine, { type: 'Kill', statusReason: cut, before: kill, base: window });
  if (mode === 'TrySoft') {
    if (kill !== undefined) return issue(o, machine, { type: 'Kill', statusReason: cut, before: kill, base: window });
    // A shutdown that began outside the operator isn't recorded: its grace period starts when it was first observed.
    const waited = stop !== undefined ? shutdownAge(o, stop) : machine.state === 'Halting' ? o.history.stateFor : -1;
    if (waited >= grace) return issue(o, machine, { type: 'Kill', statusReason: cut, before: undefined, base: window });
    if (waited >= 0) return awaitShutdown(o, machine, stop, grace - waited);
  }
  if (machine.state === 'Halting') return awaitShutdown(o, machine, stop, undefined);
  const statusReason = { reason: 'Stopping', message: shutdownMessage(machine) } as const;
  const details = mode === 'TrySoft' ? { deadlineTime: new Date(o.now + grace).toISOString() } : {};
  const base = o.object.spec.powerOff.gracePeriodSeconds * 1_000;
  return issue(o, machine, { type: 'Stop', statusReason, before: stop, base, details });
}

function awaitShutdown(
  o: Observed,
  machine: Machine,
  stop: OperationStatus | undefined,
  left: number | undefined,
): Decision {
  return awaitTransition(
    o,
    { reason: 'Stopping', message: shutdownMessage(machine) },
    { operation: stop, after: left },
  );
}

function shutdownMessage(machine: Machine): string {
  return `the operator sent VM ${machine.id} the shutdown signal`;
}

/**
 * How long the VM was observed running since it was last Ready, in milliseconds: lists may be a minute apart, and it
 * may have halted right after one. Without a remembered list, it may have run until now.
 */
function seenUpFor(o: Observed): number {
  const since = readySince(o);
  return since === undefined ? 0 : Math.max(0, (o.history.lastUpAt ?? o.now) - since);
}

function isReady(o: Observed): boolean {
  return readySince(o) !== undefined;
}

/** Epoch milliseconds. */
function readySince(o: Observed): number | undefined {
  const ready = o.object.status?.conditions?.find((condition) => condition.type === 'Ready');
  return ready?.status === 'True' ? Date.parse(ready.lastTransitionTime) : undefined;
}
