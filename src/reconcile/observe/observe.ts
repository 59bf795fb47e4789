import { createHash } from 'node:crypto';
import {
  type Identity,
  type Intent,
  keyText,
  providerName,
  readIdentity,
  readIntent,
  soughtName,
} from '../../api/v1alpha1/identity.ts';
import { annotations, writtenBy } from '../../api/v1alpha1/constants.ts';
import { readRequests } from '../../api/v1alpha1/annotations.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import { takesRecreationTurn } from '../../plan/external-deletion.ts';
import type {
  CatalogueObservation,
  CredentialsObservation,
  MachineObservation,
  Observed,
} from '../../plan/observed.ts';
import type { Account } from '../../provider/account/account.ts';
import { isDeletionOnRecord } from '../../status/conditions.ts';
import type { Credentials, KeyLookup } from '../credentials.ts';
import type { DeletionRate } from '../../controller/deletion-rate.ts';
import type { ObjectState } from '../object-state.ts';
import type { NamespaceQuota } from '../../controller/namespace-quota.ts';
import { type MachineDeps, mayCreate, notYetSeen, observeMachine } from './observe-machine.ts';
import { withPastTimes } from './past-times.ts';
import { type ConflictDeps, orphanCandidatesOf, machineConflict, nameConflict } from './conflicts.ts';
import { type ReconcileSubject, provenByName, lookupOf, duplicatesOf } from './machine-lookup.ts';

export interface ObserveDeps extends ConflictDeps, MachineDeps {
  readonly credentials: Credentials;
  readonly quota: Pick<NamespaceQuota, 'reachedFor'>;
  readonly deletionRate: Pick<DeletionRate, 'heldFor'>;
  /** Whether objects of this namespace may leave VMs running in the account of the operator's own key. */
  readonly mayOrphan: (namespace: string) => boolean;
}

/** An observation together with the account it was made through; null when there is no usable key. */
export interface Observation {
  readonly observed: Observed;
  readonly account: Account | null;
}

/**
 * Gathers everything a decision about one object may rest on. All reads happen here; what could not be read becomes
 * `Unknown`, never a guess. Undefined: there is nothing to decide on yet, and the first list of its account wakes it. Throws
 * KubeError when the Secret cannot be read for reasons that say nothing about it.
 */
