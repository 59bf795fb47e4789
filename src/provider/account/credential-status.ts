import type { Failure, Outcome } from '../../domain/failure.ts';
import type { Account } from './account.ts';

/**
 * Whether the provider accepts the key. Lists decide: a single call that a proxy or a missing permission refuses only
 * raises a suspicion, which the next list settles. Times are monotonic milliseconds.
 */
export class CredentialStatus {
  status: Account['credentialStatus'] = 'Unverified';
  /** The failure of the list that rejected the key. */
  rejection: Failure | undefined;
  /** When a single call was last refused for its key, until a list that started later ends. */
  suspectedAt: number | undefined;
  /** Consecutive lists that rejected a key that was never accepted. */
  rejections = 0;
  #wasAccepted = false;
  readonly #onAccepted: () => void;
  /**
   * Since when a rejected key should be tried again without waiting for the next probe; cleared by a list that started
   * later.
   */
  retryAt: number | undefined;

  constructor(onAccepted: () => void = () => {}) {
    this.#onAccepted = onAccepted;
  }

  /** Records the result of a single call; returns whether the status changed. */
  onCall(outcome: Outcome<unknown>, now: number): boolean {
    if (!outcome.ok && outcome.failure.class === 'Credentials') this.suspectedAt = now;
    return outcome.ok && this.status === 'Unverified' && this.#set(undefined);
  }

  /** Records the result of a list; returns whether the status changed. */
  onList(startedAt: number, outcome: Outcome<unknown>): boolean {
    const isRejected = !outcome.ok && outcome.failure.class === 'Credentials';
    if (isRejected && !this.#wasAccepted) this.rejections += 1;
    const isNew = (outcome.ok || isRejected) && this.#set(outcome.ok ? undefined : outcome.failure);
    const isConfirmed = this.status === 'Rejected' || (outcome.ok && startedAt >= (this.suspectedAt ?? 0));
    if (isConfirmed) this.suspectedAt = undefined;
    if (startedAt >= (this.retryAt ?? 0)) this.retryAt = undefined;
    return isNew;
  }

  #set(rejection: Failure | undefined): boolean {
    const before = this.status;
    this.status = rejection === undefined ? 'Accepted' : 'Rejected';
    this.rejection = rejection;
    if (rejection === undefined) {
      this.#wasAccepted = true;
      this.rejections = 0;
      if (before !== 'Accepted') this.#onAccepted();
    }
    return this.status !== before;
  }
}
