import { createHash, createHmac } from 'node:crypto';
import type { Secret } from '../../domain/secret.ts';
import { registerSecret } from '../../telemetry/redact.ts';
import type { Provider } from '../provider.ts';
import type { Account, RegisteredAccount, Snapshot } from './account.ts';
import { KeyProbes } from './polling/key-probes.ts';
import { type AccountOptions, createAccount } from './account-core.ts';
import { failed } from '../../domain/failure.ts';
import { isReadable, type ListedMachine } from '../../domain/machine.ts';

/** 128 bits: infeasible to forge without the key, and short enough for an annotation. */
const hashBytes = 16;

/** How long an account without subscribers is kept, and how often that is checked. */
const keptFor = 10 * 60_000;
const sweepEvery = 60_000;

/** How many API keys may be in use at a time. */
export interface AccountLimits {
  readonly total: number;
  readonly perGroup: number;
}

export interface AccountRegistryOptions extends Omit<
  AccountOptions,
  'provider' | 'keyedHash' | 'onAccepted' | 'onSnapshot' | 'keyProbes'
> {
  /** Connects to the provider with a key. All accounts of a registry are at the same base URL. */
  readonly connect: (apiKey: Secret) => Provider;
  /** Called with each complete list, and the ordinal number that logs and metrics name the account by. */
  readonly onSnapshot?: (snapshot: Snapshot, ordinal: number, account: Account) => void;
  readonly limits: AccountLimits;
}

/** The accounts in use, one for each API key, shared by all objects that use the key. */
export interface AccountRegistry {
  /**
   * The account of this key, for an object of this group (its namespace); or the limit that prevents another account.
   * An account without subscribers is stopped after ten minutes, or earlier when the registry is full, and started
   * again on request.
   */
  get(apiKey: Secret, group: string): Account | 'TotalReached' | 'GroupReached';
  /** The accounts in use, by ordinal number. */
  list(): ReadonlyMap<number, Account>;
  /** Stops all accounts, and waits for writes in flight. */
  stop(): Promise<void>;
}

interface Entry {
  readonly ordinal: number;
  readonly account: RegisteredAccount;
  readonly groups: Set<string>;
  /** An accepted key is redacted in all output while its account exists. */
  release: () => void;
  usedAt: number;
}

/**
 * Worked table of what happens to a new key when the registry is full:
 *
 * | there is one                                               | then                                                    |
 * | ---------------------------------------------------------- | ------------------------------------------------------- |
 * | without subscribers                                        | it is stopped, the one unused for longest first         |
 * | not accepted, of a group with more such keys than this one | it is stopped: a key that was not accepted does nothing |
 * | accepted                                                   | it stays                                                |
 */
