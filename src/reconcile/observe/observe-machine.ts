import { isNameOwn, keyText, providerName } from '../../api/v1alpha1/identity.ts';
import { annotations } from '../../api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import { epochOf } from '../../domain/clock.ts';
import type { Machine, ProviderId } from '../../domain/machine.ts';
import type { MachineObservation } from '../../plan/observed.ts';
import { isFromIntent, isInDoubt } from '../../plan/create.ts';
import { mayCreate } from '../../plan/external-deletion.ts';
import type { Absence, Snapshot } from '../../provider/account/account.ts';
import { confirmAbsence, checkAccount, confirmRecreation } from './absence-evidence.ts';
import type { Findings, MachineFinding, MachineLookup, ReadableAccount, ReconcileSubject } from './machine-lookup.ts';
import {
  type MachineDeps,
  notYetSeen,
  longestRecheck,
  type FindDeps,
  duplicateName,
  unreadableNamed,
  unreadableMachine,
  isNeverCreated,
  findByName,
  freeName,
  requestList,
} from './find-by-name.ts';

/** There is nothing to look for. */
export const nothingFound: MachineFinding = { machine: notYetSeen, requests: [] };

/** The retry interval of a read of a single machine. */
const rereadAfter = 5_000;

/** What the reads so far show of the object's VM, and which further reads are needed. Changes nothing. */
export function observeMachine(
  deps: MachineDeps,
  account: ReadableAccount,
  subject: ReconcileSubject,
  target: MachineLookup,
): MachineFinding {
  const findings: Findings = { requests: [] };
  const machine = findMachine({ ...deps, findings }, account, subject, target);
  return { machine, ...findings };
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
      requestList(deps, 0);
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
    if (snapshot.has(cached.machine.id)) deps.findings.listLag = 'CaughtUp';
    const named = isUnseen(subject, cached.machine) ? successorIn(snapshot, subject) : undefined;
    return presentOf(deps, account, subject, named ?? cached.machine, cached.startedAt);
  }
  if (snapshot === undefined || snapshot.startedAt < notBefore) {
    deps.findings.requests.push({ type: 'Machine', after: notBefore });
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
  requestList(deps, Math.max(judgment.wantListAfter, deps.clock.monotonic() + rereadAfter));
  const until = epochOf(deps.clock, (gone.absence?.since ?? snapshot.startedAt) + recreateAfter);
  return { kind: 'Unknown', reason: { kind: 'AbsenceRecent', id: gone.id, until } };
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
    requestList(deps, subscribedSince);
    return notYetSeen;
  }
  const read = account.readMachine(key, id, snapshot.startedAt);
  if (read === undefined) return notYetSeen;
  if (!read.outcome.ok) {
    // A VM that no list shows requeues no object.
    requestList(deps, deps.clock.monotonic() + rereadAfter);
    return { kind: 'Unknown', reason: { kind: 'ReadFailed', failure: read.outcome.failure } };
  }
  if (read.outcome.value !== undefined) {
    // The list lags: the machine that GET returns exists.
    const now = deps.clock.monotonic();
    deps.findings.listLag = { since: now };
    const laggingFor = now - (objectState.laggingSince ?? now);
    const isMoving = object.status?.operation !== undefined || object.metadata.deletionTimestamp !== undefined;
    requestList(deps, now + Math.min(laggingFor, isMoving ? rereadAfter : longestRecheck));
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
    namesake: snapshot.byName(name).find((other) => !isSuccessor(subject, other))?.id,
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
  requestList(deps, Math.max(soon, massDisappearance?.until ?? 0));
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
  deps.findings.lastRead = { machine, startedAt, at: deps.clock.monotonic() };
  return { kind: 'Present', machine };
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
