import type { DeletionPolicy, ExternalDeletePolicy, Origin, VirtualMachine } from '../api/v1alpha1/types.ts';

/**
 * The policies in effect, as `plan` applies and the status shows them. Worked table, first row that applies:
 *
 * | managementPolicy | set in the spec | origin of the VM | deletionPolicy | onExternalDelete |
 * | ---------------- | --------------- | ---------------- | -------------- | ---------------- |
 * | Observe          | any             | any              | Retain         | as below         |
 * | any              | yes             | any              | as set         | as set           |
 * | any              | no              | Created          | Delete         | Recreate         |
 * | any              | no              | Adopted          | Retain         | Report           |
 * | any              | no              | no VM yet        | undefined      | undefined        |
 */
export function deletionPolicyOf({ spec }: VirtualMachine, origin: Origin | undefined): DeletionPolicy | undefined {
  if (spec.managementPolicy === 'Observe') return 'Retain';
  return spec.deletionPolicy ?? (origin && (origin === 'Adopted' ? 'Retain' : 'Delete'));
}

export function externalDeletePolicyOf(
  { spec }: VirtualMachine,
  origin: Origin | undefined,
): ExternalDeletePolicy | undefined {
  return spec.onExternalDelete ?? (origin && (origin === 'Adopted' ? 'Report' : 'Recreate'));
}
