import { createHash } from 'node:crypto';
import type { LabelSelector } from '../../domain/label-selector.ts';

/** Which objects an operator reconciles. */
export interface Scope {
  /** Sorted; empty: all. */
  readonly namespaces: readonly string[];
  readonly selector: LabelSelector | undefined;
}

/**
 * The name of the Lease for this scope. Operators with the same scope share one, so that one of them is the leader;
 * operators with other scopes have another one. A configured name is used unchanged.
 */
export function leaseName({
  namespaces,
  selector,
  leaseName: given,
}: Scope & { readonly leaseName: string | undefined }): string {
  if (given !== undefined) return given;
  if (namespaces.length === 0 && selector === undefined) return 'vps247-operator';
  const scope = JSON.stringify([namespaces, selector?.canonical ?? '']);
  return `vps247-operator-${createHash('sha256').update(scope).digest('hex').slice(0, 10)}`;
}
