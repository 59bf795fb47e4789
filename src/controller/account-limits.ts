import type { Clock } from '../domain/clock.ts';
import { KeyIndex } from '../domain/object-key.ts';
import { type AccountLimits as Limits, heldByAccount } from '../plan/account/limits.ts';
import type { Account } from '../provider/account/account.ts';

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
}

/** An account at the provider, as far as a limit depends on it. */
export type CountedAccount = Pick<Account, 'snapshot' | 'ownerId'>;

export interface AccountLimitsOptions {
  readonly clock: Clock;
  /** The limits of all Accounts; undefined: not known yet. */
  readonly limits: () => readonly AccountLimit[] | undefined;
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
  #creates: readonly Create[] = [];

  constructor(options: AccountLimitsOptions) {
    this.#options = options;
  }

  /** What limits the creates of this account; undefined: nothing. */
  of(account: CountedAccount): Limits | undefined {
    const { limits, leadingSince, createDelay } = this.#options;
    const all = limits();
    if (all === undefined) return { kind: 'Unknown' };
    const first = oldest(all.filter((limit) => limit.machines !== undefined && isSame(limit.account, account)));
    if (first?.machines === undefined) return undefined;
    const { snapshot } = account;
    const countsFrom = (leadingSince() ?? Infinity) + createDelay;
    if (snapshot === undefined || snapshot.startedAt < countsFrom) return { kind: 'Unknown' };
    const listed = snapshot.machines.length + snapshot.unreadable.size;
    return { kind: 'Limited', by: first.by, machines: first.machines, count: listed + this.#unlisted(account) };
  }

  /** The oldest Account that pauses the objects of this account, as `namespace/name`; undefined: none. */
  pausedBy(account: CountedAccount): string | undefined {
    const all = this.#options.limits() ?? [];
    return oldest(all.filter((one) => one.isPaused && isSame(one.account, account)))?.by;
  }

  /** Whether all Accounts were read, so that each pause is known. */
  get isKnown(): boolean {
    return this.#options.limits() !== undefined;
  }

  /** Counts a create that is about to be sent; false if the limit leaves no place for it. */
  reserve(account: CountedAccount, name: string): boolean {
    if (this.#isHeld(account)) return false;
    this.#creates = [...this.#creates, { account, name, at: this.#options.clock.monotonic() }];
    return true;
  }

  /** The create was certainly not sent. */
  release(account: CountedAccount, name: string): void {
    this.#creates = this.#creates.filter((create) => create.account !== account || create.name !== name);
  }

  /** The object waits for a place. */
  wait(account: CountedAccount, key: string): void {
    this.#waiting.add(account, key);
  }

  /** A list of the account arrived, or a limit changed. Returns the keys that wait, if one of them may create now. */
  freedFor(account: CountedAccount): readonly string[] {
    if (!this.#waiting.has(account) || this.#isHeld(account)) return [];
    const keys = this.#waiting.keysOf(account);
    for (const key of keys) this.#waiting.delete(account, key);
    return keys;
  }

  #isHeld(account: CountedAccount): boolean {
    const limits = this.of(account);
    return limits !== undefined && heldByAccount(limits, false) !== undefined;
  }

  /** Creates that the newest list of their account may not show. */
  #unlisted(account: CountedAccount): number {
    this.#creates = this.#creates.filter((create) => !this.#isSettled(create));
    return this.#creates.filter((create) => isSame(create.account, account)).length;
  }

  #isSettled({ account: { snapshot }, name, at }: Create): boolean {
    if (snapshot === undefined || snapshot.startedAt <= at) return false;
    return snapshot.byName(name).length > 0 || snapshot.startedAt > at + this.#options.createDelay;
  }
}

function oldest(limits: readonly AccountLimit[]): AccountLimit | undefined {
  const [first] = limits.toSorted((a, b) => (a.order < b.order ? -1 : 1));
  return first;
}

/** One account at the provider may have several keys. */
function isSame(a: CountedAccount, b: CountedAccount): boolean {
  return a === b || (a.ownerId !== undefined && a.ownerId === b.ownerId);
}
