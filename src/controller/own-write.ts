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
