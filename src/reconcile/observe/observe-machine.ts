import { hasFinalizer, isNameOwn, keyText, providerName } from '../../api/v1alpha1/identity.ts';
import { annotations } from '../../api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Machine, ProviderId, UnreadableMachine } from '../../domain/machine.ts';
import type { Limits, MachineObservation } from '../../plan/observed.ts';
import { isFromIntent, isInDoubt } from '../../plan/create.ts';
import { mayCreate } from '../../plan/external-deletion.ts';
import type { Absence, Snapshot } from '../../provider/account/account.ts';
import {
  confirmAbsence,
  checkAccount,
  confirmNameFree,
  confirmRecreation,
  unreadableOf,
  manyDisappeared,
  namelessFor,
} from './absence-evidence.ts';
import { Findings, type MachineFinding } from './findings.ts';
import type { ReadableAccount, ReconcileSubject, MachineLookup } from './machine-lookup.ts';

export interface MachineDeps {
  readonly clock: Clock;
  readonly limits: Limits;
  /**
   * When this process became responsible for the object (monotonic): it became the leader, or the object entered its
   * selector. Calls of the process before it may be in flight until the response deadline after that.
   */
  readonly leadingSince: (key: string) => number;
}

const notYetSeen: MachineObservation = { kind: 'Unknown', reason: { kind: 'NotYetSeen' } };
/** There is nothing to look for. */
export const nothingFound: MachineFinding = new Findings().of(notYetSeen);
const outcomeUnknown: MachineObservation = { kind: 'Unknown', reason: { kind: 'OutcomeUnknown' } };

/** The retry interval of a read of a single machine. */
const rereadAfter = 5_000;
/** The longest wait for a further list while the evidence of absence is not complete. */
const longestRecheck = 60_000;

interface FindDeps extends MachineDeps {
  readonly findings: Findings;
}

/** What the reads so far show of the object's VM, and which further reads are needed. Changes nothing. */
export function observeMachine(
  deps: MachineDeps,
  account: ReadableAccount,
  subject: ReconcileSubject,
  target: MachineLookup,
): MachineFinding {
  const findings = new Findings();
  return findings.of(findMachine({ ...deps, findings }, account, subject, target));
}

function findMachine(
  deps: FindDeps,
  account: ReadableAccount,
  subject: ReconcileSubject,
  target: MachineLookup,
): MachineObservation {
  const { object, objectState, name, identity, intent } = subject;
  if (account.lastFailure !== undefined) {
    return { kind: 'Unknown', reason: { kind: 'ReadFailed', failure: account.lastFailure } };
  }
  const { snapshot } = account;
  if (target.id === undefined && identity.kind === 'None' && isNeverCreated(subject)) {
    if (snapshot === undefined) {
      deps.findings.requestList(0);
      return notYetSeen;
    }
    // Any complete list is recent enough, because VMs of previous objects have existed for long. A VM with exactly this
    // name is the object's: Kubernetes was restored to a time before it was created.
    if (snapshot.byName(target.name).length === 0) return unreadableNamed(deps, snapshot, subject, target.name);
  }
  const notBefore = Math.max(
    account.lastWriteAt(name) ?? 0,
    // The VM that replaces a recorded one can have another name.
    account.lastWriteAt(providerName(object)) ?? 0,
    // A search by name needs a list that is newer than the object in this process; a search by id doesn't.
    identity.kind === 'Known' ? 0 : objectState.firstSeenAt,
    objectState.requestedAt ?? 0,
    objectState.relistAfter !== undefined && objectState.relistAfter <= deps.clock.monotonic()
      ? objectState.relistAfter
      : 0,
  );
  const cached = target.id === undefined ? undefined : account.cachedMachine(target.id);
  if (snapshot !== undefined && cached !== undefined && cached.startedAt >= notBefore) {
    if (snapshot.has(cached.machine.id)) deps.findings.listCaughtUp();
    const named = isUnseen(subject, cached.machine) ? successorIn(snapshot, subject) : undefined;
    return presentOf(deps, account, subject, named ?? cached.machine, cached.startedAt);
  }
  if (snapshot === undefined || snapshot.startedAt < notBefore) {
    deps.findings.requestMachine(notBefore);
    return notYetSeen;
  }
  const unreadable = target.id === undefined ? undefined : snapshot.unreadable.get(target.id);
  if (unreadable !== undefined) return unreadableMachine(unreadable, true);
  // The VM on record was confirmed deleted before the create request that replaces it.
  const successor = identity.kind === 'Known' && intent !== undefined ? successorIn(snapshot, subject) : undefined;
  if (successor !== undefined) return { kind: 'Present', machine: successor };
  // From here on, only lists count: only they show what is absent, and which VM has a name.
  if (target.id === undefined) return findByName(deps, account, snapshot, subject, target.name);
  return findById(deps, account, snapshot, subject, target.id);
}

