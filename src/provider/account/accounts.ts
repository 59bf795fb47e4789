import { createHash } from 'node:crypto';
import type { Secret } from '../../model/secret.ts';
import type { Provider } from '../port.ts';
import type { Account, Snapshot } from './account.ts';
import type { AccountOptions, SharedAccount } from './shared-account.ts';
import { createAccount } from './shared-account.ts';

/** How long an account that nobody follows is kept, and how often that is looked at. */
const keptFor = 10 * 60_000;
const sweepEvery = 60_000;

export interface AccountsOptions extends Omit<AccountOptions, 'provider' | 'onSnapshot'> {
  /** Connects to the provider with a key. All accounts of a registry are at the same base URL. */
  readonly connect: (apiKey: Secret) => Provider;
  /** `account` is the ordinal number that logs and metrics name the account by. */
  readonly onSnapshot?: (snapshot: Snapshot, account: number) => void;
}

/** The accounts in use, one for each API key, shared by all objects that use the key. */
export interface Accounts {
  /** The account of this key. One that nobody followed for ten minutes is stopped and made anew when asked for. */
  get(apiKey: Secret): Account;
  /** Those in use, by their ordinal number. */
  list(): ReadonlyMap<number, Account>;
  /** Stops all of them; writes under way are waited for. */
  stop(): Promise<void>;
}

interface Entry {
  readonly ordinal: number;
  readonly account: SharedAccount;
  usedAt: number;
}

export function createAccounts(options: AccountsOptions): Accounts {
  const { connect, onSnapshot, ...shared } = options;
  const { clock, log } = shared;
  // By a hash, so that a plain key is held in one place only. It is never logged: short keys could be guessed from it.
  const entries = new Map<string, Entry>();
  /** Each `Secret` is asked with in every pass of its objects, and hashed once. */
  const hashes = new WeakMap<Secret, string>();
  let ordinals = 0;
  let sweptAt = clock.monotonic();

  const open = (apiKey: Secret): Entry => {
    ordinals += 1;
    const ordinal = ordinals;
    const account = createAccount({
      ...shared,
      log: log.with({ account: ordinal }),
      provider: connect(apiKey),
      ...(onSnapshot === undefined ? {} : { onSnapshot: (snapshot: Snapshot) => onSnapshot(snapshot, ordinal) }),
    });
    return { ordinal, account, usedAt: clock.monotonic() };
  };

  const sweep = (now: number): void => {
    if (now - sweptAt < sweepEvery) return;
    sweptAt = now;
    for (const [hash, entry] of entries) {
      if (entry.account.followed > 0) entry.usedAt = now;
      if (now - entry.usedAt < keptFor) continue;
      entries.delete(hash);
      void entry.account.stop();
    }
  };

  const hashOf = (apiKey: Secret): string => {
    const known = hashes.get(apiKey);
    if (known !== undefined) return known;
    const hash = createHash('sha256').update(apiKey.reveal()).digest('base64');
    hashes.set(apiKey, hash);
    return hash;
  };

  return {
    get: (apiKey) => {
      const hash = hashOf(apiKey);
      const entry = entries.get(hash) ?? open(apiKey);
      entries.set(hash, entry);
      const now = clock.monotonic();
      entry.usedAt = now;
      sweep(now);
      return entry.account;
    },
    list: () => new Map([...entries.values()].map(({ ordinal, account }) => [ordinal, account])),
    stop: async () => {
      await Promise.all([...entries.values()].map(({ account }) => account.stop()));
    },
  };
}
