import type { Outcome } from '../../../src/domain/failure.ts';
import type { Machine, ProviderId } from '../../../src/domain/machine.ts';
import type { Catalog, RegisteredAccount, Snapshot, TimedRead } from '../../../src/provider/account/account.ts';

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
  readonly $machineReads: {
    readonly $byKey: ReadonlyMap<string, MachineRead>;
    $run(key: string, read: MachineRead): Promise<void>;
  };
  readonly $catalog: { $kept: { readonly outcome: Outcome<Catalog>; readonly until: number } };
}

export interface MachineRead {
  readonly id: ProviderId;
  readonly isInFlight: boolean;
  readonly result: TimedRead<Machine | undefined> | undefined;
}
