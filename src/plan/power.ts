import type { OperationStatus, OperationType, PowerState } from '../api/v1alpha1/types.ts';
import { parseDuration } from '../model/duration.ts';
import { type Machine, isTaskBusy } from '../model/machine.ts';
import { type Action, type Decision, act, wait } from './action.ts';
import type { Observed } from './observed.ts';
import { patienceAfter } from './pace.ts';
import { startFailureAfter } from './start-failure.ts';

/**
 * The power table. "stop" is the shutdown signal, which the guest may ignore; "kill" cuts the power.
 *
 * | wanted \ seen | Pending, Starting | Running                | Halting                  | Halted                      |
 * | ------------- | ----------------- | ---------------------- | ------------------------ | --------------------------- |
 * | Running       | wait              | done                   | wait                     | start, unless backing off   |
 * | Halted        | wait              | stop, or kill by mode  | wait; past deadline kill | done                        |
 *
 * A call that was accepted but shows no effect is sent again, ever more slowly. `Soft` never kills.
 * A state this version does not know is left alone.
 */
export function power(o: Observed, machine: Machine, wanted: PowerState): Decision {
  switch (machine.state) {
    case 'Unknown':
      return wait(
        { reason: 'ProtocolError', message: `machine ${machine.id} is in a state this version does not know` },
        { operation: o.object.status?.operation, startFailure: o.object.status?.startFailure },
      );
    case 'Pending':
      return transit(o, { reason: 'Creating', message: `machine ${machine.id} is being provisioned` });
    case 'Starting':
      return transit(o, { reason: 'Starting', message: `machine ${machine.id} is starting` });
    case 'Running':
      return wanted === 'Running' ? running(o, machine) : powerOff(o, machine);
    case 'Halting':
      return wanted === 'Running'
        ? transit(o, {
            reason: 'Stopping',
            message: `machine ${machine.id} is halting; it is started again after that`,
          })
        : powerOff(o, machine);
    case 'Halted':
      return wanted === 'Running'
        ? start(o, machine)
        : wait({ reason: 'Available', message: `machine ${machine.id} is halted, as asked` });
  }
}

/** A guest that stays up this long after a start has started. */
const steadyAfter = 60_000;

function running(o: Observed, machine: Machine): Decision {
  const verdict = { reason: 'Available', message: `machine ${machine.id} is running` } as const;
  const startFailure = o.object.status?.startFailure;
  if (startFailure === undefined) return wait(verdict);
  const upFor = readyFor(o) ?? 0;
  return upFor >= steadyAfter ? wait(verdict) : wait(verdict, { startFailure, after: steadyAfter - upFor });
}

function start(o: Observed, machine: Machine): Decision {
  const operation = current(o, 'Start');
  const before = o.object.status?.startFailure;
  const cameUp = operation !== undefined && (o.history.lastUpAt ?? 0) > Date.parse(operation.startedAt);
  const wasUpBriefly =
    operation === undefined && o.object.status?.state === 'Running' && (readyFor(o) ?? Infinity) < steadyAfter;
  // A guest that does not stay up goes down without anybody's doing; one that others halted is simply started again.
  if ((cameUp || wasUpBriefly) && !o.history.wasActedOn) {
    const failure = startFailureAfter(before, o.now, o.object.metadata.uid);
    return backingOff(machine, failure, o.now);
  }
  if (before?.retryAfter !== undefined && Date.parse(before.retryAfter) > o.now)
    return backingOff(machine, before, o.now);

  const verdict = { reason: 'Starting', message: `machine ${machine.id} is starting` } as const;
  return send(o, machine, { type: 'Start', verdict, before: operation, base: o.limits.visibilityWindow });
}

function backingOff(
  machine: Machine,
  failure: NonNullable<ReturnType<typeof startFailureAfter>>,
  now: number,
): Decision {
  const message = `machine ${machine.id} fell back to halted after ${failure.count} start(s); next start at ${failure.retryAfter}`;
  return wait(
    { reason: 'StartBackoff', message },
    { startFailure: failure, after: Math.max(0, Date.parse(failure.retryAfter ?? failure.lastAt) - now) },
  );
}

/** Powers off by the mode of the spec. */
function powerOff(o: Observed, machine: Machine): Decision {
  const { mode } = o.object.spec.powerOff;
  const grace = parseDuration(o.object.spec.powerOff.gracePeriod) ?? 0;
  const kill = current(o, 'Kill');
  const stop = current(o, 'Stop');
  const cut = { reason: 'Stopping', message: `power of machine ${machine.id} is being cut` } as const;
  const window = o.limits.visibilityWindow;

  if (mode === 'Hard') return send(o, machine, { type: 'Kill', verdict: cut, before: kill, base: window });
  if (mode === 'TrySoft') {
    if (kill !== undefined) return send(o, machine, { type: 'Kill', verdict: cut, before: kill, base: window });
    // A shutdown that someone else began has no record: patience starts when it was first seen.
    const waited =
      stop !== undefined ? o.now - Date.parse(stop.startedAt) : machine.state === 'Halting' ? o.history.stateFor : -1;
    if (waited >= grace) return send(o, machine, { type: 'Kill', verdict: cut, before: undefined, base: window });
    if (waited >= 0) return awaitShutdown(o, machine, stop, grace - waited);
  }
  if (machine.state === 'Halting') return awaitShutdown(o, machine, stop, undefined);
  const verdict = { reason: 'Stopping', message: shutdownMessage(machine) } as const;
  const deadline = mode === 'TrySoft' ? new Date(o.now + grace).toISOString() : undefined;
  return send(o, machine, { type: 'Stop', verdict, before: stop, base: grace, deadline });
}

