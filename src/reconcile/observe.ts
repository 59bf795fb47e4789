import { createHash } from 'node:crypto';
import {
  type Identity,
  type Intent,
  isNameOwn,
  providerName,
  readIdentity,
  readIntent,
} from '../api/v1alpha1/identity.ts';
import { annotations, finalizer } from '../api/v1alpha1/names.ts';
import { readRequests } from '../api/v1alpha1/requests.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Clock } from '../model/clock.ts';
import type { Machine, ProviderId } from '../model/machine.ts';
import type {
  CatalogueObservation,
  CredentialsObservation,
  Limits,
  MachineObservation,
  Observed,
} from '../plan/observed.ts';
import { isRecreated } from '../plan/plan.ts';
import type { Account, Snapshot } from '../provider/account/account.ts';
import { isDeletionOnRecord } from '../status/conditions.ts';
import type { Credentials, KeyLookup } from './credentials.ts';
import type { DeleteBudget } from './delete-budget.ts';
import { judgeAbsence, judgeAccount, judgeName, unsettled } from './evidence.ts';
import type { Memory } from './history.ts';
import type { NamespaceQuota } from './namespace-quota.ts';
import { type RivalDeps, lookAlikesOf, machineHolder, nameHolder } from './rivals.ts';
import { type Subject, type Target, provenByName, targetOf } from './target.ts';

export interface ObserveDeps extends RivalDeps {
  readonly clock: Clock;
  readonly credentials: Credentials;
  readonly quota: Pick<NamespaceQuota, 'reachedFor'>;
  readonly deletes: Pick<DeleteBudget, 'heldFor'>;
  readonly limits: Limits;
  /**
   * When this process began to act on the object (monotonic): when it won the lease, or when the object's labels made it its own.
   * Calls of whoever acted before may be under way until the deadline after it.
   */
  readonly actingSince: (key: string) => number;
}

/** An observation together with the account it was made through; null when there is no usable key. */
export interface Observation {
  readonly observed: Observed;
  readonly account: Account | null;
}

/**
 * Gathers everything a decision about one object may rest on. All reads happen here; what could not be read becomes
 * `Unknown`, never a guess. Throws KubeError when the Secret cannot be read for reasons that say nothing about it.
 */
export async function observe(
  deps: ObserveDeps,
  key: string,
  object: VirtualMachine,
  memory: Memory,
): Promise<Observation> {
  const lookup = await deps.credentials.lookup(object);
  const present = lookup.kind === 'Found' ? deps.accountFor(lookup.apiKey) : null;
  const account = lookup.kind === 'Found' && present !== null ? accountInUse(present, memory, lookup.isDefault) : null;
  memory.awaitVerdictOn(present === account ? undefined : (present ?? undefined), account, key);
  memory.use(account, key);
  if (memory.successor !== undefined) {
    memory.successor.follow(key, { name: providerName(object) });
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
  // The list that shows that the provider is back wakes whoever would make a call by then.
  if (account?.isAway === true && account.lastFailure === undefined) account.want(key, deps.clock.monotonic());
  const machine =
    account === null || target === undefined ? notYetSeen : observeMachine(deps, account, subject, target);
  if (account?.verdict === 'Rejected' || isOtherAccount(machine)) deps.credentials.distrust(object);
  const now = deps.clock.now();
  const history = memory.history(now, () => refusalBasis(object));
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
      namespaceLimit: deps.quota.reachedFor(key),
      deletesHeldFor: deps.deletes.heldFor(),
      credentials: observeCredentials(lookup, account),
      machine,
      catalogue,
      isProviderAway: account?.isAway === true,
      gateClosedFor: Math.max(0, (account?.gateClosedUntil ?? 0) - deps.clock.monotonic()),
      history,
      limits: deps.limits,
    }),
  };
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

const notYetSeen: MachineObservation = { kind: 'Unknown', reason: { kind: 'NotYetSeen' } };
const outcomeUnknown: MachineObservation = { kind: 'Unknown', reason: { kind: 'OutcomeUnknown' } };

