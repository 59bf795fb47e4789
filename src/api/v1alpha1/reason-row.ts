/**
 * What each condition says for a reason.
 *
 * - `ready`: status of Ready; `Keep` leaves a machine that was Ready as it is, because nothing says otherwise.
 * - `synced`: whether the last reconciliation could act as it wanted.
 * - `progress`: `Reconciling` works or waits by itself, `Stalled` needs a human, `Settled` is neither: it stays so because
 *   the user wants it so.
 * - `blocksDeletion`: an object that is being deleted stays for this reason, and says so in DeletionBlocked.
 * - `shows`: a condition of the reason's own, present only while it lasts.
 */
export interface ReasonRow {
  readonly ready: 'True' | 'False' | 'Unknown' | 'Keep';
  readonly synced: 'True' | 'False' | 'Unknown';
  readonly progress: 'Settled' | 'Reconciling' | 'Stalled';
  /** `None`: it says nothing that the next event doesn't say. */
  readonly event: 'Normal' | 'Warning' | 'None';
  readonly blocksDeletion?: true;
  readonly shows?: 'Paused';
  readonly meaning: string;
  readonly remedy: string;
}

/** Nothing changes until you act. */
export const stalled = { ready: 'False', synced: 'False', progress: 'Stalled', event: 'Warning' } as const;
/** The operator or the provider is at work. */
export const inProgress = { ready: 'False', synced: 'True', progress: 'Reconciling', event: 'Normal' } as const;