/** A VM that the newest list lacks and for which `GET` returns 404. */
interface GoneMachine {
  readonly id: ProviderId;
  readonly absence: Absence | undefined;
  readonly wasSeen: boolean;
  /** When that `GET` started (monotonic). */
  readonly notFoundAt: number;
}

/**
 * For a VM whose id is deleted, while another VM may have the object's name: the record is then of an earlier VM,
 * because a create was not recorded, or a backup restored the record. Before another create, the absence has to last.
 */
function replacementOf(
  deps: FindDeps,
  account: ReadableAccount,
  snapshot: Snapshot,
  subject: ReconcileSubject,
  gone: GoneMachine,
): MachineObservation {
  const { object, identity, intent } = subject;
  const found = snapshot.byName(providerName(object));
  const [machine] = found;
  const isCreate = mayCreate(object, identity, { kind: 'Absent' });
  if (machine !== undefined) {
    const isOurs = isSuccessor(subject, machine);
    if (found.length === 1 && (isOurs || identity.kind !== 'Known')) return { kind: 'Present', machine };
    // No second VM of the name is created, but an object whose VM is deleted may be deleted.
    if (!isOurs && !isCreate) return { kind: 'Absent' };
    return duplicateName(providerName(object), found);
  }
  const byName = intent === undefined ? undefined : findByName(deps, account, snapshot, subject, providerName(object));
  if (byName?.kind === 'Unknown') return byName;
  const mustExist = identity.kind !== 'Known' && object.spec.adoption.policy === 'MustExist';
  if (!isCreate || mustExist) return { kind: 'Absent' };
  const lacking = unreadableNamed(deps, snapshot, subject, providerName(object));
  if (lacking.kind === 'Unknown') return lacking;
  // A VM doesn't count as absent while it may not be listed yet.
  const recreateAfter = deps.limits.recreateAfter + (gone.wasSeen ? 0 : deps.limits.visibilityWindow);
  const judgment = confirmRecreation({ ...gone, newest: snapshot.startedAt, recreateAfter });
  if (judgment.isDue) return freeName(deps, snapshot, subject);
  deps.findings.requestList(Math.max(judgment.wantListAfter, deps.clock.monotonic() + rereadAfter));
  const until = epochOf(deps.clock, (gone.absence?.since ?? snapshot.startedAt) + recreateAfter);
  return { kind: 'Unknown', reason: { kind: 'AbsenceRecent', id: gone.id, until } };
}

function duplicateName(name: string, found: readonly Machine[]): MachineObservation {
  return { kind: 'Unknown', reason: { kind: 'DuplicateName', name, ids: found.map(({ id }) => id) } };
}

