import { patchSpec, replaceSecret } from '../../api/v1alpha1/commands.ts';
import { apiVersion, group, kind, machineIdAnnotation, secrets } from '../../api/v1alpha1/constants.ts';
import type { Reason } from '../../api/v1alpha1/reasons.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import type { KubeClient } from '../../kubernetes/client.ts';
import { KubeError, type KubeErrorReason } from '../../kubernetes/errors.ts';
import { fieldsOf } from '../../domain/json.ts';
import type { ProviderId } from '../../domain/machine.ts';
import { quoted } from '../../domain/text.ts';
import { isPublic } from '../../provider/http/addresses.ts';
import type { Action } from '../../plan/action.ts';
import type { ObjectState } from '../object-state.ts';

/** How soon the Secret for the initial password is attempted again after a conflict. */
const passwordRetry = 5 * 60_000;
/**
 * How long the garbage collector may take to delete the Secret of a deleted object: it discovers new CRDs every 30 s,
 * and resolves owners only then. Meanwhile the new object isn't Ready.
 */
const collectorPatience = 60_000;

type PasswordReason = Extract<Reason, 'InitialPasswordConflict' | 'InitialPasswordNotStored'>;

/**
 * The result of writing the password: it is stored, now or by an earlier reconciliation; otherwise the reason, as a
 * sentence.
 */
export type PasswordExecution =
  | { readonly type: 'PasswordWritten'; readonly secretName: string }
  /** `outdated`: the Secret with the password of an earlier VM. */
  | {
      readonly type: 'PasswordConflict';
      readonly reason: PasswordReason;
      readonly message: string;
      readonly outdated?: string;
    }
  /** The Secret of a deleted object is in the way. */
  | { readonly type: 'PasswordAwaited'; readonly message: string };

/** The owner reference of a Secret. */
export interface Owner {
  readonly name: string;
  readonly uid: string;
}

/** A refusal by the API server, which prevents the Secret but doesn't affect the VM. Temporary errors are thrown. */
const refused: ReadonlySet<KubeErrorReason> = new Set(['Forbidden', 'Invalid', 'NotFound', 'Unexpected']);

/**
 * Creates the Secret with the initial password and the VM's public address, owned by the object so that it is garbage-collected. The operator has
 * no permission to change a Secret, so it can't overwrite one. An existing Secret is checked: an earlier reconciliation
 * may have written it before a crash, or the garbage collector is about to delete it. `isGone`: whether the namespace
 * no longer has this object. Throws KubeError.
 */
export async function writePassword(
  client: Pick<KubeClient, 'create' | 'get'>,
  object: VirtualMachine,
  { id, secretName, password, addresses }: Extract<Action, { type: 'WritePassword' }>,
  isGone: (owner: Owner) => boolean,
): Promise<PasswordExecution> {
  const { namespace, name, uid } = object.metadata;
  const host = addresses.find(isPublic)?.address;
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name: secretName,
      namespace,
      // Distinguishes it from the password of an earlier VM, and from an API key.
      annotations: { [machineIdAnnotation]: String(id) },
      labels: { 'app.kubernetes.io/managed-by': 'vps247-operator' },
      ownerReferences: [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: false }],
    },
    // No user name, because the provider doesn't report it.
    stringData: { password: password.reveal(), ...(host === undefined ? {} : { host }) },
  };
  try {
    const stored = await client.create(secrets, namespace, body);
    if (judge(stored, uid, id, isGone) === 'Ours') return { type: 'PasswordWritten', secretName };
    const message = `Secret ${quoted(secretName)} was created, but an admission policy removed its ownerReference or the annotation ${machineIdAnnotation}. Exempt the operator's service account, then replace the Secret: ${replaceSecret(object.metadata, secretName)}`;
    return { type: 'PasswordConflict', reason: 'InitialPasswordNotStored', message };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    if (refused.has(error.reason)) {
      const withoutSecret = patchSpec(object.metadata, { initialPasswordSecret: { policy: 'None', name: null } });
      const message = `Secret ${quoted(secretName)} can't be created in namespace ${quoted(namespace)} (${error.reason}). Check the operator's permissions, quotas and admission policies there; the operator retries within five minutes. To do without the Secret: ${withoutSecret}`;
      return { type: 'PasswordConflict', reason: 'InitialPasswordNotStored', message };
    }
    if (error.reason !== 'AlreadyExists') throw error;
  }
  const verdict = judge(await client.get(secrets, { namespace, name: secretName }), uid, id, isGone);
  if (verdict === 'Ours') return { type: 'PasswordWritten', secretName };
  if (verdict === 'Leftover') {
    const message = `Secret ${quoted(secretName)} belongs to a VirtualMachine that was deleted, and the garbage collector has not deleted it; delete it: ${replaceSecret(object.metadata, secretName)}`;
    return { type: 'PasswordAwaited', message };
  }
  if (verdict === 'Outdated') {
    const message = `Secret ${quoted(secretName)} holds the password of an earlier VM of this object. Set another spec.initialPasswordSecret.name, or replace it with that of VM ${id}: ${replaceSecret(object.metadata, secretName)}`;
    return { type: 'PasswordConflict', reason: 'InitialPasswordConflict', message, outdated: secretName };
  }
  const message = `Secret ${quoted(secretName)} exists and this object doesn't own it, so the operator doesn't overwrite it. Set another spec.initialPasswordSecret.name, or delete the Secret: ${replaceSecret(object.metadata, secretName)}`;
  return { type: 'PasswordConflict', reason: 'InitialPasswordConflict', message };
}

/** Records the result at `now` (monotonic) for the next reconciliations. */
export function rememberPassword(objectState: ObjectState, execution: PasswordExecution, now: number): void {
  if (execution.type === 'PasswordWritten') objectState.passwordSecret = execution.secretName;
  const isConflict =
    execution.type === 'PasswordConflict' ||
    (execution.type === 'PasswordAwaited' && objectState.passwordAwaitedFor(now) >= collectorPatience);
  if (!isConflict) return;
  const { reason, outdated } =
    execution.type === 'PasswordConflict'
      ? execution
      : { reason: 'InitialPasswordConflict' as const, outdated: undefined };
  objectState.notePasswordConflict({ reason, message: execution.message }, now + passwordRetry, outdated);
}

/** Who owns the Secret that has the name. */
function judge(
  secret: unknown,
  uid: string,
  id: ProviderId,
  isGone: (owner: Owner) => boolean,
): 'Ours' | 'NotOurs' | 'Outdated' | 'Leftover' {
  const { ownerReferences, annotations: notes } = fieldsOf(fieldsOf(secret)['metadata']);
  const owners: readonly unknown[] = Array.isArray(ownerReferences) ? ownerReferences : [];
  // The garbage collector deletes it once all of its owners are gone.
  const isLeftover = owners.length > 0 && owners.map(readOwner).every((owner) => owner !== undefined && isGone(owner));
  if (isLeftover) return 'Leftover';
  if (!owners.some((owner) => readOwner(owner)?.uid === uid)) return 'NotOurs';
  return fieldsOf(notes)[machineIdAnnotation] === String(id) ? 'Ours' : 'Outdated';
}

/** A VirtualMachine that owns it; undefined for an owner of another kind. */
function readOwner(reference: unknown): Owner | undefined {
  const { apiVersion: of, kind: what, name, uid } = fieldsOf(reference);
  if (typeof of !== 'string' || typeof name !== 'string' || typeof uid !== 'string') return undefined;
  return of.startsWith(`${group}/`) && what === kind ? { name, uid } : undefined;
}
