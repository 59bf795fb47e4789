import { hasFinalizer, isNameOwn, providerName } from '../../api/v1alpha1/identity.ts';
import { annotations } from '../../api/v1alpha1/constants.ts';
import { type Clock, epochOf } from '../../domain/clock.ts';
import type { Machine, UnreadableMachine } from '../../domain/machine.ts';
import type { Limits, MachineObservation } from '../../plan/observed.ts';
import { mayCreate } from '../../plan/external-deletion.ts';
import type { Snapshot } from '../../provider/account/account.ts';
import { checkAccount, confirmNameFree, unreadableOf, manyDisappeared, namelessFor } from './absence-evidence.ts';
import type { Findings, ReadableAccount, ReconcileSubject } from './machine-lookup.ts';

export interface MachineDeps {
  readonly clock: Clock;
  readonly limits: Limits;
  /**
   * When this process became responsible for the object (monotonic): it became the leader, or the object entered its
   * selector. Calls of the process before it may be in flight until the response deadline after that.
   */
  readonly leadingSince: (key: string) => number;
}

export const notYetSeen: MachineObservation = { kind: 'Unknown', reason: { kind: 'NotYetSeen' } };
const outcomeUnknown: MachineObservation = { kind: 'Unknown', reason: { kind: 'OutcomeUnknown' } };

/** The longest wait for a further list while the evidence of absence is not complete. */
export const longestRecheck = 60_000;

export interface FindDeps extends MachineDeps {
  readonly findings: Findings;
}

/** The search needs a list that starts at or after this time (monotonic). */
export function requestList({ findings }: FindDeps, after: number): void {
  findings.requests.push({ type: 'List', after });
}

export function duplicateName(name: string, found: readonly Machine[]): MachineObservation {
  return { kind: 'Unknown', reason: { kind: 'DuplicateName', name, ids: found.map(({ id }) => id) } };
}

/** No readable VM has the name: absent, unless an unreadable VM has it, or may have it. */
export function unreadableNamed(
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
  requestList(deps, deps.clock.monotonic() + longestRecheck);
  if (unreadable.name !== undefined || isOpen) return unreadableMachine(unreadable, unreadable.name !== undefined);
  return unreadableMachine(unreadable, false, epochOf(deps.clock, unreadable.since + namelessFor));
}

/** `until`: until when (epoch milliseconds) it delays a create at the longest. */
export function unreadableMachine(
  { id, problem }: UnreadableMachine,
  isOurs: boolean,
  until?: number,
): MachineObservation {
  const reason = { kind: 'Unreadable', id, problem, isOurs } as const;
  return { kind: 'Unknown', reason: until === undefined ? reason : { ...reason, until } };
}

/**
 * Whether the object can't have a VM yet: the name carries its UID, and no create intent or VM was recorded. Without
 * the finalizer, which is stored before anything billable, no earlier record can have been lost.
 */
export function isNeverCreated({ object, objectState, name }: ReconcileSubject): boolean {
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

export function findByName(
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
    deps.findings.lastRead = { machine, startedAt: snapshot.startedAt, at: deps.clock.monotonic() };
    return { kind: 'Present', machine };
  }
  const lacking = unreadableNamed(deps, snapshot, subject, name);
  if (lacking.kind === 'Unknown') return lacking;
  const { massDisappearance } = account;
  if (massDisappearance !== undefined) {
    requestList(deps, Math.max(massDisappearance.until, deps.clock.monotonic()));
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
  if (snapshot.startedAt >= earliest) deps.findings.absentSince ??= snapshot.startedAt;
  const judgment = confirmNameFree({
    earliest,
    firstListWithout: objectState.firstListWithout ?? deps.findings.absentSince,
    newest: snapshot.startedAt,
    visibilityWindow: deps.limits.visibilityWindow,
  });
  if (judgment.absent) return freeName(deps, snapshot, subject);
  requestList(deps, judgment.wantListAfter);
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
export function freeName(deps: FindDeps, snapshot: Snapshot, subject: ReconcileSubject): MachineObservation {
  const { object, identity } = subject;
  const isNew = isNewEnough(snapshot, deps.clock.monotonic());
  if (isNew || isNameOwn(object) || !mayCreate(object, identity, { kind: 'Absent' })) return { kind: 'Absent' };
  requestList(deps, deps.clock.monotonic());
  return notYetSeen;
}

/** Whether the create intent was written with the key in use, or with one of the same account. */
function isKeyOf({ intent, isIntentProven, objectState }: ReconcileSubject, account: ReadableAccount): boolean {
  if (objectState.intentAccount === account || intent?.proof === undefined) return true;
  return isIntentProven || (intent.ownerId !== undefined && intent.ownerId === account.ownerId);
}
