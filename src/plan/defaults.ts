import type { DeletionPolicy, ExternalDeletePolicy, Origin, VirtualMachine } from '../api/v1alpha1/types.ts';

/** What the spec leaves open depends on how the machine came to the object; undefined: it has none yet. */
export function deletionPolicyOf({ spec }: VirtualMachine, origin: Origin | undefined): DeletionPolicy {
  return spec.deletionPolicy ?? (origin === 'Adopted' ? 'Retain' : 'Delete');
}

export function externalDeletePolicyOf({ spec }: VirtualMachine, origin: Origin): ExternalDeletePolicy {
  return spec.onExternalDelete ?? (origin === 'Adopted' ? 'Report' : 'Recreate');
}
