import { apiVersion, kind, machineIdAnnotation } from '../api/v1alpha1/names.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { KubeError, type KubeErrorReason } from '../kube/errors.ts';
import type { ProviderId } from '../model/machine.ts';
import type { Action } from '../plan/action.ts';
import type { Execution } from './execute.ts';

const secrets = { group: '', version: 'v1', plural: 'secrets' };

/** The API server's judgement, which stands in the way of the Secret but not of the machine. What may pass is thrown. */
const refused: ReadonlySet<KubeErrorReason> = new Set(['Forbidden', 'Invalid', 'NotFound', 'Unexpected']);

/**
 * Creates the Secret with the initial password, owned by the object so that it goes with it. It is only ever created: the
 * operator has no right to change a Secret, so that none can be overwritten by it. One that is there already is looked at: an
 * earlier pass may have written it and died. Throws KubeError.
 */
export async function writePassword(
  client: Pick<KubeClient, 'create' | 'get'>,
  object: VirtualMachine,
  { id, secretName, password }: Extract<Action, { type: 'WritePassword' }>,
): Promise<Execution> {
  const { namespace, name, uid } = object.metadata;
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name: secretName,
      namespace,
      // So that the password of an earlier VM is not taken for this one's, and the Secret not for one with an API key.
      annotations: { [machineIdAnnotation]: String(id) },
      labels: { 'app.kubernetes.io/managed-by': 'vps247-operator' },
      ownerReferences: [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: false }],
    },
    stringData: { password: password.reveal() },
  };
  try {
    const stored = await client.create(secrets, namespace, body);
    if (judge(stored, uid, id) === 'Ours') return { type: 'PasswordWritten', secretName };
    const message = `Secret "${secretName}" was created, but an admission policy removed its ownerReference or the annotation ${machineIdAnnotation}; exempt the operator's service account, then delete the Secret`;
    return { type: 'PasswordConflict', message };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    if (refused.has(error.reason)) {
      const message = `Secret "${secretName}" cannot be created in namespace "${namespace}" (${error.reason}); see to the operator's rights, quotas and admission there, or set spec.initialPasswordSecret.disabled`;
      return { type: 'PasswordConflict', message };
    }
    if (error.reason !== 'AlreadyExists') throw error;
  }
  const verdict = judge(await client.get(secrets, { namespace, name: secretName }), uid, id);
  if (verdict === 'Ours') return { type: 'PasswordWritten', secretName };
  const whose =
    verdict === 'Foreign'
      ? 'is there already and is not owned by this object'
      : 'holds the password of an earlier machine of this object';
  const message = `Secret "${secretName}" ${whose}; it is not written to, so rename or delete it, or name another in spec.initialPasswordSecret`;
  return { type: 'PasswordConflict', message };
}

/** Whose a Secret is that has the name already. Pure. */
function judge(secret: unknown, uid: string, id: ProviderId): 'Ours' | 'Foreign' | 'Outdated' {
  // Whatever the API server answers; each field is checked.
  const { ownerReferences, annotations } =
    (secret as { metadata?: { ownerReferences?: unknown; annotations?: Record<string, unknown> } }).metadata ?? {};
  const isOwned =
    Array.isArray(ownerReferences) && ownerReferences.some((owner: { uid?: unknown } | null) => owner?.uid === uid);
  if (!isOwned) return 'Foreign';
  return annotations?.[machineIdAnnotation] === String(id) ? 'Ours' : 'Outdated';
}
