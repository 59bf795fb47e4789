import { isNameOwn } from '../../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import type { AccountLimits } from '../../controller/account-limits.ts';
import type { ReleaseWorker } from '../../controller/workers.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Fence } from '../../domain/fence.ts';
import type { MachineState } from '../../domain/machine.ts';
import type { Decision } from '../../plan/action.ts';
import type { Observed } from '../../plan/observed.ts';
import type { Account } from '../../provider/account/account.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Credentials } from '../credentials.ts';
import type { ObjectState } from '../object-state.ts';
import type { ConflictDeps } from '../observe/conflicts.ts';
import { isNewEnough } from '../observe/find-by-name.ts';
import type { ReactionLatency } from '../reaction-latency.ts';
import type { Reporter } from '../report.ts';
import { loggedCall } from './call-log.ts';
import type { WritableAccount } from './execution.ts';
import { objectKey } from '../../domain/object-key.ts';

export interface CallGuardDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly fence: Fence;
  readonly cache: { get(key: string): VirtualMachine | undefined };
  readonly reactionLatency: Pick<ReactionLatency, 'observeCall'>;
  readonly credentials: Pick<Credentials, 'lookup'>;
  readonly accountFor: ConflictDeps['accountFor'];
  readonly accountLimits: Pick<AccountLimits, 'pausedBy'>;
}

/** How long a call waits for a slot, or for its response, before the object reports that: what is quick takes no status write. */
const longestSilence = 1_000;

/**
 * Returns the account for the calls of one reconciliation. It sends a call only if the state that the call was decided
 * on is still valid when the call gets a slot.
 */
export type CallGuard = (
  account: Account,
  observed: Observed,
  decision: Decision,
  objectState: ObjectState,
  withoutWorker: ReleaseWorker,
) => WritableAccount;

export function createCallGuard(deps: CallGuardDeps, reporter: Pick<Reporter, 'reportUnanswered'>): CallGuard {
  return guard;

  /**
   * While a call waits for a slot and for its response, it occupies no
   * worker, so that one slow account doesn't delay the others. The slot may come long after the decision, so the call
   * is sent only if object and VM are unchanged. If they change earlier, the call is canceled immediately, so that the
   * new one doesn't wait behind it.
   */
  function guard(
    account: Account,
    observed: Observed,
    decision: Decision,
    objectState: ObjectState,
    withoutWorker: ReleaseWorker,
  ): WritableAccount {
    const key = objectKey(observed.object);
    const { action } = decision;
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
        objectState.abortOutdated = () => {
          if (isStillCurrent(account, observed, shownBefore)) return;
          // The wait of the next request is reported separately.
          objectState.queueing = undefined;
          waiting.abort();
        };
        const stopTimer = objectState.queueing === 'Reported' ? undefined : deps.clock.schedule(longestSilence, giveUp);
        // The report changes the object, so the call is outdated and queues again.
        function giveUp(): void {
          objectState.queueing = 'Unreported';
          waiting.abort();
        }
        const beforeProviderCall = async (): Promise<boolean> => {
          stopTimer?.();
          objectState.queueing = undefined;
          objectState.abortOutdated = undefined;
          if (action.type === 'Create' && !isNameStillFree(account, observed)) return false;
          if (!(await isStillAccountOf(observed.object, account))) return false;
          if (!deps.fence() || !isStillCurrent(account, observed, shownBefore)) return false;
          if (deps.accountLimits.pausedBy(account) !== undefined) return false;
          if (observed.recreation !== undefined && !account.recreations.use(key)) return false;
          let isReady = false;
          try {
            // Storing the records before the call takes a while.
            isReady = (beforeCall === undefined || (await beforeCall())) && deps.fence();
          } finally {
            if (!isReady && observed.recreation !== undefined) account.recreations.giveBack(key);
          }
          if (isReady) deps.reactionLatency.observeCall(key);
          return isReady;
        };
        const logged = loggedCall(call, subject, deps);
        const unanswered = { report: Promise.resolve() };
        const sent: typeof call = async (provider) => {
          const stopReport = deps.clock.schedule(longestSilence, () => {
            unanswered.report = reporter.reportUnanswered(observed, decision, objectState);
          });
          return logged(provider).finally(stopReport);
        };
        const answered = account.write({ ...write, signal: waiting.signal }, sent, beforeProviderCall);
        try {
          // Two writes of one status at the same time would leave parts of either.
          return await withoutWorker(answered.finally(() => unanswered.report));
        } finally {
          stopTimer?.();
          objectState.abortOutdated = undefined;
        }
      },
    };
  }

  /** Another user of the account may have taken a chosen name since the list that showed it free. */
  function isNameStillFree(account: Account, { object }: Observed): boolean {
    return isNameOwn(object) || isNewEnough(account.snapshot, deps.clock.monotonic());
  }

  /** The key may have left the Secret while the request waited. A deletion is finished with the last accepted key. */
  async function isStillAccountOf(object: VirtualMachine, account: Account): Promise<boolean> {
    if (object.metadata.deletionTimestamp !== undefined) return true;
    const lookup = await deps.credentials.lookup(object);
    return lookup.kind === 'Found' && deps.accountFor(lookup.apiKey, object.metadata.namespace) === account;
  }

  function isStillCurrent(account: Account, observed: Observed, shownBefore: MachineState | undefined): boolean {
    const { object, providerName, machine } = observed;
    const { resourceVersion } = deps.cache.get(objectKey(object))?.metadata ?? {};
    if (resourceVersion !== object.metadata.resourceVersion) return false;
    if (machine.kind !== 'Present')
      return (account.snapshot?.byName(providerName) ?? []).length === 0 && !isBack(account, observed);
    // A new VM that no list shows yet was observed by its id. A VM that an earlier list showed and the newest lacks may
    // be deleted.
    const shown = shownState(account, observed);
    return shown === machine.machine.state || (shown === undefined && shownBefore === undefined);
  }
}

/** Whether a read shows the recorded VM again after it was observed to be deleted. */
function isBack(account: Account, { identity }: Observed): boolean {
  return identity.kind === 'Known' && account.cachedMachine(identity.id) !== undefined;
}

/** The state of the observed VM in the newest read. */
function shownState(account: Account, { machine }: Observed): MachineState | undefined {
  return machine.kind === 'Present' ? account.cachedMachine(machine.machine.id)?.machine.state : undefined;
}
