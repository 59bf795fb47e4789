import { patchSpec } from '../api/v1alpha1/commands.ts';
import type { PlannedAction } from '../api/v1alpha1/types.ts';
import { type Action, type Decision, requeue, isProviderCall, type StatusReason, keptOperations } from './action.ts';
import { isKeptRunning } from './power.ts';
import type { Observed } from './observed.ts';
import { sequenceOf } from './sequence.ts';
import { rateLimitPause } from './failure-status.ts';
import { quoted } from '../domain/text.ts';
import { deletionRefused, isDeletionProtected } from './protection.ts';
import { toSeconds } from '../domain/clock.ts';

/**
 * The management policy: a filter over every decision, so that no rule and no call depends on it.
 *
 * | action                                   | Manage | Plan                    | Observe                    |
 * | ---------------------------------------- | ------ | ----------------------- | -------------------------- |
 * | none, releasing the finalizer              | done   | done                    | done                       |
 * | a call to the provider, adopting a VM         | done   | shown, with what follows | kept back, ObserveOnly     |
 * | recording a VM that is proven the object's, its password | done | done       | kept back                  |
 */
export function underPolicy(o: Observed, decision: Decision): Decision {
  const action = dueOf(o, decision);
  const policy = o.object.spec.managementPolicy;
  if (policy === 'Manage' || action.type === 'None' || action.type === 'ReleaseFinalizer') return decision;
  const sequence = sequenceOf(o, action);
  if (policy === 'Observe') {
    const due = sequence === undefined ? 'an update of the record' : textOf(sequence);
    const message = `due: ${due}; spec.managementPolicy is Observe, so the operator doesn't do it`;
    return requeue({ reason: 'ObserveOnly', message }, keptOperations(o));
  }
  if (sequence === undefined) return decision;
  const message = `planned: ${textOf(sequence)}. To approve: ${patchSpec(o.object.metadata, { managementPolicy: 'Manage' })}`;
  return requeue({ reason: 'PlanOnly', message }, { ...keptOperations(o), plannedActions: sequence });
}

/**
 * A deletion that is delayed only by its rate limit is due as well: until it is approved, it needs no place in that
 * queue.
 */
function dueOf({ machine }: Observed, { action, awaitsDelete }: Decision): Action {
  return awaitsDelete && machine.kind === 'Present' ? { type: 'Delete', id: machine.machine.id } : action;
}

/** Whether nothing may be written for the object, so that rules that only record don't apply. */
export function isObserving(o: Observed): boolean {
  return o.object.spec.managementPolicy === 'Observe';
}

function textOf(sequence: readonly PlannedAction[]): string {
  return sequence.map(({ message }) => message).join(', then ');
}

/** How long a new leader usually takes to read all Accounts. */
const accountsReadWithin = 5_000;

/** An Account may pause the object. A wait that usually ends within seconds after a start isn't reported. */
function accountsUnknown(o: Observed, held: Partial<Decision>): Decision {
  if (o.history.knownFor < accountsReadWithin) return requeue(undefined, { ...held, after: 500 });
  const message =
    'the operator sends no request that changes a VM before it has read all Accounts, one of which may pause it';
  return requeue({ reason: 'AccountLimitsUnknown', message }, { ...held, after: 5_000 });
}

/** A filter over every decision: no call is sent before the time that the provider asked for. */
export function deferCalls(o: Observed, decision: Decision): Decision {
  if (!isProviderCall(decision.action)) return decision;
  const held = { ...keptOperations(o), fastPolling: decision.fastPolling };
  if (!o.isPauseKnown) return accountsUnknown(o, held);
  if (o.rateLimitedFor > 0) {
    const message = `the provider asked for fewer requests. ${rateLimitPause(o)}`;
    return requeue({ reason: 'RateLimited', message }, { ...held, after: o.rateLimitedFor });
  }
  if (o.isProviderUnavailable) {
    const message = 'the provider is unavailable; the operator sends the request after a list succeeds';
    return requeue({ reason: 'ProviderUnavailable', message }, held);
  }
  // The key was replaced; the first response to the new one, which is in flight, decides.
  if (o.isKeyChanging) return requeue(undefined, held);
  const left = (o.history.notBefore ?? 0) - o.now;
  return left > 0 ? requeue(undefined, { ...held, after: left }) : decision;
}

/**
 * A write that Kubernetes refused would be refused again: the operator retries with exponential backoff, or when the
 * object changes.
 */
export function unwritable(o: Observed, decision: Decision): Decision {
  const { writeRefusal } = o.history;
  if (writeRefusal?.action !== decision.action.type) return decision;
  const { message, until } = writeRefusal;
  return requeue({ reason: 'WriteRefused', message }, { ...keptOperations(o), after: Math.max(0, until - o.now) });
}

