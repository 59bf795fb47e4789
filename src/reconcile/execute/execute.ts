import { optionsOf, readIdentity, readIntent, writeIntent } from '../../api/v1alpha1/identity.ts';
import { readRequests } from '../../api/v1alpha1/annotations.ts';
import { annotations } from '../../api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import { isRefused, isSuperseded } from '../../kubernetes/errors.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Failure, Outcome } from '../../domain/failure.ts';
import { equal } from '../../domain/json.ts';
import type { CreateRequest } from '../../domain/machine.ts';
import { type Action, type PowerAction, withStart } from '../../plan/action.ts';
import type { Account, ProviderWrite } from '../../provider/account/account.ts';
import type { ObjectState } from '../object-state.ts';
import type { CreateResult, Provider } from '../../provider/provider.ts';
import { refusedRetry } from '../../plan/create.ts';
import { patchMetadata, withFinalizer } from './metadata-patch.ts';
import { writePassword } from './password-secret.ts';
import { refusalBasis } from '../observe/observe.ts';
import { objectKey } from '../../domain/object-key.ts';
import type { Execution, ExecuteDeps, WritableAccount, ExecuteTarget } from './execution.ts';
import { withdraw, adopt, completeIdentity, release } from './identity-writes.ts';

/**
 * Executes one action. Only this function changes anything at the provider, or the object's finalizer and identity.
 * Throws KubeError if Kubernetes doesn't respond to a write; then nothing was sent that is not on record.
 */
export async function execute(deps: ExecuteDeps, action: Action, target: ExecuteTarget): Promise<Execution> {
  try {
    return await carryOut(deps, action, target);
  } catch (error) {
    if (isRefused(error)) return { type: 'WriteRefused', error };
    throw error;
  }
}

function carryOut(deps: ExecuteDeps, action: Action, target: ExecuteTarget): Promise<Execution> | Execution {
  switch (action.type) {
    case 'None':
      return { type: 'Nothing' };
    case 'Create':
      return create(deps, target, action.request);
    case 'RecordIdentity':
      return action.machine.origin === 'Adopted'
        ? adopt(deps, target, action.machine)
        : { type: 'Recorded', record: action.machine };
    case 'CompleteIdentity':
      return completeIdentity(deps, target, action.machine);
    case 'WritePassword':
      return writePassword(deps.client, target.object, action, deps.isGone);
    case 'Start':
      return power(deps, target, action, (provider) => provider.startMachine(action.id));
    case 'Stop':
      return power(deps, target, action, (provider) => provider.stopMachine(action.id));
    case 'Restart':
      return callAfterIntent(deps, target, action, (provider) => provider.restartMachine(action.id));
    case 'Kill':
      return callAfterIntent(deps, target, action, (provider) => provider.killMachine(action.id));
    case 'Delete':
      return deleteMachine(deps, target, action);
    case 'WithdrawIntent':
      return withdraw(deps, target);
    case 'ReleaseFinalizer':
      return release(deps, target);
  }
}

/**
 * Expected flow: slot acquired → finalizer and intent stored, with the resourceVersion that was read → POST → status
 * record (by the reconciler) → hint stored, intent removed (CompleteIdentity). Guarantees: no POST without a stored
 * intent; nothing is sent for an outdated object; the intent stays until the status record is stored. While it is
 * there, the next reconciliation looks for the VM by its name before it may create one.
 */