function awaitShutdown(
  o: Observed,
  machine: Machine,
  stop: OperationStatus | undefined,
  left: number | undefined,
): Decision {
  return transit(o, { reason: 'Stopping', message: shutdownMessage(machine) }, { operation: stop, after: left });
}

function shutdownMessage(machine: Machine): string {
  return `machine ${machine.id} was sent the shutdown signal`;
}

interface Call {
  readonly type: 'Start' | 'Stop' | 'Kill';
  readonly verdict: { readonly reason: 'Starting' | 'Stopping'; readonly message: string };
  /** The same operation when it was already sent. */
  readonly before: OperationStatus | undefined;
  /** Patience before sending again; it doubles each time. Milliseconds. */
  readonly base: number;
  readonly deadline?: string | undefined;
}

/** Sends a power call, unless it is under way, or the provider is at work on the machine. */
function send(o: Observed, machine: Machine, call: Call): Decision {
  const { before } = call;
  if (before !== undefined) {
    const attempts = before.attempts ?? 1;
    const again = Date.parse(before.startedAt) + patienceAfter(attempts, call.base);
    if (again > o.now) return transit(o, call.verdict, { operation: before, after: again - o.now });
    return act(action(call.type, machine.id, { ...before, attempts: attempts + 1 }), stuck(o, before) ?? call.verdict, {
      operation: before,
      urgent: true,
      startFailure: o.object.status?.startFailure,
    });
  }
  if (isTaskBusy(machine.lastTask) && call.type !== 'Kill' && o.history.taskBusyFor < o.limits.stuckAfter) {
    const message = `the provider is at work on machine ${machine.id} (${machine.lastTask?.name ?? 'task'} ${machine.lastTask?.status ?? ''})`;
    return wait(
      { reason: 'ProviderBusy', message },
      // A task that stays as it is changes nothing that would wake anybody.
      {
        urgent: true,
        startFailure: o.object.status?.startFailure,
        after: o.limits.stuckAfter - o.history.taskBusyFor,
      },
    );
  }
  const operation: OperationStatus = {
    type: call.type,
    startedAt: new Date(o.now).toISOString(),
    ...(call.deadline === undefined ? {} : { deadline: call.deadline }),
    attempts: 1,
  };
  return act(action(call.type, machine.id, operation), call.verdict, {
    operation,
    urgent: true,
    startFailure: o.object.status?.startFailure,
  });
}

function action(type: Call['type'], id: number, operation: OperationStatus): Action {
  return { type, id, operation };
}

/** A shutdown may take the grace period that the user gave it before it counts as stuck. */
function patienceOf(o: Observed, operation: OperationStatus | undefined): number {
  const isShutdown =
    operation?.type === 'Stop' || (o.machine.kind === 'Present' && o.machine.machine.state === 'Halting');
  return o.limits.stuckAfter + (isShutdown ? (parseDuration(o.object.spec.powerOff.gracePeriod) ?? 0) : 0);
}

/** Waits for a transition to end, and says so when it takes too long. */
function transit(
  o: Observed,
  verdict: { readonly reason: 'Creating' | 'Starting' | 'Stopping'; readonly message: string },
  rest: { readonly operation?: OperationStatus | undefined; readonly after?: number | undefined } = {},
): Decision {
  const operation = 'operation' in rest ? rest.operation : o.object.status?.operation;
  const patience = patienceOf(o, operation) - o.history.stateFor;
  const after = Math.min(rest.after ?? Infinity, patience > 0 ? patience : Infinity);
  return wait(stuck(o, operation) ?? verdict, {
    operation,
    urgent: true,
    startFailure: o.object.status?.startFailure,
    after: Number.isFinite(after) ? after : undefined,
  });
}

function stuck(o: Observed, operation: OperationStatus | undefined) {
  const since = operation === undefined ? o.history.stateFor : o.now - Date.parse(operation.startedAt);
  if (since < patienceOf(o, operation)) return undefined;
  const what = operation === undefined ? 'the transition' : `${operation.type.toLowerCase()}`;
  return {
    reason: 'PowerTransitionStuck',
    message: `${what} of the machine did not finish in ${Math.round(o.limits.stuckAfter / 1000)} s; tried again ever more slowly`,
  } as const;
}

function current(o: Observed, type: OperationType): OperationStatus | undefined {
  const operation = o.object.status?.operation;
  return operation?.type === type && Number.isFinite(Date.parse(operation.startedAt)) ? operation : undefined;
}

/** How long the object has been Ready, in milliseconds; undefined when it is not. */
function readyFor(o: Observed): number | undefined {
  const ready = o.object.status?.conditions?.find((condition) => condition.type === 'Ready');
  return ready?.status === 'True' ? o.now - Date.parse(ready.lastTransitionTime) : undefined;
}
