import type { Clock } from '../domain/clock.ts';
import type { ProviderId } from '../domain/machine.ts';
import { KeyIndex } from '../domain/object-key.ts';
import { type AccountLimits as Limits, heldByAccount } from '../plan/account/limits.ts';
import type { Account } from '../provider/account/account.ts';
import type { ObjectRecords } from './object-records.ts';

/** The limit and the pause that an Account sets, and the account at the provider that its key opens. */
export interface AccountLimit {
  /** The Account, as `namespace/name`. */
  readonly by: string;
  /** By age, then by UID: of two Accounts of one account at the provider, the older one's limit counts. */
  readonly order: string;
  /** Undefined: unlimited. */
  readonly machines: number | undefined;
  readonly isPaused: boolean;
  readonly account: CountedAccount;
  /** The owner that the status records. It counts until the first list of the key, which a new leader doesn't have yet. */
  readonly recordedOwner: ProviderId | undefined;
}

/** An account at the provider, as far as a limit depends on it. */
export type CountedAccount = Pick<Account, 'snapshot' | 'ownerId' | 'credentialStatus'>;

export interface AccountLimitsOptions {
  readonly clock: Clock;
  /** The limits of all Accounts; undefined: not known yet. */
  readonly limits: () => readonly AccountLimit[] | undefined;
  /** The accounts at the provider that are in use. */
  readonly accounts: () => Iterable<CountedAccount>;
  readonly records: ObjectRecords;
  /** Milliseconds until lists show the VM of a create that is in flight now. */
  readonly createDelay: number;
  /** Since when (monotonic) this process has been the leader. */
  readonly leadingSince: () => number | undefined;
}

/** A create that the newest list may not show. */
interface Create {
  readonly account: CountedAccount;
  readonly name: string;
  /** When it was about to be sent (monotonic). */
  readonly at: number;
}

/**
 * How many VMs an account has, against the limit of its Account. All VMs of the newest complete list count, also
 * unmanaged ones, and each create that this list may not show. The check and the reservation are one step, so that of two
 * creates for the last VM one is sent.
 *
 * A new leader doesn't know the creates of its predecessor. It counts only once a list must show them.
 */
export class AccountLimits {
  readonly #options: AccountLimitsOptions;
  readonly #waiting = new KeyIndex<CountedAccount>();
  /** What was answered about the pause of an account since its objects were last woken because of it. */
  readonly #answered = new WeakMap<CountedAccount, ReadonlySet<string | undefined>>();
  #creates: readonly Create[] = [];

  constructor(options: AccountLimitsOptions) {
    this.#options = options;
  }

