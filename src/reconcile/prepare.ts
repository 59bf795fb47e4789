import { type Intent, providerName, readIdentity, readIntent, soughtName } from '../api/v1alpha1/identity.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import { readRequests, type Requests } from '../api/v1alpha1/annotations.ts';
import type { VirtualMachine, Condition, OperationStatus, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { MachineIndex } from '../controller/machine-index.ts';
import { type Clock, toTime } from '../domain/clock.ts';
import type { Account } from '../provider/account/account.ts';
import { isDeletionOnRecord } from '../status/conditions.ts';
import type { Credentials, KeyLookup } from './credentials.ts';
import type { ObjectState, SecretRef } from './object-state.ts';
import type { ConflictDeps } from './observe/conflicts.ts';
import { lookupOf, provenByName, type ReconcileSubject } from './observe/machine-lookup.ts';
import type { ObserveInput } from './observe/observe.ts';
import { longestStartPause } from '../plan/call-backoff.ts';

export interface PrepareDeps extends Pick<ConflictDeps, 'accountFor'> {
  readonly clock: Clock;
  readonly credentials: Pick<Credentials, 'lookup'>;
  readonly machineIndex: Pick<MachineIndex, 'setAccount'>;
}

export interface Preparation extends ObserveInput {
  readonly account: Account | null;
}

/**
 * Everything that a reconciliation changes before it observes: it chooses the account, notes the user's requests, and
 * subscribes to the VM. Undefined: the account has no list yet and there is nothing new to report; the first list
 * requeues the object. Throws KubeError if the Secret can't be read for reasons that say nothing about it.
 */
export async function prepare(
  deps: PrepareDeps,
  key: string,
  stored: VirtualMachine,
  objectState: ObjectState,
): Promise<Preparation | undefined> {
  const object = withPastTimes(stored, deps.clock.now());
  const lookup = keyToFinishWith(object, objectState, await deps.credentials.lookup(object));
  const found = lookup.kind === 'Found' ? deps.accountFor(lookup.apiKey, object.metadata.namespace) : null;
  const account = chooseAccount(deps, key, object, objectState, lookup, typeof found === 'string' ? null : found);
  const requests = noteRequests(deps, object, objectState);
  const { subject, lastIntent, isIntentOpen } = describeSubject(key, object, objectState, lookup, account);
  const target = lookupOf(subject);
  objectState.setMachine(target?.id);
  account?.subscribe(key, {
    // Of a VM that is being recreated, the new one has this name.
    name: subject.intent === undefined ? subject.name : providerName(object),
    id: target?.id,
    isDeleting: isDeletionOnRecord(object),
    group: object.metadata.namespace,
  });
  if (account?.isFirstListDue === true && isReported(object)) {
    account.requestList(key, 0);
    return undefined;
  }
  // The list that shows that the provider is available again requeues the objects with a pending call.
  if (account?.isUnavailable === true && account.lastFailure === undefined)
    account.requestList(key, deps.clock.monotonic());
  const limit = typeof found === 'string' ? found : undefined;
  return { subject, requests, lookup, limit, account, target, lastIntent, isIntentOpen };
}

/** Chooses the account; `present` is that of the key in the Secret. The object's state records both. */
function chooseAccount(
  deps: PrepareDeps,
  key: string,
  object: VirtualMachine,
  objectState: ObjectState,
  lookup: KeyLookup,
  present: Account | null,
): Account | null {
  const account =
    lookup.kind === 'Found' && present !== null ? accountInUse(present, objectState, lookup.isDefault) : null;
  if (lookup.kind === 'Found' && present !== null) objectState.usesDefaultKey = lookup.isDefault;
  const successor = present === account || present === null ? undefined : present;
  objectState.setSuccessor(successor, account, key);
  objectState.setAccount(account, key);
  deps.machineIndex.setAccount(key, account);
  if (lookup.kind === 'Found' && account === present && account?.credentialStatus === 'Accepted')
    objectState.acceptedKey = { from: object.spec.credentialsSecretRef, lookup };
  successor?.subscribe(key, { name: providerName(object), group: object.metadata.namespace });
  successor?.requestList(key, 0);
  if (lookup.kind === 'Found') {
    // A rejected key may be valid now: the user has written it to the Secret again.
    if (objectState.secretVersion !== undefined && lookup.version !== objectState.secretVersion) present?.retryKey();
    objectState.secretVersion = lookup.version;
  }
  return account;
}

function noteRequests(deps: PrepareDeps, object: VirtualMachine, objectState: ObjectState): Requests {
  const requests = readRequests(object);
  objectState.noteRequest(requests.reconcile, deps.clock.monotonic());
  objectState.noteSpec(object.metadata.generation);
  objectState.noteOperation(object.status?.operation, { now: deps.clock.now(), monotonic: deps.clock.monotonic() });
  return requests;
}

/** Which VM belongs to the object, from its records, its create intent and the newest list. */
function describeSubject(
  key: string,
  object: VirtualMachine,
  objectState: ObjectState,
  lookup: KeyLookup,
  account: Account | null,
): { readonly subject: ReconcileSubject } & Pick<ObserveInput, 'lastIntent' | 'isIntentOpen'> {
  const pending = objectState.openIntent(object.metadata.annotations?.[annotations.createPending]);
  const written = object.metadata.annotations?.[annotations.createPending] ?? objectState.sentIntent;
  const lastIntent = readIntent(written, object.metadata.uid);
  const isIntentProven = isProven(object, lastIntent, account, written === objectState.sentIntent);
  const identity = provenByName(object, readIdentity(object, written), account?.snapshot);
  // The intent of a recorded VM is complete, unless it replaces that VM.
  const intent =
    pending === undefined || (identity.kind === 'Known' && identity.id !== lastIntent?.replaces)
      ? undefined
      : lastIntent;
  const isDefaultKey = lookup.kind === 'Found' && lookup.isDefault;
  // A VM that may have been created comes first. With the operator's default key, nothing else is looked for.
  const sought = isDefaultKey || intent?.isOwn === true ? providerName(object) : soughtName(object);
  const subject: ReconcileSubject = {
    key,
    object,
    objectState,
    name: identity.kind === 'Known' ? identity.name : sought,
    identity,
    intent,
    isIntentProven,
    isIntentRefused: pending !== undefined && pending === objectState.refusedIntent,
    isDefaultKey,
  };
  return { subject, lastIntent, isIntentOpen: pending !== undefined };
}

/**
 * Whether the status reports on the current spec. Before the first list, a reconciliation would only conclude that it
 * has to wait. With ten thousand objects, that was half of the work at startup.
 */
function isReported({ metadata, status }: VirtualMachine): boolean {
  return status?.observedGeneration === metadata.generation && metadata.deletionTimestamp === undefined;
}

/**
 * The account of the key, unless the key is new in the Secret and not verified yet. Until then the previous account is
 * used, so that a rotation interrupts nothing, and a wrong key is reported as rejected.
 */
function accountInUse(present: Account, objectState: ObjectState, isDefault: boolean): Account {
  const before = objectState.account;
  // The operator's default key has other permissions than a key of the namespace, so neither replaces the other.
  const isVerified = present.credentialStatus !== 'Unverified' || objectState.usesDefaultKey !== isDefault;
  if (before === undefined || before === null || before.credentialStatus !== 'Accepted' || isVerified) return present;
  return before;
}

/**
 * For an object that is being deleted and whose Secret was deleted, too: the key from that Secret that the provider
 * last accepted. Helm and kubectl delete Secrets first, and a VM that can't be deleted costs money. A replaced or
 * rejected key isn't used.
 */
function keyToFinishWith(
  object: VirtualMachine,
  { acceptedKey }: Pick<ObjectState, 'acceptedKey'>,
  lookup: KeyLookup,
): KeyLookup {
  const isGone = lookup.kind === 'Missing' && lookup.isAbsent === true;
  if (!isGone || object.metadata.deletionTimestamp === undefined) return lookup;
  return acceptedKey !== undefined && isFrom(object, acceptedKey.from) ? acceptedKey.lookup : lookup;
}

function isFrom({ spec: { credentialsSecretRef: ref } }: VirtualMachine, from: SecretRef): boolean {
  return ref.name === from.name && ref.key === from.key;
}

/** Whether the intent was written with this key, or this process sent it with another key of the same account. */
function isProven(
  object: VirtualMachine,
  intent: Intent | undefined,
  account: Account | null,
  wasSentHere: boolean,
): boolean {
  if (intent?.isOwn !== true || account === null || intent.name !== providerName(object)) return false;
  if (intent.proof === account.keyedHash(intent.signed)) return true;
  return wasSentHere && intent.ownerId !== undefined && intent.ownerId === account.ownerId;
}

/**
 * The object with the times of its status clamped to `now` (epoch milliseconds). Clocks can be set back, and the
 * previous process had another one: a wait that begins in the future would be too long. The next status write stores
 * the clamped times, so the wait begins once.
 */
export function withPastTimes(object: VirtualMachine, now: number): VirtualMachine {
  const { status } = object;
  if (status === undefined) return object;
  const clamped = clamp(status, now);
  return clamped === status ? object : { ...object, status: clamped };
}

function clamp(status: VirtualMachineStatus, now: number): VirtualMachineStatus {
  const { operation, startFailure, conditions } = status;
  const isWrong =
    (operation !== undefined && !isPast(operation.startTime, now)) ||
    (startFailure?.retryTime !== undefined && !isPast(startFailure.retryTime, now + longestStartPause)) ||
    conditions?.some(({ lastTransitionTime }) => !isPast(lastTransitionTime, now)) === true;
  if (!isWrong) return status;
  return {
    ...status,
    ...(operation === undefined ? {} : { operation: begun(operation, now) }),
    ...(startFailure === undefined ? {} : { startFailure: retried(startFailure, now) }),
    ...(conditions === undefined ? {} : { conditions: conditions.map((condition) => changed(condition, now)) }),
  };
}

/** A time that can't be parsed counts as one in the future. */
function isPast(time: string, now: number): boolean {
  return Date.parse(time) <= now;
}

/** Its deadline was counted from the same clock. */
function begun(operation: OperationStatus, now: number): OperationStatus {
  if (isPast(operation.startTime, now)) return operation;
  const { deadlineTime: _, ...rest } = operation;
  return { ...rest, startTime: toIso(now) };
}

function retried(failure: NonNullable<VirtualMachineStatus['startFailure']>, now: number): typeof failure {
  if (failure.retryTime === undefined || isPast(failure.retryTime, now + longestStartPause)) return failure;
  return { ...failure, lastTime: toIso(now), retryTime: toIso(now + longestStartPause) };
}

function changed(condition: Condition, now: number): Condition {
  if (isPast(condition.lastTransitionTime, now)) return condition;
  return { ...condition, lastTransitionTime: toTime(now) };
}

function toIso(time: number): string {
  return new Date(time).toISOString();
}
