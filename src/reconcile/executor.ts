import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { DeletionRate } from '../controller/deletion-rate.ts';
import type { MachineIndex } from '../controller/machine-index.ts';
import type { AccountLimits } from '../controller/account-limits.ts';
import type { NamespaceQuota } from '../controller/namespace-quota.ts';
import type { ReleaseWorker } from '../controller/workers.ts';
import type { Clock } from '../domain/clock.ts';
import { objectKey } from '../domain/object-key.ts';
import { type Action, type Decision, intentStatus } from '../plan/action.ts';
import type { Observed } from '../plan/observed.ts';
import { isDeletionOnRecord } from '../status/conditions.ts';
import { statusFor } from '../status/status.ts';
import type { Log } from '../telemetry/log.ts';
import type { CallGuard } from './execute/call-guard.ts';
import { logWrite } from './execute/call-log.ts';
import type { Execution } from './execute/execution.ts';
import { execute } from './execute/execute.ts';
import type { StoreAnswer } from './execute/metadata-patch.ts';
import type { ObjectState } from './object-state.ts';
import type { Ownership } from './ownership.ts';
import type { Preparation } from './prepare.ts';
import type { ObjectClient } from './object-cache.ts';
import type { Reporter } from './report.ts';

export interface ExecutorDeps {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly quota: Pick<NamespaceQuota, 'reserve' | 'release' | 'confirmGone'>;
  readonly accountLimits: Pick<AccountLimits, 'reserve' | 'release'>;
  readonly deletionRate: Pick<DeletionRate, 'take' | 'wait'>;
  readonly machineIndex: Pick<MachineIndex, 'lockForAdoption' | 'unlockAdoption'>;
  readonly ownership: Pick<Ownership, 'annotation'>;
  readonly cache: { get(key: string): VirtualMachine | undefined; readonly assume: StoreAnswer };
  readonly objectOf: (key: string) => VirtualMachine | undefined;
}

/** Executes the decision of one reconciliation, with the locks, limits and records that its action needs. */
export type Executor = (
  preparation: Preparation,
  observed: Observed,
  decision: Decision,
  objectState: ObjectState,
  withoutWorker: ReleaseWorker,
) => Promise<Execution>;

export function createExecutor(
  deps: ExecutorDeps,
  guard: CallGuard,
  reporter: Pick<Reporter, 'storeIntent' | 'event'>,
): Executor {
  const { client, clock, log, quota, accountLimits, deletionRate, machineIndex, ownership, cache, objectOf } = deps;

  return async ({ account }, observed, decision, objectState, withoutWorker) => {
    const { action } = decision;
    const { object, providerName, isDefaultKey } = observed;
    const key = objectKey(object);
    account?.setFastPolling(key, decision.fastPolling);
    if (decision.awaitsDelete) deletionRate.wait(key);
    if (action.type === 'ReleaseFinalizer' && observed.machine.kind === 'Absent') quota.confirmGone(key);
    const execution = await execute(
      {
        client,
        clock,
        quota,
        reserveInAccount: (name) => account !== null && accountLimits.reserve(account, name),
        releaseInAccount: (name) => account !== null && accountLimits.release(account, name),
        deletionRate,
        ownership: ownership.annotation,
        lockForAdoption: (machine) => account !== null && machineIndex.lockForAdoption(machine, key, account),
        unlockAdoption: ({ id }) => machineIndex.unlockAdoption(id, key),
        stored: cache.assume,
        isGone: ({ name, uid }) =>
          objectOf(objectKey({ metadata: { namespace: object.metadata.namespace, name } }))?.metadata.uid !== uid,
        isNewest: ({ metadata }) => cache.get(key)?.metadata.resourceVersion === metadata.resourceVersion,
        storeIntent: (sent) => storeIntent(observed, decision, sent, objectState),
      },
      action,
      {
        object,
        providerName,
        account: account === null ? null : guard(account, observed, decision, objectState, withoutWorker),
        isDefaultKey,
        objectState,
      },
    );
    logWrite(log, key, observed, decision, execution);
    return execution;
  };

  async function storeIntent(
    observed: Observed,
    decision: Decision,
    sent: Action,
    objectState: ObjectState,
  ): Promise<void> {
    if (sent.type !== 'Kill' && sent.type !== 'Restart' && sent.type !== 'Delete') return;
    if (sent.type === 'Delete' && isDeletionOnRecord(observed.object)) return;
    const { reason, message } = intentStatus(sent);
    const { statusReason = { reason, message } } = decision;
    const operation = 'operation' in sent ? sent.operation : decision.operation;
    const status = statusFor(observed, { ...decision, statusReason, operation });
    await reporter.storeIntent(observed.object, sent.type, status, objectState);
    // The request may lose data, so it gets an event even if the reason stays the same, but only one for repeated
    // refusals.
    if (observed.history.refusedFor === 0) reporter.event(observed.object, reason, message);
  }
}