async function create(deps: ExecuteDeps, target: ExecuteTarget, request: CreateRequest): Promise<Execution> {
  const { object, account, objectState } = target;
  if (account === null) return { type: 'Superseded' };
  const intent = intentFor(request, object, objectState, account, deps.clock.now());
  let stored: VirtualMachine | undefined;
  let refusedByKubernetes: unknown;

  const outcome = await account.write(
    { ...writeFor(target, 'Create'), machineName: request.name },
    (provider) => {
      objectState.sentIntent = intent;
      objectState.refusedIntent = undefined;
      objectState.intentAccount = objectState.account;
      objectState.intentSentAt = deps.clock.monotonic();
      objectState.resetAbsence();
      return provider.createMachine(request);
    },
    async () => {
      if (!deps.quota.reserve(objectKey(object))) return false;
      if (!deps.reserveInAccount(request.name)) {
        deps.quota.release(objectKey(object));
        return false;
      }
      try {
        stored = await patchMetadata(deps, object, {
          finalizers: withFinalizer(object),
          annotations: {
            [annotations.createPending]: intent,
            [annotations.machine]: null,
            [annotations.defaultCredentials]: target.isDefaultKey ? 'true' : null,
            ...deps.ownership,
          },
        });
        // A policy may pause the object in the same write.
        if (deps.isNewest(stored) && !readRequests(stored).isPaused) return true;
        objectState.settleIntent(intent, intent);
      } catch (error) {
        // Whether or not the intent was stored, no call follows. If it certainly was not, an earlier intent stays
        // valid.
        if (!isSuperseded(error))
          objectState.settleIntent(intent, object.metadata.annotations?.[annotations.createPending]);
        refusedByKubernetes = error;
      }
      deps.quota.release(objectKey(object));
      deps.releaseInAccount(request.name);
      return false;
    },
  );
  if (stored === undefined || outcome === undefined) {
    // Without a refusal, the call got no slot, because the object or the account changed since the decision.
    if (refusedByKubernetes === undefined || isSuperseded(refusedByKubernetes)) return { type: 'Superseded' };
    throw refusedByKubernetes;
  }
  if (outcome.ok) {
    return { type: 'Created', outcome, ...createdBy(request, outcome.value, account) };
  }
  if (outcome.failure.class === 'Retry') deps.releaseInAccount(request.name);
  noteFailure(target, intent, outcome.failure, deps.clock);
  return { type: 'Created', outcome };
}

/**
 * The new VM in the response; undefined if the response names a VM that was listed before, or describes one of another
 * name.
 */
function createdBy(
  request: CreateRequest,
  { id, machine }: CreateResult,
  { snapshot, ownerId: accountOwner }: WritableAccount,
): Pick<Extract<Execution, { type: 'Created' }>, 'record' | 'machine'> {
  if (id === undefined || snapshot?.has(id) === true) return {};
  const { name } = request;
  const described = machine?.name === name ? machine : undefined;
  const ownerId = described?.ownerId ?? accountOwner;
  const record = {
    id,
    origin: 'Created' as const,
    name,
    options: optionsOf(request),
    ...(ownerId === undefined ? {} : { ownerId }),
  };
  return { record, machine: described };
}

/** After a failed create: a VM that its response shows nevertheless. */
function noteFailure({ objectState, object }: ExecuteTarget, intent: string, failure: Failure, clock: Clock): void {
  switch (failure.class) {
    case 'Retry':
      // Never sent: no other failure of a create has this class.
      return objectState.settleIntent(intent, intent);
    case 'UnknownOutcome':
      return;
    case 'Terminal':
      objectState.refuse(failure, refusalBasis(object), clock.monotonic() + refusedRetry);
      break;
    case 'Credentials':
      // A login page or a redirect may hide a call that had its effect. 401 and 403 are returned before the call is
      // handled.
      if (failure.code !== 'Unauthorized' && failure.code !== 'Forbidden') return;
      break;
    case 'Wait':
      break;
  }
  // A proxy may have sent it twice. A list shows whether the first one had an effect.
  objectState.refusedIntent = intent;
  objectState.refusedAt = clock.monotonic();
}

/**
 * The create intent that is stored before the call: what is known at that time, including earlier calls. `now`: epoch
 * milliseconds.
 */