/** How soon the read of a single machine is tried again. */
const readAgain = 5_000;
/** The longest wait for a further list while the evidence of absence is not complete. */
const longestDoubt = 60_000;

function observeMachine(deps: ObserveDeps, account: Account, subject: Subject, target: Target): MachineObservation {
  const { key, memory, name, identity } = subject;
  if (account.lastFailure !== undefined) {
    return { kind: 'Unknown', reason: { kind: 'ReadFailed', failure: account.lastFailure } };
  }
  const { snapshot } = account;
  if (target.id === undefined && identity.kind === 'None' && isUntouched(subject)) {
    if (snapshot === undefined) {
      account.want(key, 0);
      return notYetSeen;
    }
    // Any complete list will do: what it is asked for, machines of an earlier life, has been there for long. One of this very
    // name is our own: Kubernetes was put back to a time before it was made.
    if (snapshot.byName(target.name).length === 0) return { kind: 'Absent' };
  }
  const notBefore = Math.max(
    account.lastChangeAt(name) ?? 0,
    // A look for a name, unlike one for a known machine, must not be older than the object as this process knows it.
    identity.kind === 'Known' ? 0 : memory.firstSeenAt,
    memory.requestedAt ?? 0,
    memory.lookAgainAt !== undefined && memory.lookAgainAt <= deps.clock.monotonic() ? memory.lookAgainAt : 0,
  );
  const sighting = target.id === undefined ? undefined : account.sighting(target.id);
  if (snapshot !== undefined && sighting !== undefined && sighting.startedAt >= notBefore) {
    if (snapshot.byId(sighting.machine.id) !== undefined) memory.caughtUp();
    return presentOf(deps, subject, sighting.machine, sighting.startedAt);
  }
  if (snapshot === undefined || snapshot.startedAt < notBefore) {
    account.wantMachine(key, notBefore);
    return notYetSeen;
  }
  // From here on it is looked for in a list: only those tell what is absent, and what a name stands for.
  if (target.id === undefined) return lookForName(deps, account, snapshot, subject, target.name);
  const found = lookForId(deps, account, snapshot, subject, target.id);
  return mayCreate(subject.object, identity, found) ? orOfItsName(snapshot, subject) : found;
}

/** Before a machine is made in place of one that is not there: one may have the name already that the new one is to get. */
function orOfItsName(snapshot: Snapshot, { object, identity }: Subject): MachineObservation {
  const found = snapshot.byName(providerName(object));
  const [machine] = found;
  if (machine === undefined) return { kind: 'Absent' };
  if (identity.kind !== 'Known' && found.length === 1) return { kind: 'Present', machine };
  return { kind: 'Unknown', reason: { kind: 'DuplicateName', ids: found.map(({ id }) => id) } };
}

/**
 * Nothing of ours can be there yet: the name carries the object's UID, nothing was ever announced or recorded, and
 * without our finalizer, which is stored before anything billable, no earlier record can have been lost.
 */
function isUntouched({ object, memory }: Subject): boolean {
  const { metadata, status } = object;
  return (
    isNameOwn(object) &&
    (metadata.annotations?.[annotations.createPending] ?? memory.openIntent(undefined)) === undefined &&
    metadata.finalizers?.includes(finalizer) !== true &&
    status?.id === undefined
  );
}

