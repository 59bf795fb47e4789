import { createHash } from 'node:crypto';
import type { LabelSelector } from '../../domain/label-selector.ts';

/** Which objects an operator acts on. */
export interface Scope {
  /** Sorted; empty: all. */
  readonly namespaces: readonly string[];
  readonly selector: LabelSelector | undefined;
}

/**
 * The Lease of an operator of this scope: the same for all that act on the same objects, so that one of them does; another for
 * those that share the cluster with it. A name that was given counts as it is.
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