/** No readable VM has the name: absent, unless an unreadable VM has it, or may have it. */
function unreadableNamed(
  deps: FindDeps,
  snapshot: Snapshot,
  subject: ReconcileSubject,
  name: string,
): MachineObservation {
  const { object, objectState, intent } = subject;
  const isOpen = objectState.openIntent(object.metadata.annotations?.[annotations.createPending]) !== undefined;
  const unreadable = unreadableOf(snapshot, {
    name,
    isNeverCreated: isNeverCreated(subject),
    intent: isOpen ? { nameless: intent?.nameless ?? [], sentAt: objectState.intentSentAt } : undefined,
  });
  if (unreadable === undefined) return { kind: 'Absent' };
  // Once it is readable, it may have a name that no object is subscribed to.
  deps.findings.requestList(deps.clock.monotonic() + longestRecheck);
  if (unreadable.name !== undefined || isOpen) return unreadableMachine(unreadable, unreadable.name !== undefined);
  return unreadableMachine(unreadable, false, epochOf(deps.clock, unreadable.since + namelessFor));
}

/** `until`: until when (epoch milliseconds) it delays a create at the longest. */
function unreadableMachine({ id, problem }: UnreadableMachine, isOurs: boolean, until?: number): MachineObservation {
  const reason = { kind: 'Unreadable', id, problem, isOurs } as const;
  return { kind: 'Unknown', reason: until === undefined ? reason : { ...reason, until } };
}

/** Whether the recorded id is only from the response to a create, and the VM has another name. */
function isUnseen({ object, identity, name, isIntentProven }: ReconcileSubject, { name: seen }: Machine): boolean {
  const isOpen = object.metadata.annotations?.[annotations.createPending] !== undefined && isIntentProven;
  return identity.kind === 'Known' && isOpen && seen !== name;
}

/** The only VM of the object's name, if it proves to be the object's, or may be that of its refused create request. */
function successorIn(snapshot: Snapshot, subject: ReconcileSubject): Machine | undefined {
  const [machine, ...others] = snapshot.byName(providerName(subject.object));
  if (machine === undefined || others.length > 0) return undefined;
  return isSuccessor(subject, machine) || isInDoubt(subject, machine) ? machine : undefined;
}

/** Whether a VM with another id than the recorded one proves to be the object's. */
function isSuccessor(subject: ReconcileSubject, machine: Machine): boolean {
  const { object } = subject;
  return machine.name === providerName(object) && (isNameOwn(object) || isFromIntent(subject, machine));
}

/**
 * Whether the object can't have a VM yet: the name carries its UID, and no create intent or VM was recorded. Without
 * the finalizer, which is stored before anything billable, no earlier record can have been lost.
 */
function isNeverCreated({ object, objectState, name }: ReconcileSubject): boolean {
  const { metadata, status } = object;
  return (
    isNameOwn(object) &&
    // Not for an existing VM that `spec.adoption` names.
    name === providerName(object) &&
    (metadata.annotations?.[annotations.createPending] ?? objectState.openIntent(undefined)) === undefined &&
    !hasFinalizer(object) &&
    status?.id === undefined
  );
}

function findByName(
  deps: FindDeps,
  account: ReadableAccount,
  snapshot: Snapshot,
  subject: ReconcileSubject,
  name: string,
): MachineObservation {
  const { object, objectState, key, intent } = subject;
  const found = snapshot.byName(name);
  const [machine] = found;
  if (found.length > 1) return duplicateName(name, found);
  if (machine !== undefined) {
    deps.findings.recordMachine({ machine, startedAt: snapshot.startedAt, at: deps.clock.monotonic() });
    return { kind: 'Present', machine };
  }
  const lacking = unreadableNamed(deps, snapshot, subject, name);
  if (lacking.kind === 'Unknown') return lacking;
  const { massDisappearance } = account;
  if (massDisappearance !== undefined) {
    deps.findings.requestList(Math.max(massDisappearance.until, deps.clock.monotonic()));
    return manyDisappeared(massDisappearance);
  }
  const open = objectState.openIntent(object.metadata.annotations?.[annotations.createPending]);
  if (open === undefined) return freeName(deps, snapshot, subject);
  // The call was sent with the key of another account, so the lists of this one say nothing about it.
  const otherAccount = checkAccount(snapshot.ownerIds, intent?.ownerId);
  if (otherAccount !== undefined) return otherAccount;
  if (!isKeyOf(subject, account)) return { kind: 'Unknown', reason: { kind: 'OtherKey' } };

  if (objectState.refusedIntent === open && snapshot.startedAt >= objectState.refusedAt)
    return freeName(deps, snapshot, subject);
  const earliest = Math.max(deps.leadingSince(key), objectState.intentSentAt ?? 0) + deps.limits.callDeadline;
  if (snapshot.startedAt >= earliest) deps.findings.recordAbsence(snapshot.startedAt);
  const judgment = confirmNameFree({
    earliest,
    firstListWithout: objectState.firstListWithout ?? deps.findings.absentSince,
    newest: snapshot.startedAt,
    visibilityWindow: deps.limits.visibilityWindow,
  });
  if (judgment.absent) return freeName(deps, snapshot, subject);
  deps.findings.requestList(judgment.wantListAfter);
  return outcomeUnknown;
}

