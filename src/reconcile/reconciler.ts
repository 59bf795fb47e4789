import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import { isRefused, KubeError, type KubeErrorReason } from '../kubernetes/errors.ts';
import type { EventRecorder } from '../kubernetes/events.ts';
import { refusalWords } from '../plan/provider-busy.ts';
import { plan } from '../plan/plan.ts';
import { type Decision, intentStatus } from '../plan/action.ts';
import type { Observed } from '../plan/observed.ts';
import type { Fence } from '../domain/fence.ts';
import type { Account } from '../provider/account/account.ts';
import type { ReconcileResult, ReleaseWorker } from '../controller/workers.ts';
import { isDeletionOnRecord } from '../status/conditions.ts';
import { statusFor } from '../status/status.ts';
import type { Log } from '../telemetry/log.ts';
import { type Execution, execute } from './execute/execute.ts';
import { createCallGuard } from './execute/call-guard.ts';
import { logWrite } from './execute/call-log.ts';
import type { DeletionRate } from '../controller/deletion-rate.ts';
import { ObjectState } from './object-state.ts';
import type { NamespaceQuota } from '../controller/namespace-quota.ts';
import type { Ownership } from './ownership.ts';
import { rememberPassword } from './execute/password-secret.ts';
import type { ObjectClient } from './removed-objects.ts';
import type { ReactionLatency } from './reaction-latency.ts';
import { type ObserveDeps, observe, writeBasis } from './observe/observe.ts';
import { prepare } from './prepare.ts';
import { recordObservation } from './record-observation.ts';
import type { Credentials } from './credentials.ts';
import { createReporter } from './report.ts';
import { type Conclusion, conclude, isRefusedAsBusy } from './conclude.ts';
import { objectKey } from '../domain/object-key.ts';

export interface ReconcilerDeps extends ObserveDeps {
  readonly credentials: Credentials;
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

/** observe, plan, execute, conclude, status. Everything it remembers may be lost at any time. */
export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const objectStates = new Map<string, ObjectState>();
  const reporter = createReporter(deps);
  const calls = createCallGuard(deps);

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
    onObjectChange: (key) => calls.onObjectChange(key),
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
      await reporter.reportOwnership(stored, error, objectState, withoutWorker);
      return { failed: true };
    }
    const { unsaved } = objectState;
    if (unsaved !== undefined && (unsaved.refusal?.until ?? 0) <= deps.clock.monotonic()) {
      await reporter.save(stored, unsaved.status, objectState, true);
      return { after: 0 };
    }
    const object = unsaved === undefined ? stored : { ...stored, status: unsaved.status };
    reporter.reportAnnotations(object, objectState);
    const preparation = await prepare(deps, key, object, objectState);
    if (preparation === undefined) return {};
    const { account } = preparation;
    const observation = await observe(deps, preparation);
    recordObservation(deps, preparation, observation, objectState);
    reporter.reportHint(observation.observed, objectState);
    const decision = plan(observation.observed);
    if (observation.observed.history.isQueued === true) objectState.queueing = 'Reported';
    account?.setFastPolling(key, decision.fastPolling);
    if (decision.awaitsDelete) deps.deletionRate.wait(key);
    const execution = await carryOut(observation.observed, account, decision, objectState, withoutWorker);
    const conclusion = conclude(observation.observed, decision, execution, objectState.failures, deps.random());
    remember(objectState, observation.observed, decision, execution, conclusion);
    const isDone = execution.type === 'Released' || ('outcome' in execution && execution.outcome.ok);
    if (decision.event !== undefined && isDone) reporter.event(object, decision.event.reason, decision.event.message);
    logWrite(deps.log, key, decision.action, execution);
    follow(key, account, observation.observed, conclusion, objectState);
    let heldFor = Infinity;
    try {
      if (conclusion.report !== undefined)
        heldFor = await reporter.report(
          observation.observed,
          conclusion.report,
          objectState,
          'outcome' in execution,
          withoutWorker,
        );
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
    observed: Observed,
    account: Account | null,
    decision: Decision,
    objectState: ObjectState,
    withoutWorker: ReleaseWorker,
  ): Promise<Execution> {
    const { action } = decision;
    if (action.type === 'ReleaseFinalizer' && observed.machine.kind === 'Absent')
      deps.quota.confirmGone(objectKey(observed.object));
    return execute(
      {
        client: deps.client,
        clock: deps.clock,
        lockForAdoption: (machine) =>
          account !== null && deps.machineIndex.lockForAdoption(machine, objectKey(observed.object), account),
        unlockAdoption: ({ id }) => deps.machineIndex.unlockAdoption(id, objectKey(observed.object)),
        quota: deps.quota,
        deletionRate: deps.deletionRate,
        ownership: deps.ownership.annotation,
        stored: (object) => deps.cache.assume(object),
        isGone: ({ name, uid }) => deps.objectOf(`${observed.object.metadata.namespace}/${name}`)?.metadata.uid !== uid,
        isNewest: ({ metadata }) =>
          deps.cache.get(objectKey(observed.object))?.metadata.resourceVersion === metadata.resourceVersion,
        storeIntent: async (sent) => {
          if (sent.type !== 'Kill' && sent.type !== 'Restart' && sent.type !== 'Delete') return;
          if (sent.type === 'Delete' && isDeletionOnRecord(observed.object)) return;
          const { reason, message } = intentStatus(sent);
          const { statusReason = { reason, message } } = decision;
          const operation = 'operation' in sent ? sent.operation : decision.operation;
          const status = statusFor(observed, { ...decision, statusReason, operation });
          await reporter.storeIntent(observed.object, sent.type, status, objectState);
          // It may lose data, so it is told even where the reason stays the same; but not each time it is refused.
          if (observed.history.refusedFor === 0) reporter.event(observed.object, reason, message);
        },
      },
      action,
      {
        object: observed.object,
        providerName: observed.providerName,
        account: account === null ? null : calls.guard(account, observed, action, objectState, withoutWorker),
        isDefaultKey: observed.isDefaultKey,
        objectState,
      },
    );
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
    account: Account | null,
    observed: Observed,
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
}
