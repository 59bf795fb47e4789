import { finalizer, plural, virtualMachines } from '../../api/v1alpha1/constants.ts';
import { hasFinalizer } from '../../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import type { KubeClient } from '../../kubernetes/client.ts';
import { KubeError } from '../../kubernetes/errors.ts';
import type { MetadataPatch, OwnWrite } from '../../controller/own-write.ts';

/** Feeds the object as just stored into the cache, so that the next reconciliation reads its own write and isn't added for it. */
export type StoreAnswer = (object: VirtualMachine, write: OwnWrite) => void;

/**
 * Patches the metadata, only if the object is still as it was read. Returns the stored object. Throws KubeError
 * `Altered` if an admission policy changed what was sent, because no call may depend on a record that isn't stored.
 */
export async function patchMetadata(
  { client, stored }: { readonly client: Pick<KubeClient, 'get' | 'patch'>; readonly stored: StoreAnswer },
  object: VirtualMachine,
  metadata: MetadataPatch,
): Promise<VirtualMachine> {
  const { namespace, name, resourceVersion } = object.metadata;
  const finalizers = await withOthers(client, object, metadata.finalizers);
  const body = { metadata: { resourceVersion, ...metadata, finalizers } };
  // `as`: the API server validated the object against the CRD.
  const answer = (await client.patch(virtualMachines, { namespace, name }, { type: 'merge', body })) as VirtualMachine;
  stored(answer, { resourceVersion: answer.metadata.resourceVersion, replaced: resourceVersion, metadata });
  const altered = alteredIn(metadata, object, answer);
  if (altered.length === 0) return answer;
  const words = `an admission policy changed what the operator wrote: ${altered.join(', ')} not stored as sent`;
  throw new KubeError(`patch ${plural} ${namespace}/${name}: ${words}`, { reason: 'Altered', words });
}

/**
 * In a merge patch, a list replaces the stored one. If there are very many finalizers, those of others are read first.
 */
async function withOthers(
  client: Pick<KubeClient, 'get'>,
  { metadata: { namespace, name, hasMoreFinalizers } }: VirtualMachine,
  sent: readonly string[],
): Promise<readonly string[]> {
  if (hasMoreFinalizers !== true) return sent;
  // `as`: the API server validates metadata.
  const { metadata } = (await client.get(virtualMachines, { namespace, name })) as VirtualMachine;
  const others = (metadata.finalizers ?? []).filter((one) => one !== finalizer);
  return sent.includes(finalizer) ? [...others, finalizer] : others;
}

/**
 * What a policy changed of a patch, or of the spec that the patch was decided on. Finalizers and annotations of others are
 * ignored. Pure.
 */
export function alteredIn(sent: MetadataPatch, before: VirtualMachine, answer: VirtualMachine): readonly string[] {
  return [
    ...(hasFinalizer(answer) === sent.finalizers.includes(finalizer) ? [] : [`finalizer ${finalizer}`]),
    ...Object.entries(sent.annotations ?? {})
      .filter(([name, value]) => (answer.metadata.annotations?.[name] ?? null) !== value)
      .map(([name]) => `annotation ${name}`),
    ...(answer.metadata.generation === before.metadata.generation ? [] : ['spec']),
  ];
}

export function withFinalizer({ metadata: { finalizers = [] } }: VirtualMachine): readonly string[] {
  return finalizers.includes(finalizer) ? finalizers : [...finalizers, finalizer];
}

export function withoutFinalizer({ metadata: { finalizers = [] } }: VirtualMachine): readonly string[] {
  return finalizers.filter((name) => name !== finalizer);
}
