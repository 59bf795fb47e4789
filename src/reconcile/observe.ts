import { createHash } from 'node:crypto';
import { providerName, readIdentity, readIntent } from '../api/v1alpha1/identity.ts';
import { annotations, writtenBy } from '../api/v1alpha1/names.ts';
import { readRequests } from '../api/v1alpha1/requests.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { CatalogueObservation, CredentialsObservation, MachineObservation, Observed } from '../plan/observed.ts';
import type { Account } from '../provider/account/account.ts';
import { isDeletionOnRecord } from '../status/conditions.ts';
import type { Credentials, KeyLookup } from './credentials.ts';
import type { DeleteBudget } from './delete-budget.ts';
import type { Memory } from './history.ts';
import type { NamespaceQuota } from './namespace-quota.ts';
import { type MachineDeps, mayCreate, notYetSeen, observeMachine } from './observe-machine.ts';
import { withPastTimes } from './past-times.ts';
import { type RivalDeps, lookAlikesOf, machineHolder, nameHolder } from './rivals.ts';
import { type Subject, provenByName, targetOf, twinsOf } from './target.ts';

export interface ObserveDeps extends RivalDeps, MachineDeps {
  readonly credentials: Credentials;
  readonly quota: Pick<NamespaceQuota, 'reachedFor'>;
  readonly deletes: Pick<DeleteBudget, 'heldFor'>;
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
  memory: Memory,
): Promise<Observation | undefined> {
  const object = withPastTimes(stored, deps.clock.now());
  const lookup = keyToFinishWith(object, memory, await deps.credentials.lookup(object));
  const found = lookup.kind === 'Found' ? deps.accountFor(lookup.apiKey, object.metadata.namespace) : null;
  const present = typeof found === 'string' ? null : found;
  const account = lookup.kind === 'Found' && present !== null ? accountInUse(present, memory, lookup.isDefault) : null;
  memory.awaitVerdictOn(present === account ? undefined : (present ?? undefined), account, key);
  memory.use(account, key);
  if (lookup.kind === 'Found' && account === present && account?.verdict === 'Accepted')
    memory.acceptedKey = { from: secretOf(object), lookup };
  if (memory.successor !== undefined) {
    memory.successor.follow(key, { name: providerName(object), group: object.metadata.namespace });
    memory.successor.want(key, 0);
  }
  // A key that was rejected and then put into the Secret anew is no longer judged by what was said of it before.
  if (
    lookup.kind === 'Found' &&
    memory.credentialsVersion !== undefined &&
    lookup.version !== memory.credentialsVersion
  )
    present?.retryKey();
  // While a new key is not judged, the version stays that of the one in use.
  if (lookup.kind === 'Found' && memory.successor === undefined) memory.credentialsVersion = lookup.version;
  const requests = readRequests(object);
  memory.noteRequest(requests.reconcile, deps.clock.monotonic());
  const pending = memory.openIntent(object.metadata.annotations?.[annotations.createPending]);
  const intent = readIntent(pending, object.metadata.uid);
  // Also one that came to nothing: since it was announced, the machine that was recorded before is given up.
  const announced = object.metadata.annotations?.[annotations.createPending] ?? memory.sentIntent ?? null;
  const identity = provenByName(object, readIdentity(object, announced), account?.snapshot);
  const name = identity.kind === 'Known' ? identity.name : providerName(object);
  const subject: Subject = { key, object, memory, name, identity, intent };
  const target = targetOf(subject);
  memory.follow(target?.id);
  account?.follow(key, {
    name,
    id: target?.id,
    isGoing: isDeletionOnRecord(object),
    group: object.metadata.namespace,
  });
  if (account?.isFirstListDue === true && isTold(object)) {
    account.want(key, 0);
    return undefined;
  }
  // The list that shows that the provider is back wakes whoever would make a call by then.
  if (account?.isAway === true && account.lastFailure === undefined) account.want(key, deps.clock.monotonic());
  const machine =
    account === null || target === undefined ? notYetSeen : observeMachine(deps, account, subject, target);
  if (account?.verdict === 'Rejected' || isOtherAccount(machine)) deps.credentials.distrust(object);
  const now = deps.clock.now();
  const history = memory.history(
    { now, monotonic: deps.clock.monotonic() },
    () => refusalBasis(object),
    () => writeBasis(object),
  );
  const isCreate = mayCreate(object, identity, machine) && history.refusal === undefined;
  const catalogue = observeCatalogue(key, isCreate ? account : null);
  return {
    account,
    observed: Object.freeze({
      now,
      object,
      providerName: name,
      identity,
      intent,
      requests,
      nameHeldBy: await nameHolder(deps, key, object, account, name),
      machineHeldBy:
        machine.kind === 'Present' ? await machineHolder(deps, subject, account, machine.machine) : undefined,
      credentialsVersion: account === null ? undefined : memory.credentialsVersion,
      isKeyChanging: memory.successor !== undefined,
      isDefaultKey: lookup.kind === 'Found' && lookup.isDefault,
      lookAlikes: isCreate ? lookAlikesOf(deps, subject, account?.snapshot) : [],
      namespaceLimit: deps.quota.reachedFor(key, machine.kind === 'Present' ? machine.machine.id : undefined),
      mayOrphan: deps.mayOrphan(object.metadata.namespace) || !usesDefaultKey(object, lookup, machine),
      deletesHeldFor: object.metadata.deletionTimestamp === undefined ? 0 : deps.deletes.heldFor(key),
      credentials: observeCredentials(lookup, found, account),
      machine,
      catalogue,
      recreationDueAt: isCreate && identity.kind === 'Known' ? recreationDueAt(deps, key, account) : undefined,
      twins: twinsOf(object, identity, machine, account, lookup.kind === 'Found' && lookup.isDefault),
      isProviderAway: account?.isAway === true,
      gateClosedFor: Math.max(0, (account?.gateClosedUntil ?? 0) - deps.clock.monotonic()),
      history,
      limits: deps.limits,
    }),
  };
}