/** How old a list may be, from its response, that shows that a chosen name is free. */
const freeFor = 5_000;

/** Whether the list is recent enough at `now` (monotonic) to show that a chosen name is free. */
export function isNewEnough(list: Snapshot | undefined, now: number): boolean {
  return list !== undefined && now - list.answeredAt <= freeFor;
}

/**
 * No VM has the name. Other users of the account can take a name that the manifest chose, and a create that is refused
 * for that reason could make an unmanaged VM look like the object's. So the list before a create has to be recent.
 */
function freeName(deps: FindDeps, snapshot: Snapshot, subject: ReconcileSubject): MachineObservation {
  const { object, identity } = subject;
  const isNew = isNewEnough(snapshot, deps.clock.monotonic());
  if (isNew || isNameOwn(object) || !mayCreate(object, identity, { kind: 'Absent' })) return { kind: 'Absent' };
  deps.findings.requestList(deps.clock.monotonic());
  return notYetSeen;
}

/** Whether the create intent was written with the key in use, or with one of the same account. */
function isKeyOf({ intent, isIntentProven, objectState }: ReconcileSubject, account: ReadableAccount): boolean {
  if (objectState.intentAccount === account || intent?.proof === undefined) return true;
  return isIntentProven || (intent.ownerId !== undefined && intent.ownerId === account.ownerId);
}

