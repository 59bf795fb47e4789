import type { Observed, UnknownReason } from '../plan/observed.ts';

/** What the status shows of a VM that this reconciliation did not see: whether that is still valid, and if not, why. */
export interface LastKnown {
  /**
   * `Held`: still valid. `Unseen`: no read can show the VM, so its state is Unknown, while addresses stay. `Unlisted`:
   * the list lacks the VM, so nothing is shown that may have ended with it. `Gone`: deleted by all evidence, so the spec
   * may change. `OfOther`: the VM is another object's, so nothing of it is shown.
   */
  readonly standing: 'Held' | 'Unseen' | 'Unlisted' | 'Gone' | 'OfOther';
  /** Why the VM can't be compared with the spec; undefined for a VM whose last known state is valid. */
  readonly because?: string;
}

export const held: LastKnown = { standing: 'Held' };

/** The status or annotations are another object's. */
export const ofOther = {
  standing: 'OfOther',
  because: 'the object carries the identity of another object, so it has no VM to compare',
} as const satisfies LastKnown;

const unlisted: LastKnown = { standing: 'Unlisted', because: "the list doesn't contain the VM" };

/**
 * Pure. An outage says nothing about a VM, and Ready stays unchanged, so the last known state stays. Worked table:
 *
 * | why the VM is not seen                                                | standing |
 * | --------------------------------------------------------------------- | -------- |
 * | no read since the last change; the provider or its answer failed      | Held     |
 * | no usable API key, or the key shows another account                   | Unseen   |
 * | what a create request led to isn't known                              | Unseen   |
 * | another object's record, whatever is seen                             | OfOther  |
 * | only an annotation names the VM                                       | Unlisted |
 * | the list lacks the VM, or has several of its name                     | Unlisted |
 * | the list lacks the VM, and one that can't be read may be the object's | Unlisted |
 * | confirmed deleted, also while its recreation is delayed               | Gone     |
 */
export function lastKnown(o: Observed): LastKnown {
  const last = standingOf(o);
  const isUnread = o.machine.kind === 'Unknown' && !aboutCandidates.has(o.machine.reason.kind);
  const isVmKnown = o.identity.kind !== 'None' || o.object.status?.id !== undefined;
  return isVmKnown || !isUnread ? last : { ...last, because: 'no VM of this object is known yet' };
}

/** They say more than that no VM is known. */
const aboutCandidates: ReadonlySet<UnknownReason['kind']> = new Set(['OutcomeUnknown', 'DuplicateName']);

function standingOf({ machine, credentials, identity, object }: Observed): LastKnown {
  if (identity.kind === 'OtherObject') return ofOther;
  if (machine.kind === 'Absent') return { standing: 'Gone', because: 'the object has no VM' };
  if (machine.kind === 'Present') return held;
  if (identity.kind === 'Unproven')
    return { standing: 'Unlisted', because: 'no VM is proven to be the one of this object' };
  if (credentials.kind !== 'Accepted' && credentials.kind !== 'Unverified')
    return { standing: 'Unseen', because: "the VM can't be read without a valid API key" };
  switch (machine.reason.kind) {
    case 'NotYetSeen':
    case 'ReadFailed':
      return held;
    case 'Unreadable':
      return machine.reason.id === object.status?.id ? held : unlisted;
    case 'OtherAccount':
    case 'OtherKey':
    case 'NotOwn':
      return { standing: 'Unseen', because: "the API key doesn't show the VM" };
    case 'OutcomeUnknown':
      return { standing: 'Unseen', because: "it isn't known whether the VM exists" };
    case 'AbsenceUnconfirmed':
    case 'MassAbsence':
      return unlisted;
    case 'AbsenceRecent':
      return { standing: 'Gone', because: "the list doesn't contain the VM, and GET returns 404" };
    case 'DuplicateName':
      return { standing: 'Unlisted', because: "it isn't known which VM is the one of this object" };
  }
}