export function createAccountRegistry(options: AccountRegistryOptions): AccountRegistry {
  const { connect, onSnapshot, limits, ...shared } = options;
  const { clock, log } = shared;
  const keyProbes = new KeyProbes(clock, limits.perGroup);
  const lists = new ListSizeLimit();
  // By a hash, so that the plain key is stored in one place only. The hash is never logged, because it reveals a short
  // key.
  const entries = new Map<string, Entry>();
  /** Caches the hash of each `Secret`, because every reconciliation looks it up. */
  const hashes = new WeakMap<Secret, string>();
  let ordinals = 0;
  let sweptAt = clock.monotonic();

  const open = (apiKey: Secret): Entry => {
    ordinals += 1;
    const ordinal = ordinals;
    const entry: Omit<Entry, 'account'> = { ordinal, groups: new Set(), release: () => {}, usedAt: clock.monotonic() };
    let isRegistered = false;
    const account: RegisteredAccount = createAccount({
      ...shared,
      log: log.with({ account: ordinal }),
      provider: lists.bound(ordinal, connect(apiKey)),
      keyProbes,
      // Not earlier: a tenant can put any word into a Secret, which would then be redacted for all tenants.
      onAccepted: () => {
        if (!isRegistered) entry.release = registerSecret(apiKey);
        isRegistered = true;
      },
      keyedHash: (text) => keyedHash(apiKey, text),
      onSnapshot: (snapshot) => onSnapshot?.(snapshot, ordinal, account),
    });
    return Object.assign(entry, { account });
  };

  const close = (hash: string, entry: Entry): void => {
    entries.delete(hash);
    lists.forget(entry.ordinal);
    void entry.account.stop().then(() => entry.release());
  };

  const sweep = (now: number): void => {
    if (now - sweptAt < sweepEvery) return;
    sweptAt = now;
    for (const [hash, entry] of entries) {
      forgetGroups(entry);
      if (entry.account.subscriberCount > 0) entry.usedAt = now;
      if (now - entry.usedAt >= keptFor) close(hash, entry);
    }
  };

  const closeUnused = (): boolean => {
    const unused = [...entries].filter(([, { account }]) => account.subscriberCount === 0);
    const [oldest] = unused.toSorted(([, a], [, b]) => a.usedAt - b.usedAt);
    if (oldest === undefined) return false;
    close(...oldest);
    return true;
  };

  const closeUnaccepted = (group: string): boolean => {
    const byGroup = Map.groupBy(
      [...entries].filter(([, { account, groups }]) => account.credentialStatus !== 'Accepted' && groups.size === 1),
      ([, { groups }]) => [...groups].join(''),
    );
    const own = byGroup.get(group)?.length ?? 0;
    const [most] = [...byGroup.values()].toSorted((a, b) => b.length - a.length);
    // The new key is one more.
    if (most === undefined || most.length <= own + 1) return false;
    const [first] = most.toSorted(([, a], [, b]) =>
      a.account.credentialStatus.localeCompare(b.account.credentialStatus),
    );
    if (first === undefined) return false;
    close(...first);
    return true;
  };

  /** Whether this group may use another key. */
  const hasRoom = (group: string): boolean => {
    const used = (): number => [...entries.values()].filter(({ groups }) => groups.has(group)).length;
    if (used() < limits.perGroup) return true;
    for (const entry of entries.values()) forgetGroups(entry);
    return used() < limits.perGroup;
  };

  const hashOf = (apiKey: Secret): string => {
    const known = hashes.get(apiKey);
    if (known !== undefined) return known;
    const hash = createHash('sha256').update(apiKey.reveal()).digest('base64');
    hashes.set(apiKey, hash);
    return hash;
  };

  return {
    get: (apiKey, group) => {
      const now = clock.monotonic();
      sweep(now);
      const hash = hashOf(apiKey);
      let entry = entries.get(hash);
      if (entry?.groups.has(group) !== true && !hasRoom(group)) return 'GroupReached';
      if (entry === undefined) {
        if (entries.size >= limits.total && !closeUnused() && !closeUnaccepted(group)) return 'TotalReached';
        entry = open(apiKey);
        entries.set(hash, entry);
      }
      entry.groups.add(group);
      entry.usedAt = now;
      return entry.account;
    },
    list: () => new Map([...entries.values()].map(({ ordinal, account }) => [ordinal, account])),
    stop: async () => {
      await Promise.all([...entries.values()].map(({ account }) => account.stop()));
    },
  };
}

/** Whether the objects of the group use other keys by now, or are deleted. */
function forgetGroups({ account, groups }: Entry): void {
  for (const group of groups) if (!account.hasSubscribersIn(group)) groups.delete(group);
}

/** HMAC-SHA256 of the text with the API key, in base64url. */
export function keyedHash(apiKey: Secret, text: string): string {
  return createHmac('sha256', apiKey.reveal()).update(text).digest().subarray(0, hashBytes).toString('base64url');
}

/**
 * The memory limit for the newest lists of all accounts together, by the estimate below: about 70,000 typical VMs.
 * `listLimits` bounds one list, but a provider can return the largest one for each of a thousand keys.
 */
const maxBytes = 48 * 2 ** 20;

const failure = {
  operation: 'ListMachines',
  class: 'Retry',
  code: 'ProtocolError',
  text: `the lists of all API keys in use are larger than ${maxBytes / 2 ** 20} MiB together, which is the most that the operator keeps`,
} as const;

/** The size of the newest list of each account. */
class ListSizeLimit {
  readonly #sizes = new Map<number, number>();
  #total = 0;

  /** The provider of one account. A list that exceeds the limit fails, and the previous one stays in use. */
  bound(account: number, provider: Provider): Provider {
    this.#sizes.set(account, 0);
    return {
      ...provider,
      listMachines: async (signal) => {
        const outcome = await provider.listMachines(signal);
        return outcome.ok && !this.#admit(account, sizeOf(outcome.value)) ? failed(failure) : outcome;
      },
    };
  }

  forget(account: number): void {
    this.#total -= this.#sizes.get(account) ?? 0;
    this.#sizes.delete(account);
  }

  #admit(account: number, size: number): boolean {
    const before = this.#sizes.get(account);
    // The response arrived after the account was stopped.
    if (before === undefined) return true;
    const total = this.#total - before + size;
    // A smaller list is always accepted.
    if (total > maxBytes && size > before) return false;
    this.#sizes.set(account, size);
    this.#total = total;
    return true;
  }
}

/** The approximate size in bytes. */
function sizeOf(machines: readonly ListedMachine[]): number {
  let size = 0;
  for (const machine of machines) {
    size += 400;
    if (isReadable(machine))
      size += 2 * (machine.name.length + (machine.hostname?.length ?? 0)) + 100 * machine.addresses.length;
  }
  return size;
}