export async function observe(
  deps: ObserveDeps,
  key: string,
  stored: VirtualMachine,
  objectState: ObjectState,
): Promise<Observation | undefined> {
  const object = withPastTimes(stored, deps.clock.now());
  const lookup = keyToFinishWith(object, objectState, await deps.credentials.lookup(object));
  const found = lookup.kind === 'Found' ? deps.accountFor(lookup.apiKey, object.metadata.namespace) : null;
  const present = typeof found === 'string' ? null : found;
  const account =
    lookup.kind === 'Found' && present !== null ? accountInUse(present, objectState, lookup.isDefault) : null;
  objectState.setSuccessor(present === account ? undefined : (present ?? undefined), account, key);
  objectState.setAccount(account, key);
  deps.machineIndex.setAccount(key, account);
  if (lookup.kind === 'Found' && account === present && account?.credentialStatus === 'Accepted')
    objectState.acceptedKey = { from: secretOf(object), lookup };
  if (objectState.successor !== undefined) {
    objectState.successor.subscribe(key, { name: providerName(object), group: object.metadata.namespace });
    objectState.successor.requestList(key, 0);
  }
  // A key that was rejected and then put into the Secret anew is no longer judged by what was said of it before.
  if (
    lookup.kind === 'Found' &&
    objectState.secretVersion !== undefined &&
    lookup.version !== objectState.secretVersion
  )
    present?.retryKey();
  if (lookup.kind === 'Found') objectState.secretVersion = lookup.version;
  const requests = readRequests(object);
  objectState.noteRequest(requests.reconcile, deps.clock.monotonic());
  objectState.noteSpec(object.metadata.generation);
  const pending = objectState.openIntent(object.metadata.annotations?.[annotations.createPending]);
  const announced = object.metadata.annotations?.[annotations.createPending] ?? objectState.sentIntent;
  const announcement = readIntent(announced, object.metadata.uid);
  const isIntentProven = isProven(object, announcement, account, announced === objectState.sentIntent);
  const replaced = isIntentProven ? announcement?.replaces : undefined;
  const recorded = provenByName(
    object,
    withoutReplaced(readIdentity(object, announced), replaced, account),
    account?.snapshot,
  );
  // What is on record has its own intent behind it, but for one that is to replace it.
  const intent =
    pending === undefined || (recorded.kind === 'Known' && recorded.id !== announcement?.replaces)
      ? undefined
      : announcement;
  const isDefaultKey = lookup.kind === 'Found' && lookup.isDefault;
  // A VM that may have been created comes first, and with the operator's own key nothing else is looked for.
  const sought = isDefaultKey || intent?.isOwn === true ? providerName(object) : soughtName(object);
  const name = recorded.kind === 'Known' ? recorded.name : sought;
  const isIntentRefused = pending !== undefined && pending === objectState.refusedIntent;
  const subject: ReconcileSubject = {
    key,
    object,
    objectState,
    name,
    identity: recorded,
    intent,
    isIntentProven,
    isIntentRefused,
    isDefaultKey,
  };
  const target = lookupOf(subject);
  objectState.setMachine(target?.id);
  account?.subscribe(key, {
    name,
    id: target?.id,
    isDeleting: isDeletionOnRecord(object),
    group: object.metadata.namespace,
  });
  if (account?.isFirstListDue === true && isTold(object)) {
    account.requestList(key, 0);
    return undefined;
  }
  // The list that shows that the provider is back wakes whoever would make a call by then.
  if (account?.isUnavailable === true && account.lastFailure === undefined)
    account.requestList(key, deps.clock.monotonic());
  const machine =
    account === null || target === undefined ? notYetSeen : observeMachine(deps, account, subject, target);
  if (account?.credentialStatus === 'Rejected' || isOtherAccount(machine)) deps.credentials.distrust(object);
  const now = deps.clock.now();
  const history = objectState.history(
    { now, monotonic: deps.clock.monotonic() },
    () => refusalBasis(object),
    () => writeBasis(object),
  );
  // The record is of an earlier VM, which is gone, and one that proves itself by its name is there.
  const isReplaced = recorded.kind === 'Known' && machine.kind === 'Present' && machine.machine.id !== recorded.id;
  const identity = isReplaced ? ({ kind: 'None' } as const) : recorded;
  const isCreate = mayCreate(object, identity, machine) && history.refusal === undefined;
  const catalogue = observeCatalogue(key, isCreate ? account : null);
  return {
    account,
    observed: Object.freeze({
      now,
      object,
      providerName: isReplaced ? providerName(object) : name,
      identity,
      intent,
      isRecordStored: isStored(identity, deps.objectOf(key)),
      createsWithoutVm:
        pending !== undefined && !isIntentRefused && isIntentProven && announcement?.at !== undefined
          ? { creates: announcement.tries ?? 1, since: Math.min(announcement.at, now) }
          : undefined,
      isIntentProven,
      isIntentRefused,
      requests,
      nameConflict: await nameConflict(deps, subject, account),
      machineConflict:
        machine.kind === 'Present' && account !== null
          ? await machineConflict(deps, { ...subject, identity }, account, machine.machine)
          : undefined,
      apiKeyHash: account?.keyedHash(keyText(object.metadata)),
      isKeyChanging: objectState.successor !== undefined,
      isDefaultKey,
      orphanCandidates: isCreate && !isDefaultKey ? orphanCandidatesOf(deps.machineIndex, subject, account) : [],
      namespaceLimit: deps.quota.reachedFor(key, machine.kind === 'Present' ? machine.machine.id : undefined),
      mayOrphan: deps.mayOrphan(object.metadata.namespace) || !usesDefaultKey(object, lookup, machine),
      deletesHeldFor: object.metadata.deletionTimestamp === undefined ? 0 : deps.deletionRate.heldFor(key),
      credentials: observeCredentials(lookup, found, account),
      machine,
      catalogue,
      recreationDueAt:
        isCreate && takesRecreationTurn(object, identity, requests) ? recreationDueAt(deps, key, account) : undefined,
      duplicates: duplicatesOf(object, identity, machine, account, lookup.kind === 'Found' && lookup.isDefault),
      isProviderUnavailable: account?.isUnavailable === true,
      rateLimitedFor: Math.max(0, (account?.rateLimitedUntil ?? 0) - deps.clock.monotonic()),
      history,
      limits: deps.limits,
    }),
  };
}

/**
 * Its status says what there is to say of this very wish. Before the first list a reconciliation could only find out that it has to wait:
 * with ten thousand objects, that was half of the work of a start.
 */
function isTold({ metadata, status }: VirtualMachine): boolean {
  return status?.observedGeneration === metadata.generation && metadata.deletionTimestamp === undefined;
}

/**
 * The account of the key, unless that was just put into the Secret and nobody has judged it yet: until then the one before
 * it is used, so that a rotation is not seen, and a mistake in one is told by the key's own verdict.
 */
