import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { DeletionRate } from '../controller/deletion-rate.ts';
import type { AccountLimits } from '../controller/account-limits.ts';
import type { NamespaceQuota } from '../controller/namespace-quota.ts';
import type { ReconcileResult, ReleaseWorker } from '../controller/workers.ts';
import { isRefused } from '../kubernetes/errors.ts';
import { plan } from '../plan/plan.ts';
import type { Account } from '../provider/account/account.ts';
import { conclude, continuesAfter } from './conclude.ts';
import { type CallGuardDeps, createCallGuard } from './execute/call-guard.ts';
import { createExecutor, type ExecutorDeps } from './executor.ts';
import { type ObjectState, stateOf } from './object-state.ts';
import { type ObserveDeps, observe } from './observe/observe.ts';
import type { Ownership } from './ownership.ts';
import { prepare, type PrepareDeps } from './prepare.ts';
import type { ReactionLatency } from './reaction-latency.ts';
import { recordConclusion, requestRequeue } from './record-conclusion.ts';
import { recordObservation, type RecordObservationDeps } from './record-observation.ts';
import { createReporter, type ReporterDeps } from './report.ts';
import { requeueAfter, requeueAfterError, UnavailableLog } from './requeue.ts';

export interface ReconcilerDeps
  extends PrepareDeps, ObserveDeps, RecordObservationDeps, ExecutorDeps, CallGuardDeps, ReporterDeps {
  readonly credentials: PrepareDeps['credentials'] & RecordObservationDeps['credentials'];
  readonly client: ExecutorDeps['client'];
  readonly machineIndex: ObserveDeps['machineIndex'];
  readonly quota: NamespaceQuota;
  readonly accountLimits: Pick<AccountLimits, 'of' | 'pausedBy' | 'isKnown' | 'reserve' | 'release' | 'wait'>;
  readonly deletionRate: DeletionRate;
  readonly ownership: Pick<Ownership, 'ensureOwned' | 'leave' | 'annotation'>;
  readonly reactionLatency: Pick<ReactionLatency, 'observeCall' | 'cancel'>;
  /** The objects that this installation manages; `objectOf` also returns those of others. */
  readonly cache: ExecutorDeps['cache'];
  /** Whether the selector matches. */
  readonly isInScope: (object: VirtualMachine) => boolean;
}

export interface Reconciler {
  /** Reconciles one object. Rejects with KubeError when Kubernetes refuses a write; the workers retry. */
  reconcile(key: string, withoutWorker: ReleaseWorker): Promise<ReconcileResult>;
  /** The object or its VM may have changed: cancels a waiting call if it is outdated. */
  onObjectChange(key: string): void;
  /** The account that the object last worked with. */
  accountOf(key: string): Account | undefined;
}

/** Prepare, observe, plan, execute, conclude, report. The state in memory may be lost at any time. */
export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const objectStates = new Map<string, ObjectState>();
  const unavailable = new UnavailableLog(deps);
  const reporter = createReporter(deps);
  const guard = createCallGuard(deps, reporter);
  const execute = createExecutor(deps, guard, reporter);

  return {
    reconcile: (key, withoutWorker) =>
      reconcile(key, withoutWorker).catch((error: unknown) =>
        requeueAfterError({ unavailable, random: deps.random }, key, error),
      ),
    onObjectChange: (key) => {
      const objectState = objectStates.get(key);
      objectState?.abortOutdated?.();
      objectState?.supersedeStatus?.();
    },
    accountOf: (key) => objectStates.get(key)?.account ?? undefined,
  };

  /** The guards: conditions for a reconciliation of the object. */
  async function reconcile(key: string, withoutWorker: ReleaseWorker): Promise<ReconcileResult> {
    const stored = deps.cache.get(key);
    const objectState = stateOf(objectStates, key, stored, deps.clock.monotonic());
    if (stored === undefined || objectState === undefined) {
      const others = deps.objectOf(key);
      if (others !== undefined) await deps.ownership.leave(key, others, deps.isInScope(others));
      return {};
    }
    try {
      // A conflict is with a version that the watch is about to show.
      if (!(await deps.ownership.ensureOwned(stored))) return deps.cache.get(key) === stored ? {} : { after: 0 };
    } catch (error) {
      if (!isRefused(error)) throw error;
      await reporter.reportOwnership(stored, error, objectState, withoutWorker);
      return { failed: true };
    }
    const { unsaved } = objectState;
    const isDue = unsaved?.isSuperseded !== true && (unsaved?.refusal?.until ?? 0) <= deps.clock.monotonic();
    if (unsaved !== undefined && isDue) {
      await withoutWorker(reporter.save(stored, unsaved.status, objectState, { isOutcome: true }));
      return { after: 0 };
    }
    const object = unsaved === undefined ? stored : { ...stored, status: unsaved.status };
    return reconcileObject(key, object, objectState, withoutWorker);
  }

  async function reconcileObject(
    key: string,
    object: VirtualMachine,
    objectState: ObjectState,
    withoutWorker: ReleaseWorker,
  ): Promise<ReconcileResult> {
    reporter.reportAnnotations(object, objectState);
    const preparation = await prepare(deps, key, object, objectState);
    if (preparation === undefined) return {};
    const observation = await observe(deps, preparation);
    recordObservation(deps, preparation, observation, objectState);
    const { observed } = observation;
    reporter.reportHint(observed, objectState);
    const decision = plan(observed);
    const execution = await execute(preparation, observed, decision, objectState, withoutWorker);
    const conclusion = conclude(observed, decision, execution, objectState.failures, deps.random());
    recordConclusion(deps, observed, decision, execution, conclusion, objectState);
    reporter.reportExecution(object, decision, execution);
    requestRequeue(deps, preparation.account, observed, conclusion, objectState);
    const isOutcome = 'outcome' in execution;
    let heldFor: number;
    try {
      heldFor = await reporter.report(observed, conclusion.report, objectState, isOutcome, withoutWorker);
    } finally {
      // The status record reserves the VM now, or the VM is free again. A refused record is in memory only.
      if (decision.action.type === 'RecordIdentity' && objectState.unsaved?.refusal === undefined)
        deps.machineIndex.unlockAdoption(decision.action.machine.id, key);
    }
    // A wait whose report is held back queues again too: it would be decided on at once, without end.
    if (heldFor === Infinity || decision.reportsWait) objectState.noteReport(decision, execution.type === 'Nothing');
    const isInSync = observed.machine.kind === 'Present' && execution.type === 'Nothing' && !conclusion.fastPolling;
    if (isInSync && !conclusion.isSuperseded) deps.reactionLatency.cancel(key);
    const due = Math.min(heldFor, continuesAfter(observed, decision, execution, deps.cache.get(key)));
    return requeueAfter(conclusion, objectState.unsaved?.refusal?.until, due, deps.clock.monotonic());
  }
}
