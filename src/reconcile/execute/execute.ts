import { type KnownMachine, optionsOf, readIdentity, writeHint } from '../../api/v1alpha1/identity.ts';
import { readRequests } from '../../api/v1alpha1/annotations.ts';
import { annotations, group, plural, version } from '../../api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import { KubeError, isRefused, isSuperseded } from '../../kubernetes/errors.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Failure, Outcome } from '../../domain/failure.ts';
import type { CreateRequest, Machine } from '../../domain/machine.ts';
import { type Action, type PowerAction, withStart } from '../../plan/action.ts';
import type { Account, ProviderWrite } from '../../provider/account/account.ts';
import type { CreateResult, Provider } from '../../provider/provider.ts';
import { refusedRetry } from '../../plan/create.ts';
import { intentFor } from '../create-intent.ts';
import type { DeletionRate } from '../../controller/deletion-rate.ts';
import type { ObjectState } from '../object-state.ts';
import { patchMetadata, type StoreAnswer, withFinalizer, withoutFinalizer } from './metadata-patch.ts';
import type { NamespaceQuota } from '../../controller/namespace-quota.ts';
import { type Owner, type PasswordExecution, writePassword } from './password-secret.ts';
import type { ObjectClient } from '../removed-objects.ts';
import { refusalBasis } from '../observe/observe.ts';
import { objectKey } from '../../domain/object-key.ts';

/** The result of an action. `Superseded`: the object changed since it was read, and nothing was sent. */
export type Execution =
  | { readonly type: 'Nothing' }
  | { readonly type: 'Superseded' }
  /** Kubernetes refused or altered a write that has to be stored first. No call followed it. */
  | { readonly type: 'WriteRefused'; readonly error: KubeError }
  | {
      readonly type: 'Created';
      readonly outcome: Outcome<CreateResult>;
      /** What the status has to record. */
      readonly record?: KnownMachine | undefined;
      /** The new VM, if the answer describes it. */
      readonly machine?: Machine | undefined;
    }
  /** `record`: what the status has to record; undefined if it is on record already. */
  | { readonly type: 'Recorded'; readonly record?: KnownMachine }
  | PasswordExecution
  /** `action`: the action as sent, with that time in its operation. */
  | { readonly type: 'Powered'; readonly action: PowerAction; readonly outcome: Outcome<void> }
  | { readonly type: 'Deleted'; readonly outcome: Outcome<'Accepted' | 'NotFound'> }
  | { readonly type: 'Withdrawn' }
  | { readonly type: 'Released' };

export interface ExecuteDeps {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly stored: StoreAnswer;
  /** Whether this is the newest known version of the object. */
  readonly isNewest: (object: VirtualMachine) => boolean;
  /**
   * Reserves a VM for the object until its status records it: of two objects that adopt a VM at the same time, one
   * succeeds.
   */
  readonly lockForAdoption: (machine: KnownMachine) => boolean;
  /** Releases the reservation after a failed adoption. */
  readonly unlockAdoption: (machine: KnownMachine) => void;
  readonly quota: Pick<NamespaceQuota, 'reserve' | 'release' | 'confirmGone'>;
  readonly deletionRate: Pick<DeletionRate, 'take'>;
  /** Annotation that is stored together with the finalizer. */
  readonly ownership: Readonly<Record<string, string>>;
  /** Stores the intent of a restart, a power cut or a delete in the status, only if the object is unchanged. Throws KubeError. */
  readonly storeIntent: (action: Action) => Promise<void>;
  /** Whether the object's namespace has no VirtualMachine of this name and UID any more. */
  readonly isGone: (owner: Owner) => boolean;
}

/** The parts of an account that calls need. */
export type WritableAccount = Pick<Account, 'write' | 'snapshot' | 'ownerId' | 'keyedHash'>;

/** The target of an action. */
export interface ExecuteTarget {
  readonly object: VirtualMachine;
  readonly providerName: string;
  readonly account: WritableAccount | null;
  /** Whether the account's key is the operator's default key. */
  readonly isDefaultKey: boolean;
  readonly objectState: ObjectState;
}

