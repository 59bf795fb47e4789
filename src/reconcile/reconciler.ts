import type { Reason } from '../api/v1alpha1/reasons.ts';
import { reasons } from '../api/v1alpha1/reasons.ts';
import { compareHint } from '../api/v1alpha1/identity.ts';
import { annotations, apiVersion, kind } from '../api/v1alpha1/constants.ts';
import { annotate } from '../api/v1alpha1/commands.ts';
import { invalidAnnotations } from '../api/v1alpha1/annotations.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import { isRefused, KubeError, type KubeErrorReason } from '../kubernetes/errors.ts';
import type { EventRecorder } from '../kubernetes/events.ts';
import { refusalWords } from '../plan/provider-busy.ts';
import { plan } from '../plan/plan.ts';
import { type Action, type Decision, intentStatus } from '../plan/action.ts';
import type { Observed } from '../plan/observed.ts';
import type { Fence } from '../domain/fence.ts';
import type { MachineState } from '../domain/machine.ts';
import type { Account } from '../provider/account/account.ts';
import type { ReconcileResult, ReleaseWorker } from '../controller/workers.ts';
import { isDeletionOnRecord } from '../status/conditions.ts';
import { type Report, isWorthWriting, statusFor } from '../status/status.ts';
import type { Log } from '../telemetry/log.ts';
import { type WritableAccount, type Execution, execute } from './execute/execute.ts';
import { loggedCall, logWrite } from './execute/call-log.ts';
import type { DeletionRate } from '../controller/deletion-rate.ts';
import { ObjectState } from './object-state.ts';
import type { NamespaceQuota } from '../controller/namespace-quota.ts';
import type { Ownership } from './ownership.ts';
import { rememberPassword } from './execute/password-secret.ts';
import type { ObjectClient } from './removed-objects.ts';
import type { ReactionLatency } from './reaction-latency.ts';
import { type Observation, type ObserveDeps, observe, writeBasis } from './observe/observe.ts';
import { type Conclusion, conclude, isRefusedAsBusy } from './conclude.ts';
import { createStatusWriter } from './status-writer.ts';
import { transitionEvents } from './transition-events.ts';
import { ownershipNotStored } from './execute/write-refusal.ts';

export interface ReconcilerDeps extends ObserveDeps {
  readonly client: ObjectClient;
  readonly quota: NamespaceQuota;
  readonly deletionRate: DeletionRate;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly ownership: Pick<Ownership, 'ensureOwned' | 'leave' | 'annotation'>;
  readonly reactionLatency: Pick<ReactionLatency, 'observeCall' | 'cancel'>;
  readonly log: Log;
  readonly random: () => number;
  /** The objects to act on; `objectOf` also knows those that are others'. */
  readonly cache: { get(key: string): VirtualMachine | undefined; assume(object: unknown): void };
  /** Whether the selector matches. */
  readonly isInScope: (object: VirtualMachine) => boolean;
  readonly fence: Fence;
}

export interface Reconciler {
  /** One reconciliation over one object. Rejects with KubeError when Kubernetes refuses a write; the workers come back. */
  reconcile(key: string, withoutWorker: ReleaseWorker): Promise<ReconcileResult>;
  /** The object or its machine may have changed: a call that waits for its turn is given up if it is not called for any more. */
  onObjectChange(key: string): void;
  /** The account that the object last worked with. */
  accountOf(key: string): Account | undefined;
}

/** Failures that say nothing about the object, only that the API server is away for now, or that this process may not lead any more. */
const unavailableReasons: ReadonlySet<KubeErrorReason> = new Set(['Network', 'Timeout', 'Unavailable', 'Fenced']);
const unavailableRetry = 2_000;

/** How long a call waits for its turn before the object reports that it waits: a quick turn takes no status write. */
const longestSilence = 1_000;

