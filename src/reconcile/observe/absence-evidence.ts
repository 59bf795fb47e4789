import type { ProviderId } from '../../domain/machine.ts';
import type { MachineObservation } from '../../plan/observed.ts';
import type { Absence, Snapshot, UnreadableEntry } from '../../provider/account/account.ts';

/**
 * The evidence that a VM is gone for which `GET /{id}` returned 404 after the newest list. A list counts only if it started after the
 * operator's last call for the VM.
 */
export interface AbsenceEvidence {
  /** The owners in the newest complete list. */
  readonly listedOwners: readonly ProviderId[];
  /** Whether that list is empty. */
  readonly isEmpty: boolean;
  /** Another VM that the list shows with its name. */
  readonly namesake: ProviderId | undefined;
  /** The recorded owner of the machine when it was last seen. */
  readonly ownerId: ProviderId | undefined;
  /** The owner that this key has shown since the operator started. */
  readonly keyOwnerId: ProviderId | undefined;
  /** Whether the machine was last seen with this key, according to the object. */
  readonly isSameKey: boolean;
  /** Whether the object records the machine. One that only the spec names may be another user's, or may not exist. */
  readonly isRecorded: boolean;
  /** Consecutive complete lists that lacked the machine. */
  readonly lists: number;
  /** Whether the machine was ever seen. A new one may not be visible yet. */
  readonly wasSeen: boolean;
  /** Milliseconds between the first and the newest of those lists. */
  readonly lackingFor: number;
  readonly visibilityWindow: number;
  /** How many machines disappeared from the list together with it, if that was a mass disappearance. */
  readonly massDisappearance: { readonly vanished: number; readonly of: number } | undefined;
}

/** How many agreeing lists count as proof if the list shows no owner. */
const agreeingLists = 3;

/**
 * Decides whether a machine that the list lacks is deleted. Pure. Worked table, first row that applies. Where it says
 * Absent and the machine is part of a mass disappearance, the result is MassDisappearance:
 *
 * | list shows                | then                                                               |
 * | ------------------------- | ------------------------------------------------------------------ |
 * | another owner             | OtherAccount: with such a key, every machine is a 404              |
 * | another VM with its name  | AbsenceUnconfirmed: the provider may have changed its id           |
 * | never seen before         | AbsenceUnconfirmed until lists lacked it for the visibility window |
 * | the machine's owner       | Absent                                                             |
 * | no machine at all         | Absent if this key, or its owner, last showed the machine          |
 * | no machine at all         | for a machine that is not on record: Absent if lists agree         |
 * | owner not known           | Absent if lists agree                                              |
 *
 * Lists agree if three in a row lacked it, over at least the visibility window.
 */
export function confirmAbsence(evidence: AbsenceEvidence): MachineObservation {
  const { listedOwners, ownerId } = evidence;
  const [firstOwner] = listedOwners;
  const otherAccount = checkAccount(listedOwners, ownerId);
  if (otherAccount !== undefined) return otherAccount;
  const { namesake } = evidence;
  if (namesake !== undefined) return { kind: 'Unknown', reason: { kind: 'AbsenceUnconfirmed', namesake } };
  if (!evidence.wasSeen && evidence.lackingFor < evidence.visibilityWindow) return unconfirmed;
  const isOwnersList = ownerId !== undefined && firstOwner !== undefined;
  const isOwnersKey = evidence.isSameKey || (ownerId !== undefined && evidence.keyOwnerId === ownerId);
  const doAgree = evidence.lists >= agreeingLists && evidence.lackingFor >= evidence.visibilityWindow;
  // No number of empty lists is evidence if they may be from another account.
  const mayAgree = !evidence.isEmpty || !evidence.isRecorded;
  if (!isOwnersList && !isOwnersKey && !(doAgree && mayAgree)) return unconfirmed;
  const { massDisappearance } = evidence;
  return massDisappearance === undefined ? { kind: 'Absent' } : manyDisappeared(massDisappearance);
}

/** The first row of the table. */
export function checkAccount(
  listedOwners: readonly ProviderId[],
  ownerId: ProviderId | undefined,
): MachineObservation | undefined {
  const [firstOwner] = listedOwners;
  if (ownerId === undefined || firstOwner === undefined || listedOwners.includes(ownerId)) return undefined;
  return { kind: 'Unknown', reason: { kind: 'OtherAccount', ownerId: firstOwner } };
}

/** A mass disappearance says nothing about any one machine. */
export function manyDisappeared({
  vanished,
  of,
}: {
  readonly vanished: number;
  readonly of: number;
}): MachineObservation {
  return { kind: 'Unknown', reason: { kind: 'MassAbsence', vanished, of } };
}

const unconfirmed: MachineObservation = { kind: 'Unknown', reason: { kind: 'AbsenceUnconfirmed' } };

