import { isNameOwn } from '../api/v1alpha1/identity.ts';
import { adoptVm, annotate, deleteObject } from '../api/v1alpha1/commands.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import { quoted } from '../domain/text.ts';
import { type Decision, perform, requeue } from './action.ts';
import { retainHint } from './retain-hint.ts';
import type { Observed } from './observed.ts';

/**
 * Restored, copied or edited: the VM on record was recorded for another object, so the operator doesn't touch it
 * without the user's consent.
 */
export function identityUnusable(o: Observed): Decision | undefined {
  const { identity } = o;
  const { adoption } = o.object.spec;
  if (identity.kind === 'OtherObject') {
    if (o.object.metadata.deletionTimestamp !== undefined) return perform({ type: 'ReleaseFinalizer' }, undefined);
    if (adoption.policy !== 'Never') return undefined;
    const { metadata, spec } = o.object;
    const what = identity.id === undefined ? 'the create intent was written' : `VM ${identity.id} was recorded`;
    const adopt = o.isDefaultKey
      ? `to adopt the VM, put an API key of your own into Secret ${quoted(spec.credentialsSecretRef.name)} and set spec.adoption.policy to MustExist`
      : `if no other object and no other cluster manages the VM, adopt it: ${adoptVm(metadata)}`;
    // Without a cluster administrator, only deleting the object removes what the status records; that keeps the VM.
    const renew =
      identity.isRecord === true
        ? `for a new VM, delete this object, which keeps VM ${identity.id}, and apply it again: ${deleteObject(metadata, o.object.spec.deletionProtection)}`
        : `for a new VM: ${annotate(metadata, { [annotations.machine]: undefined, [annotations.createPending]: undefined })}`;
    const remedy = `${adopt}; ${renew}`;
    return requeue({
      reason: 'IdentityFromOtherObject',
      message: `${what} for the object with UID ${identity.uid}, not for this one; ${remedy}`,
    });
  }
  // A name with the object's UID is a proof; the annotation isn't.
  const isLookedFor = isNameOwn(o.object) || adoption.policy !== 'Never';
  return identity.kind === 'Unproven' && !isLookedFor ? unproven(o) : undefined;
}

/**
 * The annotation hints at a VM that isn't proven to be the object's: the operator neither acts on it nor creates
 * another one.
 */
export function unproven(o: Observed): Decision {
  const { metadata } = o.object;
  const id = o.identity.kind === 'Unproven' ? o.identity.id : undefined;
  const what = id === undefined ? "can't be read" : `names VM ${id}`;
  const adopt = id === undefined ? 'set spec.adoption to adopt the VM' : `to adopt the VM: ${adoptVm(metadata, id)}`;
  const otherwise =
    metadata.deletionTimestamp === undefined
      ? `; for a new VM: ${annotate(metadata, { [annotations.machine]: undefined })}`
      : retainHint(o);
  return requeue({
    reason: 'IdentityUnproven',
    message: `the annotation ${annotations.machine} ${what}, but the status has no record of it, and an annotation alone proves nothing; ${adopt}${otherwise}`,
  });
}
