import { accountPlural } from '../api/v1alpha1/account-types.ts';
import { group, version } from '../api/v1alpha1/constants.ts';
import type { KubeClient, ObjectRef } from '../kubernetes/client.ts';

/** Merges these fields into the status of an Account: null removes one. Returns the stored object. */
export function patchAccountStatus(
  client: Pick<KubeClient, 'patch'>,
  ref: ObjectRef,
  status: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const resource = { group, version, plural: accountPlural };
  return client.patch(resource, ref, { type: 'merge', subresource: 'status', body: { status } });
}
