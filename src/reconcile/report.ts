import { annotate } from '../api/v1alpha1/commands.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import { invalidAnnotations } from '../api/v1alpha1/annotations.ts';
import { compareHint } from '../api/v1alpha1/identity.ts';
import { type Reason, reasons } from '../api/v1alpha1/reasons.ts';
import type { ConditionType, VirtualMachine, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { ReleaseWorker } from '../controller/workers.ts';
import type { KubeError } from '../kubernetes/errors.ts';
import type { EventRecorder } from '../kubernetes/events.ts';
import type { Decision, StatusReason } from '../plan/action.ts';
import type { Observed } from '../plan/observed.ts';
import { unanswered } from '../plan/filters.ts';
import { withConditionsOf } from '../status/patch.ts';
import { isTrouble, isWorthWriting, type Report, statusFor } from '../status/status.ts';
import type { Execution } from './execute/execution.ts';
import { quoted } from '../domain/text.ts';
import { ownershipNotStored } from './execute/write-refusal.ts';
import { objectEvent } from './object-event.ts';
import type { ObjectState } from './object-state.ts';
import { createStatusWriter, type StatusWriterDeps } from './status-writer.ts';
import { equal } from '../domain/json.ts';
import { objectKey } from '../domain/object-key.ts';

export interface ReporterDeps extends Omit<StatusWriterDeps, 'reportEvent'> {
  readonly events: Pick<EventRecorder, 'record'>;
}

/** Reports a reconciliation: statuses and events of objects. */
export type Reporter = ReturnType<typeof createReporter>;

export function createReporter(deps: ReporterDeps) {
  const { storeIntent, save, saveInterim, heldFor } = createStatusWriter({ ...deps, reportEvent: event });

  return {
    storeIntent,
    save,
    report,
    reportUnanswered,
    reportOwnership,
    reportAnnotations,
    reportHint,
    reportExecution,
    event,
  };

  /**
   * `isOutcome`: it reports a call that was just sent. If the API server doesn't respond, it is stored before the next
   * reconciliation decides. Returns the time until the next attempt in milliseconds; Infinity: none is needed.
   */
  async function report(
    observed: Observed,
    reported: Report | undefined,
    objectState: ObjectState,
    isOutcome: boolean,
    withoutWorker: ReleaseWorker,
  ): Promise<number> {
    // The cache contains the object after this reconciliation's own writes.
    const object = deps.cache.get(objectKey(observed.object)) ?? observed.object;
    if (object.metadata.uid !== observed.object.metadata.uid) return Infinity;
    const { refusal, status: unstored, isSuperseded } = objectState.unsaved ?? {};
    const status =
      reported === undefined ? (isSuperseded === true ? unstored : undefined) : statusFor(observed, reported);
    if (status === undefined) return Infinity;
    const before = unstored ?? object.status;
    if (!isWorthWriting(isSuperseded === true ? object.status : before, status)) {
      if (isSuperseded === true) objectState.unsaved = undefined;
      return Infinity;
    }
    const held = heldFor(status, objectState);
    const isRecord = reported?.record !== undefined;
    if (held > 0 && !isOutcome && !isRecord && isSuperseded !== true) return held;
    const onKept = (): void => {
      if (reported === undefined) return;
      for (const { reason, message } of transitionEvents(before, status, reported.statusReason))
        event(object, reason, message);
    };
    if (refusal?.form === 'Nothing') {
      onKept();
      objectState.unsaved = { status, refusal };
      return Infinity;
    }
    const options = { isOutcome: isOutcome || isSuperseded === true, isRecord, reconciled: observed.object, onKept };
    // No worker is occupied meanwhile, so the next object's call doesn't wait for this status.
    const isWritten = await withoutWorker(save(object, status, objectState, options));
    return isWritten ? Infinity : 0;
  }

  /**
   * Reports in the conditions that the provider takes long to answer a call, and changes nothing else of the status.
   * Never rejects: what comes of the call is reported as well.
   */
  async function reportUnanswered(observed: Observed, decision: Decision, objectState: ObjectState): Promise<void> {
    const statusReason = unanswered(observed, decision);
    const object = deps.cache.get(objectKey(observed.object));
    if (statusReason === undefined || object?.metadata.uid !== observed.object.metadata.uid) return;
    // What was stored before the call stays on record. The spec is the one that the call was decided on.
    const { status: before, ...decidedOn } = { ...observed.object, status: object.status };
    const asStored = { ...observed, object: before === undefined ? decidedOn : { ...decidedOn, status: before } };
    const status = withConditionsOf(statusFor(asStored, { ...decision, statusReason }), before);
    const isHeld = objectState.unsaved !== undefined || heldFor(status, objectState) > 0;
    if (isHeld || !isWorthWriting(before, status)) return;
    for (const { reason, message } of transitionEvents(before, status, statusReason)) event(object, reason, message);
    await saveInterim(object, status, objectState).catch(() => {});
  }

  /**
   * The annotation with this installation can't be stored, so the object isn't reconciled: Ready is unchanged, and
   * Synced shows the reason.
   */
  async function reportOwnership(
    object: VirtualMachine,
    error: KubeError,
    objectState: ObjectState,
    withoutWorker: ReleaseWorker,
  ): Promise<void> {
    const before = objectState.unsaved?.status ?? object.status;
    const { statusReason, status } = ownershipNotStored(object, before, error, deps.clock.now());
    if (!isWorthWriting(before, status)) return;
    event(object, statusReason.reason, statusReason.message);
    await withoutWorker(save(object, status, objectState));
  }

  /** Once for each value in the life of this process. */
  function reportAnnotations(object: VirtualMachine, objectState: ObjectState): void {
    for (const annotation of invalidAnnotations(object)) {
      if (!objectState.isNewInvalidAnnotation(annotation)) continue;
      const remove = annotate(object.metadata, { [annotation.split('=', 1)[0] ?? '']: undefined });
      event(
        object,
        'InvalidAnnotation',
        `${annotation} is ignored; set it to "true" or "false", or remove it: ${remove}`,
      );
    }
  }

  /** Once in the life of this process. */
  function reportHint({ object, identity }: Observed, objectState: ObjectState): void {
    if (objectState.hasReportedHint || identity.kind !== 'Known' || compareHint(object, identity) !== 'Contradicting')
      return;
    objectState.hasReportedHint = true;
    const note = `${annotations.machine} differs from the record in the status (VM ${identity.id}); the operator corrects it`;
    event(object, 'MachineAnnotationCorrected', note);
  }

  /** The event of an executed decision. */
  function reportExecution(object: VirtualMachine, decision: Pick<Decision, 'event'>, execution: Execution): void {
    const isDone = execution.type === 'Released' || ('outcome' in execution && execution.outcome.ok);
    if (decision.event !== undefined && isDone) event(object, decision.event.reason, decision.event.message);
  }

  function event(object: VirtualMachine, reason: Reason, note: string): void {
    const { event: type } = reasons[reason];
    if (type !== 'None') deps.events.record(objectEvent(object, { type, reason, note }));
  }
}

/** The events of a new status: one for each change of a reason, because an unchanged condition needs none. Pure. */
export function transitionEvents(
  before: VirtualMachineStatus | undefined,
  after: VirtualMachineStatus,
  statusReason: StatusReason,
): readonly StatusReason[] {
  const shown = reasonOf(before, 'Synced');
  const synced = after.conditions?.find(({ type }) => type === 'Synced');
  const asSpecified = after.conditions?.find(({ type }) => type === 'AsSpecified');
  const events: StatusReason[] = [];
  // A problem beside the VM hides what Synced would report of it.
  const shownOfVm = isTrouble(shown) ? reasonOf(before, 'Ready') : shown;
  // A deletion that the reason now holds up, and a plan with other steps, are news although the reason is the same.
  const isNews = shownOfVm !== statusReason.reason || isDeletionHeldUp(before, after) || isOtherPlan(before, after);
  if (isNews) events.push(statusReason);
  if (
    synced !== undefined &&
    isTrouble(synced.reason) &&
    synced.reason !== statusReason.reason &&
    shown !== synced.reason
  )
    events.push({ reason: synced.reason, message: synced.message });
  if (asSpecified?.reason === 'DiffersFromSpec' && reasonOf(before, 'AsSpecified') !== 'DiffersFromSpec')
    events.push({ reason: 'DiffersFromSpec', message: asSpecified.message });
  const skipped = skippedRestart(before, after);
  if (skipped !== undefined) events.push({ reason: 'RestartSkipped', message: skipped });
  return events;
}

/** A request that counts as handled because the VM was halted. A restart that was carried out was on record before. */
function skippedRestart(before: VirtualMachineStatus | undefined, after: VirtualMachineStatus): string | undefined {
  const { lastRestartRequest: request, id, state } = after;
  const isNew = before?.origin === undefined;
  if (isNew || request === undefined || request === before.lastRestartRequest) return undefined;
  if (state !== 'Halted' || before.operation?.type === 'Restart') return undefined;
  return `spec.restartRequest ${quoted(request)} has no effect, because VM ${id} is halted; to restart it when it runs, set another text then`;
}

function isDeletionHeldUp(before: VirtualMachineStatus | undefined, after: VirtualMachineStatus): boolean {
  const type = 'DeletionBlocked';
  return !isTrue(before, type) && isTrue(after, type);
}

function isOtherPlan(before: VirtualMachineStatus | undefined, after: VirtualMachineStatus): boolean {
  return after.plannedActions !== undefined && !equal(before?.plannedActions, after.plannedActions);
}

function isTrue(status: VirtualMachineStatus | undefined, type: ConditionType): boolean {
  return status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
}

function reasonOf(status: VirtualMachineStatus | undefined, type: ConditionType): string | undefined {
  return status?.conditions?.find((condition) => condition.type === type)?.reason;
}
