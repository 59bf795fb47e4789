import type { VirtualMachine } from '../api/v1alpha1/types.ts';

/** The complete finalizers; annotations by name, null to remove one. */
export interface MetadataPatch {
  readonly finalizers: readonly string[];
  readonly annotations?: Readonly<Record<string, string | null>>;
}

/**
 * A write of this process, by what its answer says of the version before it. `replaced`: the write demanded this version.
 * `metadata`: it changed these; without it, the write changed the status, and `isStatusAsSent`: as it was computed.
 */
export type OwnWrite = { readonly resourceVersion: string } & (
  | { readonly replaced: string; readonly metadata: MetadataPatch }
  | { readonly replaced?: string; readonly isStatusAsSent: boolean }
);

/**
 * Whether a change of an object is nothing but this write, so that it needs no reconciliation: the one that wrote it returns when the
 * object is due. Worked table, for an object that was cached with resourceVersion 5:
 *
 * | change  | the write                                | only the write | because                                     |
 * | ------- | ---------------------------------------- | -------------- | ------------------------------------------- |
 * | 5 → 6   | stored 6, demanded 5                     | yes            |                                             |
 * | 5 → 6   | stored 6, demanded 5, other than sent    | no             | a policy added or changed something         |
 * | 5 → 6   | its answer was lost, or it was refused   | no             | 6 may be anyone's                           |
 * | 5 → 7   | stored 7, demanded 6                     | no             | 6 is unknown here: the write read it itself |
 * | 5 → 6   | stored 6, a status as sent               | yes            | metadata and spec are those of 5            |
 * | 5 → 7   | stored 7, a status as sent; 6: a new spec | no            | the generation differs                      |
 * | 5 → 7   | stored 7, another status than was sent   | no             | 6 changed the status, or a policy did       |
 * | 5 → 6   | stored 6, demanded 6                     | no             | the write changed nothing: 6 is another's   |
 */
export function isOnlyOwnWrite(
  before: VirtualMachine | undefined,
  after: VirtualMachine | undefined,
  write: OwnWrite,
): boolean {
  if (before === undefined || after?.metadata.resourceVersion !== write.resourceVersion) return false;
  if (write.replaced !== undefined && before.metadata.resourceVersion !== write.replaced) return false;
  if ('metadata' in write) return metadataOf(before, write.metadata) === metadataOf(after);
  return write.isStatusAsSent && metadataOf(before) === metadataOf(after);
}

/** The metadata with a patch, without the version. A new spec comes with a new generation. */
function metadataOf({ metadata }: VirtualMachine, patch?: MetadataPatch): string {
  const { finalizers = metadata.finalizers, annotations = {} } = patch ?? {};
  const patched = Object.entries({ ...metadata.annotations, ...annotations }).filter(([, value]) => value !== null);
  return JSON.stringify({
    ...metadata,
    resourceVersion: undefined,
    finalizers,
    annotations: patched.toSorted(([a], [b]) => (a < b ? -1 : 1)),
  });
}
