/**
 * The effect of a reason on each condition.
 * - `ready`: the status of Ready; `Keep` leaves it unchanged, because nothing contradicts it.
 * - `synced`: whether the last reconciliation succeeded.
 * - `progress`: `Reconciling` is in progress or waits, `Stalled` needs a user, `Settled` is neither, as the user configured it.
 * - `blocksDeletion`: it blocks the deletion of an object, and DeletionBlocked shows it.
 * - `shows`: a separate condition that is present only while the reason applies.
 */
export interface ReasonRow {
  readonly ready: 'True' | 'False' | 'Unknown' | 'Keep';
  readonly synced: 'True' | 'False' | 'Unknown';
  readonly progress: 'Settled' | 'Reconciling' | 'Stalled';
  /** `None`: it adds nothing to the next event. */
  readonly event: 'Normal' | 'Warning' | 'None';
  readonly blocksDeletion?: true;
  readonly shows?: 'Paused';
  readonly meaning: string;
  readonly remedy: string;
}

export const noAction = 'No action needed.';

/** Nothing changes until a user acts. */
export const stalled = { ready: 'False', synced: 'False', progress: 'Stalled', event: 'Warning' } as const;
/** The operator or the provider is at work. */
export const inProgress = { ready: 'False', synced: 'True', progress: 'Reconciling', event: 'Normal' } as const;