function accountInUse(present: Account, objectState: ObjectState, isDefault: boolean): Account {
  const before = objectState.account;
  // The operator's own key gives other rights than one of the namespace, so neither stands in for the other.
  const isVerified = present.credentialStatus !== 'Unverified' || objectState.usesDefaultKey !== isDefault;
  objectState.usesDefaultKey = isDefault;
  if (before === undefined || before === null || before.credentialStatus !== 'Accepted' || isVerified) return present;
  return before;
}

/** By any record of it, for tenants may edit the annotation; but not when a key of the namespace shows the VM. */
function usesDefaultKey({ metadata, status }: VirtualMachine, lookup: KeyLookup, machine: MachineObservation): boolean {
  if (lookup.kind === 'Found' && lookup.isDefault) return true;
  if (lookup.kind === 'Found' && machine.kind === 'Present') return false;
  return (
    status?.internal?.usesDefaultCredentials === true ||
    metadata.annotations?.[annotations.defaultCredentials] === 'true'
  );
}

/**
 * While an object is deleted whose Secret was deleted too: the key from that Secret that the provider accepted last. Helm and kubectl
 * delete Secrets first, and a VM that nobody can delete any longer costs money. One that was replaced or rejected is not used.
 */
function keyToFinishWith(object: VirtualMachine, { acceptedKey }: ObjectState, lookup: KeyLookup): KeyLookup {
  const isGone = lookup.kind === 'Missing' && lookup.isAbsent === true;
  if (!isGone || object.metadata.deletionTimestamp === undefined) return lookup;
  return acceptedKey?.from === secretOf(object) ? acceptedKey.lookup : lookup;
}

function secretOf({ spec: { credentialsSecretRef: ref } }: VirtualMachine): string {
  return JSON.stringify([ref.name, ref.key]);
}

function isStored(identity: Identity, stored: VirtualMachine | undefined): boolean {
  const record = stored && readIdentity(stored);
  return identity.kind === 'Known' && record?.kind === 'Known' && record.id === identity.id;
}

/** A VM that is to be replaced was gone before that was announced, even if nothing came of the announcement; unless it is back. */
function withoutReplaced(identity: Identity, replaced: number | undefined, account: Account | null): Identity {
  const isReplaced = identity.kind === 'Known' && identity.id === replaced;
  return isReplaced && account?.cachedMachine(identity.id) === undefined ? { kind: 'None' } : identity;
}

/** By this very key; or this process sent it, with another key of the same account. */
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

function isOtherAccount(machine: MachineObservation): boolean {
  return machine.kind === 'Unknown' && machine.reason.kind === 'OtherAccount';
}

/** Reserves the object's turn, if it has none. */
function recreationDueAt(deps: ObserveDeps, key: string, account: Account | null): number | undefined {
  const dueAt = account?.recreations.dueAt(key);
  return dueAt === undefined ? undefined : deps.clock.now() + dueAt - deps.clock.monotonic();
}

function observeCredentials(
  lookup: KeyLookup,
  found: ReturnType<ConflictDeps['accountFor']> | null,
  account: Account | null,
): CredentialsObservation {
  if (typeof found === 'string') return { kind: 'TooMany', limit: found };
  if (lookup.kind === 'Missing') return lookup;
  if (account?.credentialStatus === 'Rejected') return { kind: 'Rejected', failure: account.rejection };
  return { kind: account?.credentialStatus === 'Accepted' ? 'Accepted' : 'Unverified' };
}

function observeCatalogue(key: string, account: Account | null): CatalogueObservation {
  if (account === null || account.credentialStatus === 'Rejected') return { kind: 'NotNeeded' };
  const outcome = account.catalogue(key);
  if (outcome === undefined) return { kind: 'Reading' };
  return outcome.ok ? { kind: 'Read', ...outcome.value } : { kind: 'Unavailable', failure: outcome.failure };
}

/** What a refused create call rested on: the spec and the annotations that are yours to set. What the operator writes never counts. */
export function refusalBasis({ metadata }: VirtualMachine): string {
  return hash([metadata.generation, yours.map((name) => metadata.annotations?.[name] ?? null)]);
}

/** What a refused write rested on: admission policies also judge labels and the annotations of other tools. */
export function writeBasis({ metadata }: VirtualMachine): string {
  return hash([
    metadata.generation,
    metadata.fingerprint ?? 0,
    yours.map((name) => metadata.annotations?.[name] ?? null),
  ]);
}

const yours = writtenBy('you');

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64');
}