/** Neither the list shows it, nor a later read of it alone. */
function findById(
  deps: FindDeps,
  account: ReadableAccount,
  snapshot: Snapshot,
  subject: ReconcileSubject,
  id: ProviderId,
): MachineObservation {
  const { key, object, objectState, name } = subject;
  const ownerId = ownerRecorded(subject);
  const otherAccount = checkAccount(snapshot.ownerIds, ownerId);
  if (otherAccount !== undefined) return otherAccount;
  const subscribedSince = account.subscribedSince(key) ?? 0;
  if (snapshot.startedAt < subscribedSince) {
    deps.findings.requestList(subscribedSince);
    return notYetSeen;
  }
  const read = account.readMachine(key, id, snapshot.startedAt);
  if (read === undefined) return notYetSeen;
  if (!read.outcome.ok) {
    // A VM that no list shows requeues no object.
    deps.findings.requestList(deps.clock.monotonic() + rereadAfter);
    return { kind: 'Unknown', reason: { kind: 'ReadFailed', failure: read.outcome.failure } };
  }
  if (read.outcome.value !== undefined) {
    // The list lags: the machine that GET returns exists.
    const now = deps.clock.monotonic();
    deps.findings.listLags(now);
    const laggingFor = now - (objectState.laggingSince ?? now);
    const isMoving = object.status?.operation !== undefined || object.metadata.deletionTimestamp !== undefined;
    deps.findings.requestList(now + Math.min(laggingFor, isMoving ? rereadAfter : longestRecheck));
    return presentOf(deps, account, subject, read.outcome.value, read.startedAt);
  }
  const wasSeen = objectState.wasListed || (subject.identity.kind === 'Known' && wasSeenBefore(object));
  const absence = account.absenceOf(id);
  const lackingFor = snapshot.startedAt - (absence?.since ?? snapshot.startedAt);
  const massDisappearance = account.massDisappearanceOf(id);
  const judgment = confirmAbsence({
    massDisappearance,
    listedOwners: snapshot.ownerIds,
    isEmpty: snapshot.machines.length === 0 && snapshot.unreadable.size === 0,
    isRecorded: subject.identity.kind !== 'None',
    isSameKey: isSameKey(subject, account),
    // Another VM of the name makes this uncertain, unless that VM proves to be the newer one.
    notFound: snapshot.byName(name).every((other) => isSuccessor(subject, other)),
    ownerId,
    keyOwnerId: account.ownerId,
    lists: absence?.lists ?? 0,
    wasSeen,
    lackingFor,
    visibilityWindow: deps.limits.visibilityWindow,
  });
  if (judgment.kind === 'Absent')
    return replacementOf(deps, account, snapshot, subject, { absence, id, wasSeen, notFoundAt: read.startedAt });
  // A later list decides: soon at first, then at longer intervals, because the cause may persist.
  const soon = deps.clock.monotonic() + Math.min(lackingFor, longestRecheck);
  deps.findings.requestList(Math.max(soon, massDisappearance?.until ?? 0));
  // A VM that was just created may not be visible yet.
  if (wasSeen || lackingFor >= deps.limits.visibilityWindow) return judgment;
  // While a VM is being created, the status shows that.
  if (subject.identity.kind === 'Known') return notYetSeen;
  const until = epochOf(deps.clock, (absence?.since ?? snapshot.startedAt) + deps.limits.visibilityWindow);
  return { kind: 'Unknown', reason: { kind: 'NotYetSeen', unlisted: { id, until } } };
}

/** Whether the VM that the object records was last seen with the key in use. */
function isSameKey({ object: { metadata, status }, identity }: ReconcileSubject, account: ReadableAccount): boolean {
  return identity.kind === 'Known' && status?.internal?.apiKeyHash === account.keyedHash(keyText(metadata));
}

/**
 * A VM of another owner isn't the recorded one, unless key and name are the same: a response named a wrong owner then.
 * With the operator's default key, which shows the VMs of many tenants, only a name with the object's UID proves that a
 * VM is the object's.
 */
function presentOf(
  deps: FindDeps,
  account: ReadableAccount,
  subject: ReconcileSubject,
  machine: Machine,
  startedAt: number,
): MachineObservation {
  const recorded = ownerRecorded(subject);
  const isSame = machine.name === subject.name && (isSameKey(subject, account) || subject.isIntentProven);
  if (recorded !== undefined && machine.ownerId !== undefined && machine.ownerId !== recorded && !isSame)
    return { kind: 'Unknown', reason: { kind: 'OtherAccount', ownerId: machine.ownerId } };
  if (subject.isDefaultKey && machine.name !== providerName(subject.object))
    return { kind: 'Unknown', reason: { kind: 'NotOwn' } };
  deps.findings.recordMachine({ machine, startedAt, at: deps.clock.monotonic() });
  return { kind: 'Present', machine };
}

/** Converts a monotonic time to epoch milliseconds. */
function epochOf(clock: Clock, moment: number): number {
  return clock.now() - (clock.monotonic() - moment);
}

function ownerRecorded({ identity }: ReconcileSubject): ProviderId | undefined {
  return identity.kind === 'OtherObject' || identity.kind === 'Known' ? identity.ownerId : undefined;
}

/** Whether the VM was Ready, or has a recorded state that only a list shows. */
function wasSeenBefore({ status }: VirtualMachine): boolean {
  const state = status?.state;
  return (
    status?.internal?.lastSyncedPowerState !== undefined ||
    (state !== undefined && state !== 'Pending' && state !== 'Unknown')
  );
}
