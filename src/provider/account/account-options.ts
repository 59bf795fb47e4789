import type { Clock } from '../../domain/clock.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Provider } from '../provider.ts';
import type { Snapshot } from './account.ts';
import type { AccountSettings } from './polling/poll-schedule.ts';
import type { KeyProbes } from './polling/key-probes.ts';

export interface AccountOptions {
  readonly provider: Provider;
  readonly keyedHash: (text: string) => string;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Called with each key to requeue. It must not throw, and the key may have unsubscribed already. */
  readonly wake: (key: string) => void;
  readonly settings?: Partial<AccountSettings>;
  /** Called when the provider accepts the key for the first time, or again after a rejection. */
  readonly onAccepted?: () => void;
  readonly onSnapshot?: (snapshot: Snapshot) => void;
  /** Shared by all accounts: lists for keys that were not accepted are read a few at a time. */
  readonly keyProbes?: KeyProbes;
}
