/** What tools that wait for a rollout (Flux, kpt, Helm) take an object for. */
export type KStatus = 'Terminating' | 'InProgress' | 'Failed' | 'Current';

/** The part of an object that decides it. */
export interface Observable {
  readonly metadata: { readonly generation?: number; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/**
 * The rules of kstatus (sigs.k8s.io/cli-utils, pkg/kstatus/status: Compute) for a kind it has no rules of its own for; the first that
 * applies:
 *
 * | the object                                            | is          |
 * | ----------------------------------------------------- | ----------- |
 * | is being deleted                                      | Terminating |
 * | tells another observedGeneration than its generation  | InProgress  |
 * | has Reconciling True, before any Stalled True         | InProgress  |
 * | has Stalled True                                      | Failed      |
 * | has Ready True                                        | Current     |
 * | has Ready False or Unknown                            | InProgress  |
 * | tells nothing                                         | Current     |
 */
export function kstatus({ metadata, status }: Observable): KStatus {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation)
    return 'InProgress';
  const conditions = status?.conditions ?? [];
  const told = conditions.find(
    (one) => (one.type === 'Reconciling' || one.type === 'Stalled') && one.status === 'True',
  );
  if (told !== undefined) return told.type === 'Reconciling' ? 'InProgress' : 'Failed';
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}