  /** What limits the creates of this account; undefined: nothing. A VM of this `name` doesn't count: it would be the same. */
  of(account: CountedAccount, name?: string): Limits | undefined {
    const { limits, leadingSince, createDelay } = this.#options;
    const all = limits();
    if (all === undefined) return { kind: 'Unknown' };
    const first = oldest(all.filter((limit) => limit.machines !== undefined && concerns(limit, account)));
    if (first?.machines === undefined) return undefined;
    const { snapshot } = account;
    const countsFrom = (leadingSince() ?? Infinity) + createDelay;
    if (snapshot === undefined || snapshot.startedAt < countsFrom) return { kind: 'Unknown' };
    const listed = snapshot.machines.length + snapshot.unreadable.size;
    return { kind: 'Limited', by: first.by, machines: first.machines, count: listed + this.#unlisted(account, name) };
  }

  /** The oldest Account that pauses the objects of this account, as `namespace/name`; undefined: none. */
  pausedBy(account: CountedAccount): string | undefined {
    const by = this.#pausedBy(account);
    this.#answered.set(account, new Set([...(this.#answered.get(account) ?? []), by]));
    return by;
  }

  /** Whether an object of the account may have been reconciled with another pause than that of now. */
  hasPauseChanged(account: CountedAccount): boolean {
    const answered = this.#answered.get(account) ?? new Set([undefined]);
    const by = this.#pausedBy(account);
    this.#answered.set(account, new Set([by]));
    return [...answered].some((other) => other !== by);
  }

  /** Whether all Accounts were read, so that each pause is known. */
  get isKnown(): boolean {
    return this.#options.limits() !== undefined;
  }

  /** Counts a create that is about to be sent; false if the limit leaves no place for it. */
  reserve(account: CountedAccount, name: string): boolean {
    if (this.#isHeld(account, name)) return false;
    const others = this.#creates.filter((create) => this.#isNeeded(create) && !isOf(create, account, name));
    this.#creates = [...others, { account, name, at: this.#options.clock.monotonic() }];
    return true;
  }

  /** The create was certainly not sent. */
  release(account: CountedAccount, name: string): void {
    this.#creates = this.#creates.filter((create) => !isOf(create, account, name));
  }

  /** The object waits for a place. */
  wait(account: CountedAccount, key: string): void {
    this.forget(key);
    this.#waiting.add(account, key);
    this.#options.records.set(key, { limitedIn: account });
  }

  /** The object was deleted, or doesn't wait any longer. */
  forget(key: string): void {
    const account = this.#options.records.get(key)?.limitedIn;
    if (account === undefined) return;
    this.#waiting.delete(account, key);
    this.#options.records.set(key, { limitedIn: undefined });
  }

  /** A list of the account arrived, or a limit changed. Returns the keys that wait, if one of them may create now. */
  freedFor(account: CountedAccount): readonly string[] {
    if (!this.#waiting.has(account) || this.#isHeld(account)) return [];
    const keys = this.#waiting.keysOf(account);
    for (const key of keys) this.forget(key);
    return keys;
  }

  #pausedBy(account: CountedAccount): string | undefined {
    const all = this.#options.limits() ?? [];
    return oldest(all.filter((one) => one.isPaused && concerns(one, account)))?.by;
  }

  #isHeld(account: CountedAccount, name?: string): boolean {
    const limits = this.of(account, name);
    return limits !== undefined && heldByAccount(limits, false) !== undefined;
  }

  /** Creates of other names that the newest list of the account may not show, whatever key they were sent with. */
  #unlisted(account: CountedAccount, name: string | undefined): number {
    const isUnlisted = (create: Create): boolean =>
      create.name !== name && isSame(create.account, account) && !this.#isSettled(create, account);
    return this.#creates.filter(isUnlisted).length;
  }

  /** Keys of one account are listed one after the other: until the list of each shows the create, it is remembered. */
  #isNeeded(create: Create): boolean {
    const { clock, createDelay, accounts } = this.#options;
    if (clock.monotonic() <= create.at + createDelay) return true;
    return [...accounts()].some((account) => isSame(account, create.account) && !this.#isSettled(create, account));
  }

  #isSettled({ name, at }: Create, { snapshot }: CountedAccount): boolean {
    if (snapshot === undefined || snapshot.startedAt <= at) return false;
    return snapshot.byName(name).length > 0 || snapshot.startedAt > at + this.#options.createDelay;
  }
}

function oldest(limits: readonly AccountLimit[]): AccountLimit | undefined {
  const [first] = limits.toSorted((a, b) => (a.order < b.order ? -1 : 1));
  return first;
}

function isOf(create: Create, account: CountedAccount, name: string): boolean {
  return create.account === account && create.name === name;
}

/**
 * Whether what an Account sets applies to an account at the provider. Worked table:
 *
 * | the key of the Account                        | applies to                                |
 * | --------------------------------------------- | ----------------------------------------- |
 * | is rejected                                   | nothing                                   |
 * | is accepted                                   | its account, and all with the same owner  |
 * | is accepted, and lists VMs of several owners  | its account                               |
 * | was not listed yet                            | its account, and the owner that is on record |
 */
function concerns({ account: own, recordedOwner }: AccountLimit, account: CountedAccount): boolean {
  if (own.credentialStatus === 'Rejected') return false;
  if (isSame(own, account)) return true;
  return own.snapshot === undefined && recordedOwner !== undefined && recordedOwner === ownerOf(account);
}

/** One account at the provider may have several keys. */
function isSame(a: CountedAccount, b: CountedAccount): boolean {
  const owner = ownerOf(a);
  return a === b || (owner !== undefined && owner === ownerOf(b));
}

/** A list of several owners doesn't show whose account it is. */
function ownerOf({ ownerId, snapshot, credentialStatus }: CountedAccount): ProviderId | undefined {
  const isClear = credentialStatus === 'Accepted' && snapshot !== undefined && snapshot.ownerIds.length <= 1;
  return isClear ? ownerId : undefined;
}