/** observe, plan, execute, conclude, status. Everything it remembers may be lost at any time. */
export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const objectStates = new Map<string, ObjectState>();
  /** Looks again whether the call that a reconciliation over this key waits with is still called for. */
  const abortWaiting = new Map<string, () => void>();
  const statuses = createStatusWriter({ ...deps, reportEvent: recordEvent });

  return {
    async reconcile(key, withoutWorker) {
      try {
        return await reconcileObject(key, withoutWorker);
      } catch (error) {
        // Removed a moment ago: the watch is about to show it.
        if (error instanceof KubeError && error.reason === 'NotFound') return { requeue: true };
        if (!(error instanceof KubeError) || !unavailableReasons.has(error.reason)) throw error;
        // The outage is not this object's: its delay must not outgrow it.
        deps.log.warn('API server is unavailable, requeued object', { object: key, error });
        return { failed: true, after: unavailableRetry * (1 + deps.random() / 2) };
      }
    },
    onObjectChange: (key) => abortWaiting.get(key)?.(),
    accountOf: (key) => objectStates.get(key)?.account ?? undefined,
  };

  async function reconcileObject(key: string, withoutWorker: ReleaseWorker): Promise<ReconcileResult> {
    const stored = deps.cache.get(key);
    const objectState = stateFor(key, stored);
    if (stored === undefined || objectState === undefined) {
      const others = deps.objectOf(key);
      if (others !== undefined) await deps.ownership.leave(key, others, deps.isInScope(others));
      return {};
    }
    try {
      if (!(await deps.ownership.ensureOwned(stored))) return {};
    } catch (error) {
      if (!isRefused(error)) throw error;
      await reportOwnershipNotStored(stored, error, objectState, withoutWorker);
      return { failed: true };
    }
    const { unsaved } = objectState;
    if (unsaved !== undefined && (unsaved.refusal?.until ?? 0) <= deps.clock.monotonic()) {
      await statuses.save(stored, unsaved.status, objectState, true);
      return { after: 0 };
    }
    const object = unsaved === undefined ? stored : { ...stored, status: unsaved.status };
    reportInvalidAnnotations(object, objectState);
    const observation = await observe(deps, key, object, objectState);
    if (observation === undefined) return {};
    reportHintMismatch(observation.observed, objectState);
    const decision = plan(observation.observed);
    if (observation.observed.history.isQueued === true) objectState.queueing = 'Reported';
    observation.account?.setFastPolling(key, decision.fastPolling);
    if (decision.awaitsDelete) deps.deletionRate.wait(key);
    const execution = await carryOut(observation, decision, objectState, withoutWorker);
    const conclusion = conclude(observation.observed, decision, execution, objectState.failures, deps.random());
    remember(objectState, observation.observed, decision, execution, conclusion);
    const isDone = execution.type === 'Released' || ('outcome' in execution && execution.outcome.ok);
    if (decision.event !== undefined && isDone) recordEvent(object, decision.event.reason, decision.event.message);
    logWrite(deps.log, key, decision.action, execution);
    follow(key, observation, conclusion, objectState);
    let heldFor = Infinity;
    try {
      if (conclusion.report !== undefined)
        heldFor = await report(observation, conclusion.report, objectState, 'outcome' in execution, withoutWorker);
    } finally {
      // The status record reserves the VM now, or the VM is free again. A record that is refused is in memory only.
      if (decision.action.type === 'RecordIdentity' && objectState.unsaved?.refusal === undefined)
        deps.machineIndex.unlockAdoption(decision.action.machine.id, key);
    }
    if (conclusion.isSuperseded) return { requeue: true };
    const isThere = observation.observed.machine.kind === 'Present';
    if (isThere && execution.type === 'Nothing' && !conclusion.fastPolling) deps.reactionLatency.cancel(key);
    const unstored = (objectState.unsaved?.refusal?.until ?? Infinity) - deps.clock.monotonic();
    const after = Math.min(conclusion.after ?? Infinity, Math.max(0, unstored), heldFor);
    return Number.isFinite(after) ? { after } : {};
  }

  /** The memory of this very object; one of the same name that came before is forgotten. */
  function stateFor(key: string, object: VirtualMachine | undefined): ObjectState | undefined {
    const known = objectStates.get(key);
    if (known !== undefined && known.uid === object?.metadata.uid) return known;
    known?.end(key);
    if (object === undefined) {
      objectStates.delete(key);
      return undefined;
    }
    const objectState = new ObjectState(object.metadata.uid, deps.clock.monotonic());
    objectStates.set(key, objectState);
    return objectState;
  }

  async function carryOut(
    observation: Observation,
    decision: Decision,
    objectState: ObjectState,
    withoutWorker: ReleaseWorker,
  ): Promise<Execution> {
    const { action } = decision;
    const { observed, account } = observation;
    if (action.type === 'ReleaseFinalizer' && observed.machine.kind === 'Absent')
      deps.quota.confirmGone(keyOf(observed.object));
    return execute(
      {
        client: deps.client,
        clock: deps.clock,
        lockForAdoption: (machine) =>
          account !== null && deps.machineIndex.lockForAdoption(machine, keyOf(observed.object), account),
        unlockAdoption: ({ id }) => deps.machineIndex.unlockAdoption(id, keyOf(observed.object)),
        quota: deps.quota,
        deletionRate: deps.deletionRate,
        ownership: deps.ownership.annotation,
        stored: (object) => deps.cache.assume(object),
        isGone: ({ name, uid }) => deps.objectOf(`${observed.object.metadata.namespace}/${name}`)?.metadata.uid !== uid,
        isNewest: ({ metadata }) =>
          deps.cache.get(keyOf(observed.object))?.metadata.resourceVersion === metadata.resourceVersion,
        storeIntent: async (sent) => {
          if (sent.type !== 'Kill' && sent.type !== 'Restart' && sent.type !== 'Delete') return;
          if (sent.type === 'Delete' && isDeletionOnRecord(observed.object)) return;
          const { reason, message } = intentStatus(sent);
          const { statusReason = { reason, message } } = decision;
          const operation = 'operation' in sent ? sent.operation : decision.operation;
          const status = statusFor(observed, { ...decision, statusReason, operation });
          await statuses.storeIntent(observed.object, sent.type, status, objectState);
          // It may lose data, so it is told even where the reason stays the same; but not each time it is refused.
          if (observed.history.refusedFor === 0) recordEvent(observed.object, reason, message);
        },
      },
      action,
      {
        object: observed.object,
        providerName: observed.providerName,
        account: account === null ? null : guardedAccount(account, observed, action, objectState, withoutWorker),
        isDefaultKey: observed.isDefaultKey,
        objectState,
      },
    );
  }

  /**
   * The account for the calls of one reconciliation. While a call waits for its turn and its answer no worker is held, so that an
   * account in trouble slows no other. Its turn may come long after it was decided on, hence only if all is still so; if
   * that changes before, it is given up at once, or whatever is called for now would wait for that turn.
   */
  function guardedAccount(
    account: Account,
    observed: Observed,
    action: Action,
    objectState: ObjectState,
    withoutWorker: ReleaseWorker,
  ): WritableAccount {
    const key = keyOf(observed.object);
    const subject = { object: key, vmName: observed.providerName, action };
    const shownBefore = shownState(account, observed);
    return {
      snapshot: account.snapshot,
      keyedHash: (text) => account.keyedHash(text),
      get ownerId() {
        return account.ownerId;
      },
      write: async (write, call, beforeCall) => {
        const waiting = new AbortController();
        abortWaiting.set(key, () => {
          if (!isStillCurrent(account, observed, shownBefore)) waiting.abort();
        });
        const stopTimer = objectState.queueing === 'Reported' ? undefined : deps.clock.schedule(longestSilence, giveUp);
        // The report is a write, after which the object is no longer as it was decided on: so the request queues again.
        function giveUp(): void {
          objectState.queueing = 'Unreported';
          waiting.abort();
        }
        const beforeProviderCall = async (): Promise<boolean> => {
          stopTimer?.();
          objectState.queueing = undefined;
          abortWaiting.delete(key);
          if (!deps.fence() || !isStillCurrent(account, observed, shownBefore)) return false;
          if (observed.recreationDueAt !== undefined && !account.recreations.use(key)) return false;
          // What goes on record first takes a while.
          if (beforeCall !== undefined && !((await beforeCall()) && deps.fence())) return false;
          deps.reactionLatency.observeCall(key);
          return true;
        };
        try {
          const logged = loggedCall(call, subject, deps);
          return await withoutWorker(account.write({ ...write, signal: waiting.signal }, logged, beforeProviderCall));
        } finally {
          stopTimer?.();
          abortWaiting.delete(key);
        }
      },
    };
  }

  function isStillCurrent(account: Account, observed: Observed, shownBefore: MachineState | undefined): boolean {
    const { object, providerName, machine } = observed;
    const { resourceVersion } = deps.cache.get(keyOf(object))?.metadata ?? {};
    if (resourceVersion !== object.metadata.resourceVersion) return false;
    if (machine.kind !== 'Present')
      return (account.snapshot?.byName(providerName) ?? []).length === 0 && !isBack(account, observed);
    // One that no list shows yet is decided on by what it answered to its id; one that was shown and is no longer may be gone.
    const shown = shownState(account, observed);
    return shown === machine.machine.state || (shown === undefined && shownBefore === undefined);
  }

  function remember(
    objectState: ObjectState,
    { object }: Observed,
    { action }: Decision,
    execution: Execution,
    conclusion: Conclusion,
  ): void {
    if ('outcome' in execution) {
      const { outcome } = execution;
      const isBusy = !outcome.ok && isRefusedAsBusy(outcome.failure);
      objectState.refusedSince = isBusy ? (objectState.refusedSince ?? deps.clock.monotonic()) : undefined;
      objectState.refusedWords = isBusy ? (objectState.refusedWords ?? refusalWords(outcome.failure)) : undefined;
      if (outcome.ok) objectState.failures = 0;
      // Being asked to wait is no failure, or one after many of them would hold for minutes.
      else if (outcome.failure.class !== 'Wait') objectState.failures += 1;
    }
    if (
      execution.type === 'PasswordWritten' ||
      execution.type === 'PasswordConflict' ||
      execution.type === 'PasswordAwaited'
    )
      rememberPassword(objectState, execution, deps.clock.monotonic());
    const { unwritten, after = 0 } = conclusion;
    if (unwritten !== undefined) {
      const message = conclusion.report?.statusReason.message ?? '';
      objectState.refuseWrite(
        { action: unwritten, message, until: deps.clock.monotonic() + after },
        writeBasis(object),
      );
    } else if (execution.type !== 'Nothing' && execution.type !== 'Superseded') objectState.writeStored(action.type);
    if (conclusion.hold !== undefined) objectState.notBefore = deps.clock.monotonic() + conclusion.hold;
  }

  /** Has the account wake the object, and remembers when it is to be looked at rather than decided on from memory. */
  function follow(
    key: string,
    { account, observed }: Observation,
    conclusion: Conclusion,
    objectState: ObjectState,
  ): void {
    const now = deps.clock.monotonic();
    const { after, fastPolling: urgent, reread: wants } = conclusion;
    account?.setFastPolling(key, urgent);
    if (observed.namespaceLimit !== undefined && conclusion.report?.statusReason.reason === 'NamespaceLimitReached')
      deps.quota.wait(key);
    const since = account?.lastWriteAt(observed.providerName) ?? now;
    if (wants === 'List') account?.requestList(key, since);
    if (wants === 'Machine') account?.requestMachine(key, since);
    if (observed.machine.kind !== 'Unknown')
      objectState.relistAfter = urgent && after !== undefined ? now + after : undefined;
  }

  /**
   * `isOutcome`: it tells of a call just made. If the API server does not answer, it is stored before the next reconciliation decides. Returns
   * after how long it is to be tried again, in milliseconds; Infinity: that isn't needed.
   */
  async function report(
    { observed }: Observation,
    reported: Report,
    objectState: ObjectState,
    isOutcome: boolean,
    withoutWorker: ReleaseWorker,
  ): Promise<number> {
    const status = statusFor(observed, reported);
    // The cache holds the object as this reconciliation's own writes left it.
    const object = deps.cache.get(keyOf(observed.object)) ?? observed.object;
    if (object.metadata.uid !== observed.object.metadata.uid) return Infinity;
    const { refusal, status: unstored } = objectState.unsaved ?? {};
    const before = unstored ?? object.status;
    if (!isWorthWriting(before, status)) return Infinity;
    const heldFor = statuses.heldFor(status, objectState);
    if (heldFor > 0 && !isOutcome && reported.record === undefined) return heldFor;
    for (const { reason, message } of transitionEvents(before, status, reported.statusReason))
      recordEvent(object, reason, message);
    if (refusal?.form === 'Nothing') objectState.unsaved = { status, refusal };
    // No worker is held meanwhile: the next object's call does not wait for this one's status.
    else await withoutWorker(statuses.save(object, status, objectState, isOutcome));
    return Infinity;
  }

  /** The annotation of this installation can't be stored, so the object isn't reconciled: Ready stays as it was, Synced says why. */
  async function reportOwnershipNotStored(
    object: VirtualMachine,
    error: KubeError,
    objectState: ObjectState,
    withoutWorker: ReleaseWorker,
  ): Promise<void> {
    const before = objectState.unsaved?.status ?? object.status;
    const { statusReason, status } = ownershipNotStored(object, before, error, deps.clock.now());
    if (!isWorthWriting(before, status)) return;
    recordEvent(object, statusReason.reason, statusReason.message);
    await withoutWorker(statuses.save(object, status, objectState, false));
  }

  /** Once for each value, as long as this process lives. */
  function reportInvalidAnnotations(object: VirtualMachine, objectState: ObjectState): void {
    for (const annotation of invalidAnnotations(object)) {
      if (!objectState.isNewInvalidAnnotation(annotation)) continue;
      const remove = annotate(object.metadata, { [annotation.split('=', 1)[0] ?? '']: undefined });
      recordEvent(
        object,
        'InvalidAnnotation',
        `${annotation} is ignored; set it to "true" or "false", or remove it: ${remove}`,
      );
    }
  }

  /** Once, as long as this process lives. */
  function reportHintMismatch({ object, identity }: Observed, objectState: ObjectState): void {
    if (objectState.hasReportedHint || identity.kind !== 'Known' || compareHint(object, identity) !== 'Contradicting')
      return;
    objectState.hasReportedHint = true;
    const note = `${annotations.machine} differs from the record in the status (VM ${identity.id}); the operator corrects it`;
    recordEvent(object, 'MachineAnnotationCorrected', note);
  }

  function recordEvent(object: VirtualMachine, reason: Reason, note: string): void {
    const { namespace, name, uid, resourceVersion } = object.metadata;
    const { event: type } = reasons[reason];
    if (type === 'None') return;
    deps.events.record({
      regarding: { apiVersion, kind, namespace, name, uid, resourceVersion },
      type,
      reason,
      action: 'Reconcile',
      note,
    });
  }
}

/** Whether a read shows the recorded VM again, which was observed to be gone. */
function isBack(account: Account, { identity }: Observed): boolean {
  return identity.kind === 'Known' && account.cachedMachine(identity.id) !== undefined;
}

/** What the newest read shows of the machine that was observed. */
function shownState(account: Account, { machine }: Observed): MachineState | undefined {
  return machine.kind === 'Present' ? account.cachedMachine(machine.machine.id)?.machine.state : undefined;
}

function keyOf(object: VirtualMachine): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}