export function intentFor(
  request: CreateRequest,
  object: VirtualMachine,
  objectState: ObjectState,
  account: Pick<Account, 'snapshot' | 'ownerId' | 'keyedHash'>,
  now: number,
): string {
  const { newestTime = Infinity, unreadable } = account.snapshot ?? {};
  const open = objectState.openIntent(object.metadata.annotations?.[annotations.createPending]);
  const before = open === objectState.refusedIntent ? undefined : readIntent(open, object.metadata.uid);
  const isProven = before?.isOwn === true && before.proof === account.keyedHash(before.signed);
  const options = optionsOf(request);
  const recorded = readIdentity(object);
  return writeIntent(
    object.metadata,
    {
      at: now,
      name: request.name,
      // With a time in the future, the new VM would seem older than its own call.
      after: newestTime === Infinity ? undefined : Math.min(newestTime, now),
      nameless: [...(unreadable?.values() ?? [])].filter((entry) => entry.name === undefined).map(({ id }) => id),
      // An earlier call may have had an effect that no list showed. This one is then refused because of its name.
      ...(isProven ? { after: before.after, nameless: before.nameless ?? [], tries: (before.tries ?? 1) + 1 } : {}),
      options: before === undefined || (isProven && equal(before.options, options)) ? options : undefined,
      ownerId: account.ownerId,
      replaces: recorded.kind === 'Known' ? recorded.id : undefined,
    },
    (text) => account.keyedHash(text),
  );
}

async function power(
  deps: ExecuteDeps,
  target: ExecuteTarget,
  action: PowerAction,
  call: (provider: Provider) => Promise<Outcome<void>>,
  beforeCall: (sent: PowerAction) => Promise<void> = () => Promise.resolve(),
): Promise<Execution> {
  let sent = action;
  const priority = action.type === 'Kill' ? 'Remove' : 'Power';
  const outcome = await target.account?.write(writeFor(target, priority), call, async () => {
    sent = withStart(action, deps.clock.now());
    await beforeCall(sent);
    return true;
  });
  if (outcome === undefined) return { type: 'Superseded' };
  // The grace period starts when the provider accepted the stop, not when it was sent.
  if (action.type === 'Stop') sent = withStart(action, deps.clock.now());
  return { type: 'Powered', action: sent, outcome };
}

/** A second restart or power cut would do harm, so the first is recorded before it is sent, once it has a slot. */
async function callAfterIntent(
  deps: ExecuteDeps,
  target: ExecuteTarget,
  action: PowerAction,
  call: (provider: Provider) => Promise<Outcome<void>>,
): Promise<Execution> {
  try {
    return await power(deps, target, action, call, deps.storeIntent);
  } catch (error) {
    if (isSuperseded(error)) return { type: 'Superseded' };
    throw error;
  }
}

/** Recorded before it is sent: a later process that finds many VMs missing at once knows which were being deleted. */
async function deleteMachine(
  deps: ExecuteDeps,
  target: ExecuteTarget,
  action: Extract<Action, { type: 'Delete' }>,
): Promise<Execution> {
  let outcome;
  try {
    outcome = await target.account?.write(
      writeFor(target, 'Remove'),
      (provider) => provider.deleteMachine(action.id),
      async () => {
        if (!deps.deletionRate.take(objectKey(target.object))) return false;
        await deps.storeIntent(action);
        return true;
      },
    );
  } catch (error) {
    if (!isSuperseded(error)) throw error;
  }
  if (outcome === undefined) return { type: 'Superseded' };
  if (outcome.ok) {
    target.objectState.deleteAcceptedAt = deps.clock.monotonic();
    target.objectState.deletes += 1;
  }
  return { type: 'Deleted', outcome };
}

/** The flow of the object's calls: objects of one namespace share it, so that many of them delay no other namespace. */
function writeFor({ object, providerName }: ExecuteTarget, priority: ProviderWrite['priority']): ProviderWrite {
  return { machineName: providerName, priority, flow: object.metadata.namespace };
}