/**
 * Its status says what there is to say of this very wish. Before the first list a pass could only find out that it has to wait:
 * with ten thousand objects, that was half of the work of a start.
 */
function isTold({ metadata, status }: VirtualMachine): boolean {
  return status?.observedGeneration === metadata.generation && metadata.deletionTimestamp === undefined;
}

/**
 * The account of the key, unless that was just put into the Secret and nobody has judged it yet: until then the one before
 * it is used, so that a rotation is not seen, and a mistake in one is told by the key's own verdict.
 */
function accountInUse(present: Account, memory: Memory, isDefault: boolean): Account {
  const before = memory.account;
  // The operator's own key gives other rights than one of the namespace, so neither stands in for the other.
  const isJudged = present.verdict !== 'Unverified' || memory.usesDefaultKey !== isDefault;
  memory.usesDefaultKey = isDefault;
  if (before === undefined || before === null || before.verdict !== 'Accepted' || isJudged) return present;
  return before;
}

/** By any record of it, for tenants may edit the annotation; but not when a key of the namespace shows the VM. */
function usesDefaultKey({ metadata, status }: VirtualMachine, lookup: KeyLookup, machine: MachineObservation): boolean {
  if (lookup.kind === 'Found' && lookup.isDefault) return true;
  if (lookup.kind === 'Found' && machine.kind === 'Present') return false;
  return status?.usesDefaultCredentials === true || metadata.annotations?.[annotations.defaultCredentials] === 'true';
}

/**
 * While an object is deleted whose Secret was deleted too: the key from that Secret that the provider accepted last. Helm and kubectl
 * delete Secrets first, and a VM that nobody can delete any longer costs money. One that was replaced or rejected is not used.
 */
function keyToFinishWith(object: VirtualMachine, { acceptedKey }: Memory, lookup: KeyLookup): KeyLookup {
  const isGone = lookup.kind === 'Missing' && lookup.isAbsent === true;
  if (!isGone || object.metadata.deletionTimestamp === undefined) return lookup;
  return acceptedKey?.from === secretOf(object) ? acceptedKey.lookup : lookup;
}

function secretOf({ spec: { credentialsSecretRef: ref } }: VirtualMachine): string {
  return JSON.stringify([ref.name, ref.key]);
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
  found: ReturnType<RivalDeps['accountFor']> | null,
  account: Account | null,
): CredentialsObservation {
  if (typeof found === 'string') return { kind: 'TooMany', limit: found };
  if (lookup.kind === 'Missing') return lookup;
  if (account?.verdict === 'Rejected') return { kind: 'Rejected', failure: account.rejection };
  return { kind: account?.verdict === 'Accepted' ? 'Accepted' : 'Unverified' };
}

function observeCatalogue(key: string, account: Account | null): CatalogueObservation {
  if (account === null || account.verdict === 'Rejected') return { kind: 'NotNeeded' };
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
