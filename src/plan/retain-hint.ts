import { retainVm } from '../api/v1alpha1/commands.ts';
import type { Observed } from './observed.ts';

/**
 * The part of a message that says how to finish a deletion without deleting the VM; empty where that isn't permitted or
 * nothing is being deleted.
 */
export function retainHint(
  { object: { metadata }, mayOrphan }: Pick<Observed, 'object' | 'mayOrphan'>,
  what = 'delete this object without the VM',
): string {
  return mayOrphan && metadata.deletionTimestamp !== undefined ? `; to ${what}: ${retainVm(metadata)}` : '';
}
