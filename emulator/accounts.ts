export interface AccountOptions {
  /** What machines of this account show as `owner_id`. */
  readonly ownerId: number;
  readonly keys: readonly string[];
}

/** Who may see what: several keys may belong to one account. */
export class Accounts {
  readonly #ownerByKey = new Map<string, number>();

  constructor(accounts: readonly AccountOptions[]) {
    for (const { ownerId, keys } of accounts) {
      for (const key of keys) this.addKey(ownerId, key);
    }
  }

  /** The account that a key belongs to; undefined for an unknown key, and for none. */
  ownerOf(key: string | undefined): number | undefined {
    return key === undefined ? undefined : this.#ownerByKey.get(key);
  }

  addKey(ownerId: number, key: string): void {
    this.#ownerByKey.set(key, ownerId);
  }

  revokeKey(key: string): void {
    this.#ownerByKey.delete(key);
  }

  /** A path that may be kept: whoever puts a key where an id belongs shall not find it in the ledger. */
  withoutKeys(path: string): string {
    const segments = path.split('/').map((segment) => (this.#ownerByKey.has(segment) ? '[key]' : segment));
    return segments.join('/');
  }
}