/** The evidence for recreating a VM that is deleted by the table above. Monotonic milliseconds. */
export interface RecreationEvidence {
  /** Consecutive complete lists that lacked it; undefined if a read has shown it since. */
  readonly absence: Absence | undefined;
  /** When the newest of these lists started. */
  readonly newest: number;
  /** When the `GET` started that returned 404. */
  readonly notFoundAt: number;
  readonly recreateAfter: number;
}

/** The minimum number of lists that agree before a VM is recreated. */
const listsToRecreate = 3;

/**
 * Whether the VM may be recreated. A wrong "deleted" costs money and leaves a VM behind, a late one costs minutes, so
 * recreation is never urgent. Pure. Worked table, first row that applies:
 *
 * | lists that lacked it in a row    | 404 after the newest | then                        |
 * | -------------------------------- | -------------------- | --------------------------- |
 * | none                             |                      | wait for a list             |
 * | over less than five minutes      |                      | wait for a list after these |
 * | one or two                       |                      | wait for another list       |
 * | three or more, over five minutes | no                   | read it                     |
 * | three or more, over five minutes | yes                  | the VM may be recreated     |
 */
export function confirmRecreation(
  e: RecreationEvidence,
): { readonly isDue: true } | { readonly isDue: false; readonly wantListAfter: number } {
  const { absence, newest } = e;
  if (absence === undefined) return { isDue: false, wantListAfter: newest + 1 };
  const until = absence.since + e.recreateAfter;
  if (newest < until) return { isDue: false, wantListAfter: until };
  if (absence.lists < listsToRecreate) return { isDue: false, wantListAfter: newest + 1 };
  if (e.notFoundAt < newest) return { isDue: false, wantListAfter: newest + 1 };
  return { isDue: true };
}

/** When a create request can no longer be in flight, and what lists have shown since. Monotonic milliseconds. */
export interface NameEvidence {
  /** The later of the create request and this process's start, plus the response deadline. */
  readonly earliest: number;
  /** When the first complete list that lacks the name, at or after `earliest`, started. */
  readonly firstListWithout: number | undefined;
  /** When the newest complete list, which lacks the name, started. */
  readonly newest: number;
  readonly visibilityWindow: number;
}

/**
 * Whether lists confirm that a create request without a response had no effect, and otherwise which list to request.
 */
export function confirmNameFree(
  e: NameEvidence,
): { readonly absent: true } | { readonly absent: false; readonly wantListAfter: number } {
  if (e.firstListWithout === undefined || e.newest < e.earliest) return { absent: false, wantListAfter: e.earliest };
  const second = e.firstListWithout + e.visibilityWindow;
  return e.newest >= second ? { absent: true } : { absent: false, wantListAfter: second };
}

/** How long lists have to show a VM without a readable name before it blocks no create. */
export const namelessFor = 5 * 60_000;

/** The question whether an unreadable VM may have a name. Monotonic milliseconds. */
export interface NameQuery {
  readonly name: string;
  /** Whether no create intent was ever stored for the object, and its name carries its UID. */
  readonly isNeverCreated: boolean;
  /**
   * The create call that may have had an effect, if any. `nameless`: the nameless VMs in its intent; `sentAt`: if this
   * process sent it.
   */
  readonly intent: { readonly nameless: readonly ProviderId[]; readonly sentAt: number | undefined } | undefined;
}

/**
 * The unreadable VM in the list that may have the name; undefined if there is none. Pure. Worked table, for each
 * unreadable VM, first row that applies:
 *
 * | its name                  | and                                                                 | may be the one        |
 * | ------------------------- | ------------------------------------------------------------------- | --------------------- |
 * | readable, or read earlier |                                                                     | if it equals the name |
 * | unknown                   | no create intent was ever stored for the object                     | no                    |
 * | unknown                   | it was listed before the create intent was stored                   | no                    |
 * | unknown                   | no call is in doubt, and it has characters that no created VM's has | no                    |
 * | unknown                   | no call is in doubt, and five minutes of lists show it so           | no                    |
 * | unknown                   |                                                                     | yes                   |
 *
 * So an unmanaged VM without a name delays no create for long, and a VM of this object that the provider shows without
 * its name isn't created twice.
 */
export function unreadableOf(snapshot: Snapshot, query: NameQuery): UnreadableEntry | undefined {
  return [...snapshot.unreadable.values()].find((entry) => mayHaveName(entry, snapshot.startedAt, query));
}

function mayHaveName(entry: UnreadableEntry, now: number, { name, isNeverCreated, intent }: NameQuery): boolean {
  if (entry.name !== undefined) return entry.name === name;
  if (isNeverCreated) return false;
  if (intent === undefined) return entry.isNameUnprintable !== true && now - entry.since < namelessFor;
  return !intent.nameless.includes(entry.id) && !(intent.sentAt !== undefined && entry.since <= intent.sentAt);
}
