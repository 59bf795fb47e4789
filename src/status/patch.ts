import { group, plural, version } from '../api/v1alpha1/names.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { mergePatch } from './status.ts';

const resource = { group, version, plural };

/**
 * Writes what differs between the object's status and `after`; answers the object as stored.
 * With `exact`, only if nobody changed the object since it was read: for a status that announces a call.
 * Throws KubeError.
 */
export async function writeStatus(
  client: Pick<KubeClient, 'patch'>,
  object: VirtualMachine,
  after: VirtualMachineStatus,
  exact = false,
): Promise<unknown> {
  const { namespace, name, resourceVersion } = object.metadata;
  const status = mergePatch(object.status ?? {}, after);
  return client.patch(
    resource,
    { namespace, name },
    { type: 'merge', subresource: 'status', body: exact ? { metadata: { resourceVersion }, status } : { status } },
  );
}