function lookForName(
  deps: ObserveDeps,
  account: Account,
  snapshot: Snapshot,
  { object, memory, key, intent }: Subject,
  name: string,
): MachineObservation {
  const found = snapshot.byName(name);
  const [machine] = found;
  if (found.length > 1) return { kind: 'Unknown', reason: { kind: 'DuplicateName', ids: found.map(({ id }) => id) } };
  if (machine !== undefined) {
    memory.sawMachine(machine, deps.clock.now(), epochOf(deps.clock, snapshot.startedAt));
    return { kind: 'Present', machine };
  }
  const { massAbsence } = account;
  if (massAbsence !== undefined) {
    account.want(key, Math.max(massAbsence.until, deps.clock.monotonic()));
    return unsettled(massAbsence);
  }
  if (memory.openIntent(object.metadata.annotations?.[annotations.createPending]) === undefined)
    return { kind: 'Absent' };
  // The call was made with the key of another account, so this one's lists say nothing about it.
  const otherAccount = judgeAccount(snapshot.ownerIds, intent?.ownerId);
  if (otherAccount !== undefined) return otherAccount;
  if (!isKeyOf(intent, account, memory)) return { kind: 'Unknown', reason: { kind: 'OtherKey' } };

  const earliest = Math.max(deps.actingSince(key), memory.intentSentAt ?? 0) + deps.limits.callDeadline;
  if (snapshot.startedAt >= earliest) memory.sawLack(snapshot.startedAt);
  const verdict = judgeName({
    earliest,
    firstLacking: memory.firstLacking,
    newest: snapshot.startedAt,
    visibilityWindow: deps.limits.visibilityWindow,
  });
  if (verdict.absent) return { kind: 'Absent' };
  account.want(key, verdict.wantListAfter);
  return outcomeUnknown;
}

/** Whether the key in use is the one the create call was announced with, or is shown to be of the same account. */
function isKeyOf(intent: Intent | undefined, account: Account, memory: Memory): boolean {
  if (memory.intentAccount === account || intent?.credentials === undefined) return true;
  return (
    intent.credentials === memory.credentialsVersion ||
    (intent.ownerId !== undefined && intent.ownerId === account.ownerId)
  );
}

/** The list does not show it, nor does any later read of it alone. */
function lookForId(
  deps: ObserveDeps,
  account: Account,
  snapshot: Snapshot,
  subject: Subject,
  id: ProviderId,
): MachineObservation {
  const { key, object, memory, name } = subject;
  const recordedOwner = ownerRecorded(subject);
  const ownerId = recordedOwner ?? (subject.identity.kind === 'Known' ? object.status?.ownerId : undefined);
  const otherAccount = judgeAccount(snapshot.ownerIds, ownerId);
  if (otherAccount !== undefined) return otherAccount;
  const followedSince = account.followedSince(key) ?? 0;
  if (snapshot.startedAt < followedSince) {
    account.want(key, followedSince);
    return notYetSeen;
  }
  const read = account.lookUp(key, id, snapshot.startedAt);
  if (read === undefined) return notYetSeen;
  if (!read.outcome.ok) {
    // A machine that no list shows any more wakes nobody.
    account.want(key, deps.clock.monotonic() + readAgain);
    return { kind: 'Unknown', reason: { kind: 'ReadFailed', failure: read.outcome.failure } };
  }
  if (read.outcome.value !== undefined) {
    // The list lags: a machine that answers to its id is there.
    const now = deps.clock.monotonic();
    const isMoving = object.status?.operation !== undefined || object.metadata.deletionTimestamp !== undefined;
    account.want(key, now + Math.min(memory.lagged(now), isMoving ? readAgain : longestDoubt));
    return presentOf(deps, subject, read.outcome.value, read.startedAt);
  }
  memory.sawLack(snapshot.startedAt);
  // The status may still be of the machine before: a process that made a new one may have died before it told.
  const isTold = subject.identity.kind === 'Known' && object.status?.id === id;
  const wasSeen = memory.wasSeen || (isTold && wasSeenBefore(object));
  const lackingFor = snapshot.startedAt - (memory.firstLacking ?? snapshot.startedAt);
  const massAbsence = account.massAbsenceOf(id);
  const verdict = judgeAbsence({
    massAbsence,
    listedOwners: snapshot.ownerIds,
    isEmpty: snapshot.machines.length === 0,
    isRecorded: subject.identity.kind !== 'None',
    isSameKey: isSameKey(subject),
    notFound: snapshot.byName(name).length === 0,
    ownerId,
    keyOwnerId: account.ownerId,
    sweeps: memory.sweeps,
    wasSeen,
    lackingFor,
    visibilityWindow: deps.limits.visibilityWindow,
  });
  // A later list decides: soon at first, then ever more slowly, because what stands in the way may stay.
  const soon = deps.clock.monotonic() + Math.min(lackingFor, longestDoubt);
  if (verdict.kind === 'Unknown') account.want(key, Math.max(soon, massAbsence?.until ?? 0));
  // Just created and not visible yet is no reason for alarm.
  return verdict.kind === 'Unknown' && !wasSeen && lackingFor < deps.limits.visibilityWindow ? notYetSeen : verdict;
}

