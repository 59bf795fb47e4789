import type { Outcome } from '../../../src/domain/failure.ts';
import type { Catalog, RegisteredAccount, Snapshot } from '../../../src/provider/account/account.ts';
import type { SingleRead, Subscription } from '../../../src/provider/account/subscriptions.ts';

/** The account with its private fields, which `loadSubject` makes accessible. */
export interface OpenAccount extends RegisteredAccount {
  readonly $credential: { readonly suspectedAt: number | undefined };
  readonly $poller: {
    /** While this is true the poller starts no list by itself. */
    $isListing: boolean;
    $list(): Promise<void>;
    readonly $listRequests: { readonly earliest: number | undefined };
    readonly $machineRequests: { readonly earliest: number | undefined };
  };
  readonly $machines: { $snapshot: Snapshot | undefined };
  readonly $subscriptions: { get(key: string): Subscription | undefined };
  readonly $machineReads: { $run(record: Subscription, read: SingleRead): Promise<void> };
  readonly $catalog: { $kept: { readonly outcome: Outcome<Catalog>; readonly until: number } };
}
