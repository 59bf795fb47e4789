export interface AccountOptions {
  /** The `owner_id` of the VMs of this account. */
  readonly ownerId: number;
  readonly keys: readonly string[];
}

/** Maps API keys to accounts. An account may have several keys. */
export class Accounts {
  readonly #ownerByKey = new Map<string, number>();

  constructor(accounts: readonly AccountOptions[]) {
    for (const { ownerId, keys } of accounts) {
      for (const key of keys) this.addKey(ownerId, key);
    }
  }

  /** The account of a key; undefined for an unknown or a missing key. */
  ownerOf(key: string | undefined): number | undefined {
    return key === undefined ? undefined : this.#ownerByKey.get(key);
  }

  addKey(ownerId: number, key: string): void {
    this.#ownerByKey.set(key, ownerId);
  }

  revokeKey(key: string): void {
    this.#ownerByKey.delete(key);
  }

  /** The path without API keys: a client may put a key where an id belongs, and the ledger must not record it. */
  withoutKeys(path: string): string {
    const segments = path.split('/').map((segment) => (this.#ownerByKey.has(segment) ? '[key]' : segment));
    return segments.join('/');
  }
}
