import type { Account } from '../provider/account/account.ts';

/** What events and writes of one object are remembered for, until it is deleted. Each field has one writer. */
export interface ObjectRecord {
  /** When (monotonic) new labels or a new owner brought the object into the scope. Written by `Scope`. */
  enteredScopeAt?: number | undefined;
  /** When (monotonic) its newest spec change arrived, until a call for it is sent. Written by `ReactionLatency`. */
  specChangedAt?: number | undefined;
  /** What is known of an object that is, or was, another installation's. Written by `Ownership`. */
  ownership?: OwnershipRecord | undefined;
  /** The account at the provider whose limit the object waits for. Written by `AccountLimits`. */
  limitedIn?: Pick<Account, 'snapshot' | 'ownerId' | 'credentialStatus'> | undefined;
}

export interface OwnershipRecord {
  /** Whether it is in scope, and another installation manages it. */
  readonly isOthers: boolean;
  /** The UID, if this process took the object over. */
  readonly takenOver?: string | undefined;
  /** The UID, if an Event was emitted for the object: a tenant who edits the annotation repeatedly gets one. */
  readonly reported?: string | undefined;
}

/** Most objects need no record. */
export class ObjectRecords {
  readonly #records = new Map<string, ObjectRecord>();

  get(key: string): ObjectRecord | undefined {
    return this.#records.get(key);
  }

  /** Changes these fields of the record. One without content isn't kept. */
  set(key: string, fields: ObjectRecord): void {
    const record = { ...this.#records.get(key), ...fields };
    if (Object.values(record).every((field) => field === undefined)) this.#records.delete(key);
    else this.#records.set(key, record);
  }

  values(): Iterable<ObjectRecord> {
    return this.#records.values();
  }
}