const resource = { group, version, plural };

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
 * The provider refused the create, and a later list lacks its VM. Without a VM on record, the finalizer protects nothing
 * any more. A VM on record, which the new one was to replace, may reappear.
 */
async function withdraw(deps: ExecuteDeps, { object, objectState }: ExecuteTarget): Promise<Execution> {
  const intent = object.metadata.annotations?.[annotations.createPending];
  const isRecorded = readIdentity(object).kind === 'Known';
  if (!isRecorded) deps.quota.confirmGone(objectKey(object));
  const finalizers = isRecorded ? withFinalizer(object) : withoutFinalizer(object);
  const withdrawn = { finalizers, annotations: { [annotations.createPending]: null } };
  const execution = await unlessSuperseded(patchMetadata(deps, object, withdrawn), { type: 'Withdrawn' });
  if (intent !== undefined && execution.type === 'Withdrawn') objectState.settleIntent(intent, undefined);
  return execution;
}

const recordAttempts = 5;

/**
 * Stores finalizer and hint first, only if the object is unchanged: the change may prevent the adoption. The status
 * record follows in the same reconciliation. After a crash in between, spec.adoption grants the adoption again.
 */
async function adopt(deps: ExecuteDeps, target: ExecuteTarget, machine: KnownMachine): Promise<Execution> {
  const key = objectKey(target.object);
  if (!deps.lockForAdoption(machine)) return { type: 'Superseded' };
  try {
    if (!deps.quota.reserve(key, machine.id)) return { type: 'Superseded' };
    await patchIdentity(deps, target.object, machine);
    return { type: 'Recorded', record: machine };
  } catch (error) {
    deps.unlockAdoption(machine);
    if (isSuperseded(error)) return { type: 'Superseded' };
    throw error;
  } finally {
    deps.quota.release(key);
  }
}

/** The VM is on record already, so if the object changed, it is read and patched again. */
async function completeIdentity(
  deps: ExecuteDeps,
  { object, objectState }: ExecuteTarget,
  machine: KnownMachine,
): Promise<Execution> {
  let current = object;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await patchIdentity(deps, current, machine);
      objectState.sentIntent = undefined;
      return { type: 'Recorded' };
    } catch (error) {
      if (isSuperseded(error) && attempt === recordAttempts) return { type: 'Superseded' };
      if (!(error instanceof KubeError) || error.reason !== 'Conflict') throw error;
      // The API server validated the object against the CRD; only identity and finalizers are read from it here.
      const { namespace, name } = object.metadata;
      const fresh = (await deps.client.get(resource, { namespace, name })) as VirtualMachine;
      if (fresh.metadata.uid !== object.metadata.uid) throw error;
      current = fresh;
    }
  }
}

async function patchIdentity(deps: ExecuteDeps, object: VirtualMachine, machine: KnownMachine): Promise<void> {
  await patchMetadata(deps, object, {
    finalizers: withFinalizer(object),
    annotations: {
      [annotations.machine]: writeHint(object, machine),
      [annotations.createPending]: null,
      ...deps.ownership,
    },
  });
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

async function release(deps: ExecuteDeps, { object }: ExecuteTarget): Promise<Execution> {
  const released = patchMetadata(deps, object, { finalizers: withoutFinalizer(object) }).catch((error: unknown) => {
    if (!(error instanceof KubeError) || error.reason !== 'NotFound') throw error;
  });
  return unlessSuperseded(released, { type: 'Released' });
}

/** The result of the call, unless the object changed before it. */
async function unlessSuperseded(write: Promise<unknown>, done: Execution): Promise<Execution> {
  try {
    await write;
    return done;
  } catch (error) {
    if (isSuperseded(error)) return { type: 'Superseded' };
    throw error;
  }
}

/** The flow of the object's calls: objects of one namespace share it, so that many of them delay no other namespace. */
function writeFor({ object, providerName }: ExecuteTarget, priority: ProviderWrite['priority']): ProviderWrite {
  return { machineName: providerName, priority, flow: object.metadata.namespace };
}