/** Whether the machine that the object records was last seen with the key in use. */
function isSameKey({ object: { status }, identity, memory }: Subject): boolean {
  return (
    identity.kind === 'Known' &&
    status?.id === identity.id &&
    status.credentialsVersion !== undefined &&
    status.credentialsVersion === memory.credentialsVersion
  );
}

/** A machine of another owner than the one recorded is not the one that was recorded. */
function presentOf(deps: ObserveDeps, subject: Subject, machine: Machine, startedAt: number): MachineObservation {
  const recorded = ownerRecorded(subject);
  if (recorded !== undefined && machine.ownerId !== undefined && machine.ownerId !== recorded)
    return { kind: 'Unknown', reason: { kind: 'OtherAccount', ownerId: machine.ownerId } };
  subject.memory.sawMachine(machine, deps.clock.now(), epochOf(deps.clock, startedAt));
  return { kind: 'Present', machine };
}

/** A monotonic moment as epoch milliseconds. */
function epochOf(clock: Clock, moment: number): number {
  return clock.now() - (clock.monotonic() - moment);
}

/** What only the status tells may have been edited, and is corrected by what is seen. */
function ownerRecorded({ identity }: Subject): ProviderId | undefined {
  if (identity.kind === 'Foreign') return identity.ownerId;
  return identity.kind === 'Known' && identity.source === 'Annotation' ? identity.ownerId : undefined;
}

function isOtherAccount(machine: MachineObservation): boolean {
  return machine.kind === 'Unknown' && machine.reason.kind === 'OtherAccount';
}

function wasSeenBefore(object: VirtualMachine): boolean {
  const state = object.status?.state;
  return state === 'Running' || state === 'Halted' || state === 'Starting' || state === 'Halting';
}

function observeCredentials(lookup: KeyLookup, account: Account | null): CredentialsObservation {
  if (lookup.kind === 'Missing') return lookup;
  if (account?.verdict === 'Rejected') return { kind: 'Rejected', failure: account.rejection };
  return { kind: account?.verdict === 'Accepted' ? 'Accepted' : 'Unverified' };
}

/** Whether a machine may be made: only then are the catalogue and machines of an earlier life looked at. */
function mayCreate(object: VirtualMachine, identity: Identity, machine: MachineObservation): boolean {
  if (machine.kind !== 'Absent' || object.metadata.deletionTimestamp !== undefined) return false;
  return identity.kind !== 'Known' || isRecreated(object, identity);
}

function observeCatalogue(key: string, account: Account | null): CatalogueObservation {
  if (account === null || account.verdict === 'Rejected') return { kind: 'NotNeeded' };
  const outcome = account.catalogue(key);
  if (outcome === undefined) return { kind: 'Reading' };
  return outcome.ok ? { kind: 'Read', ...outcome.value } : { kind: 'Unavailable', failure: outcome.failure };
}

const ours: ReadonlySet<string> = new Set([
  annotations.createPending,
  annotations.machine,
  annotations.defaultCredentials,
]);

/** What a refused create call rested on: the spec and the annotations that people set. */
export function refusalBasis(object: VirtualMachine): string {
  const people = Object.entries(object.metadata.annotations ?? {})
    .filter(([name]) => !ours.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([object.metadata.generation, people]))
    .digest('base64');
}