/**
 * A filter over every decision: a call that has waited for a slot for a while is reported before it queues again. A
 * short wait needs no status write. Other delays have their own reasons.
 */
export function queued(o: Observed, decision: Decision): Decision {
  const { action, statusReason } = decision;
  if (o.history.isQueued !== true || !isProviderCall(action) || statusReason === undefined) return decision;
  const waits = `waiting for a slot in the request queue of the account, to ${describe(o, action)}; the rate limiter and the concurrency limit assign slots`;
  const rest = { ...keptOperations(o), fastPolling: decision.fastPolling, reportsWait: true, after: 0 };
  return requeue(waiting(o, statusReason, waits), rest);
}

/** What is reported while the provider takes long to answer the call. */
export function unanswered(o: Observed, { action, statusReason }: Decision): StatusReason | undefined {
  if (statusReason === undefined) return undefined;
  return waiting(o, statusReason, `waiting for the provider's response to the request to ${describe(o, action)}`);
}

function waiting({ object }: Observed, { reason }: StatusReason, message: string): StatusReason {
  return isDeletionProtected(object)
    ? deletionRefused(object, { reason: 'ProviderBusy', message })
    : { reason, message };
}

function describe({ providerName }: Observed, action: Action): string {
  switch (action.type) {
    case 'Create':
      return `create VM ${quoted(providerName)}`;
    case 'Start':
      return `start VM ${action.id}`;
    case 'Stop':
      return `send VM ${action.id} the shutdown signal`;
    case 'Restart':
      return `restart VM ${action.id}`;
    case 'Kill':
      return `cut the power of VM ${action.id}`;
    case 'Delete':
      return `delete VM ${action.id}`;
    case 'None':
    case 'RecordIdentity':
    case 'CompleteIdentity':
    case 'WritePassword':
    case 'WithdrawIntent':
    case 'ReleaseFinalizer':
      return 'continue';
  }
}

/** A create takes less time if the provider responds quickly, and then needs no intermediate status. Milliseconds. */
const firstReport = 1_000;

/** An object without conditions looks as if no operator ran: after one second it shows what the operator waits for. */
export function explained(o: Observed, decision: Decision): Decision {
  const { metadata, status } = o.object;
  const isReported = decision.statusReason !== undefined || (status?.conditions !== undefined && !isNews(o));
  if (isReported || decision.action.type !== 'None' || metadata.deletionTimestamp !== undefined) return decision;
  const left = firstReport - o.history.knownFor;
  return left > 0
    ? { ...decision, after: Math.min(decision.after ?? Infinity, left) }
    : { ...decision, statusReason: observing(o) };
}

/** Whether there is more to report than Observing: the list arrived, and lacks the VM to adopt. */
function isNews(o: Observed): boolean {
  const isReported = o.object.status?.conditions?.some(
    ({ type, reason }) => type === 'Ready' && reason === 'Observing',
  );
  return isReported === true && unlistedOf(o) !== undefined;
}

function unlistedOf({ machine }: Observed) {
  return machine.kind === 'Unknown' && machine.reason.kind === 'NotYetSeen' ? machine.reason.unlisted : undefined;
}

function observing(o: Observed): StatusReason {
  const { object, identity, machine, providerName: name } = o;
  if (machine.kind === 'Absent')
    return { reason: 'Observing', message: `reading the catalog of the account, to create VM ${quoted(name)}` };
  const unlisted = unlistedOf(o);
  if (unlisted !== undefined) {
    const message = `the list of the account doesn't contain VM ${unlisted.id}; a VM that was just created may be missing from it, so the operator lists again until ${toSeconds(unlisted.until)}`;
    return { reason: 'Observing', message };
  }
  const { id } = identity.kind === 'Known' ? identity : object.spec.adoption;
  const which = id === undefined ? quoted(name) : `${id}`;
  return { reason: 'Observing', message: `reading the VMs of the account to look for VM ${which}` };
}

/** Timers follow the monotonic clock, and a schedule the wall clock, which may be set: milliseconds. */
const longestWait = 60 * 60_000;

/** Requeues the object when its schedule, or the time until which it is kept running, changes the desired power state. */
export function untilScheduleChange(o: Observed, decision: Decision): Decision {
  if (o.schedule === undefined) return decision;
  const changes = [o.schedule.validUntil, ...(isKeptRunning(o) ? [o.requests.keepRunningUntil ?? Infinity] : [])];
  const left = Math.max(0, Math.min(...changes) - o.now);
  return left === Infinity ? decision : { ...decision, after: Math.min(decision.after ?? Infinity, left, longestWait) };
}
