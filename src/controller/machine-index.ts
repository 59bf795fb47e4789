import { isNameOwn, providerName, readIdentity } from '../api/v1alpha1/identity.ts';
import { readRequests } from '../api/v1alpha1/annotations.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Machine, ProviderId } from '../domain/machine.ts';
import type { Account } from '../provider/account/account.ts';

/** What says whether two objects are in the same account at the provider. */
export type Standing = Pick<Account, 'verdict' | 'ownerId'>;

/** What an object reserves for itself in its account. */
interface Claim {
  readonly key: string;
  readonly name: string;
  /** Of the VM on record, and of the account that this VM was recorded in. */
  readonly id: ProviderId | undefined;
  readonly ownerId: ProviderId | undefined;
  readonly rank: number;
  /** Whether it keeps others from the name. One that only asks for it, and creates nothing now, does not. */
  readonly isReserving: boolean;
  /** By age, then by UID, so that every object gets the same order. */
  readonly order: string;
  /** The account in use; null: none. Undefined: the object was not reconciled yet. */
  account: Standing | null | undefined;
}

/**
 * How good a claim is. Annotations are never one: tenants write them.
 *
 * | rank | because                                        |
 * | ---- | ---------------------------------------------- |
 * | 3    | the name carries the object's own UID          |
 * | 2    | the status records a VM that the object created |
 * | 1    | the status records a VM that it adopted        |
 * | 0    | the spec asks for the name, and nothing keeps the object from creating a VM |
 */
const ownName = 3;

function rankOf(object: VirtualMachine, origin: 'Created' | 'Adopted' | undefined, name: string): number {
  if (isNameOwn(object) && name === providerName(object)) return ownName;
  if (origin === undefined) return 0;
  return origin === 'Created' ? 2 : 1;
}

function claimOf(key: string, object: VirtualMachine): Claim {
  const identity = readIdentity(object);
  const known = identity.kind === 'Known' ? identity : undefined;
  const name = known?.name ?? providerName(object);
  const { creationTimestamp = '', deletionTimestamp, uid } = object.metadata;
  const rank = rankOf(object, known?.origin, name);
  const mayCreate =
    object.spec.managementPolicy === 'Manage' && deletionTimestamp === undefined && !readRequests(object).isPaused;
  return {
    key,
    name,
    id: known?.id,
    ownerId: known?.ownerId,
    rank,
    isReserving: rank > 0 || mayCreate,
    order: `${creationTimestamp} ${uid}`,
    account: undefined,
  };
}

/** Negative if `a` goes first. */
function compare(a: Claim, b: Claim): number {
  if (a.rank !== b.rank) return b.rank - a.rank;
  return a.order < b.order ? -1 : a.order > b.order ? 1 : 0;
}

/** Whether a claim counts in the account. An account without a verdict on its key, or without its owner, is only itself. */
function isIn(claim: Pick<Claim, 'account' | 'ownerId'>, account: Standing): boolean {
  const { ownerId } = account;
  if (claim.account === account) return true;
  if (ownerId === undefined) return false;
  return claim.ownerId === ownerId || (claim.account?.verdict === 'Accepted' && claim.account.ownerId === ownerId);
}

/**
 * Which objects reserve which names and VMs at the provider, kept up to date from the watch. A reservation counts within one
 * account: that of the object's own accepted key, or the one that its status records.
 */
export class Claims {
  readonly #claims = new Map<string, Claim>();
  readonly #byName = new Index<string>();
  readonly #byId = new Index<ProviderId>();
  /** VMs that an object is about to adopt: on record only a moment later. */
  readonly #adoptions = new Map<ProviderId, string>();

  /** An object (`namespace/name`) changed. Returns the keys that are next in line for what it no longer reserves. */
  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): readonly string[] {
    const old = this.#claims.get(key);
    const current = after && claimOf(key, after);
    if (current !== undefined && before?.metadata.uid === after?.metadata.uid) current.account = old?.account;
    if (old !== undefined && current !== undefined && isSame(old, current)) return [];
    const next = this.#remove(old);
    if (current !== undefined) this.#add(current);
    if (before?.metadata.uid !== after?.metadata.uid)
      for (const [id, adopter] of this.#adoptions) if (adopter === key) this.#adoptions.delete(id);
    return [...new Set(next)];
  }

  /** The object works with this account from now on; null: with none, undefined: that is not known any more. */
  use(key: string, account: Standing | null | undefined): void {
    const claim = this.#claims.get(key);
    if (claim === undefined || claim.account === account) return;
    this.#remove(claim);
    this.#add({ ...claim, account });
  }

  /** Another object that goes before this one for the name. */
  nameHolder(name: string, key: string, account: Standing): string | undefined {
    return this.#before(key, this.#byName.first(name, account, key));
  }

  /** Another object that goes before this one for the VM, which both record. */
  recordHolder(id: ProviderId, key: string, account: Standing): string | undefined {
    return this.#before(key, this.#byId.first(id, account, key));
  }

  /** Another object that has the VM on record, adopts it right now, or whose UID its name carries. */
  holder({ id, name }: Pick<Machine, 'id' | 'name'>, key: string, account: Standing): string | undefined {
    const adopter = this.#adoptions.get(id);
    return (
      this.#byId.first(id, account, key)?.key ??
      (adopter === key ? undefined : adopter) ??
      // Nobody can choose a UID, so this needs no account.
      this.#byName.best(name, key, ownName)?.key
    );
  }

  /** Whether any object of the account has the VM on record, or its name carries the UID of an object that exists. */
  isHeld(machine: Pick<Machine, 'id' | 'name'>, account: Standing): boolean {
    return this.holder(machine, '', account) !== undefined;
  }

  /** The only object of the account that has the VM on record. */
  soleHolder(id: ProviderId, account: Standing): string | undefined {
    const first = this.#byId.first(id, account, '')?.key;
    return first === undefined || this.#byId.first(id, account, first) !== undefined ? undefined : first;
  }

  /** Objects that may go before this one for the VM or the name, in an account that is not known before `use` says so. */
  unplaced({ id, name }: { readonly id?: ProviderId; readonly name?: string }, key: string): readonly string[] {
    const own = this.#claims.get(key);
    const found = [
      ...(id === undefined ? [] : this.#byId.unplaced(id)),
      ...(name === undefined ? [] : this.#byName.unplaced(name)),
    ];
    return found
      .filter((claim) => own === undefined || id !== undefined || compare(claim, own) < 0)
      .map((one) => one.key);
  }

  /** Takes a VM for `key` until `release`, unless another object has it: if two ask at the same time, one gets it. */
  reserve(machine: Pick<Machine, 'id' | 'name'>, key: string, account: Standing): boolean {
    if (this.holder(machine, key, account) !== undefined) return false;
    this.#adoptions.set(machine.id, key);
    return true;
  }

  release(id: ProviderId, key: string): void {
    if (this.#adoptions.get(id) === key) this.#adoptions.delete(id);
  }

  #before(key: string, first: Claim | undefined): string | undefined {
    const own = this.#claims.get(key);
    return first !== undefined && (own === undefined || compare(first, own) < 0) ? first.key : undefined;
  }

  #add(claim: Claim): void {
    this.#claims.set(claim.key, claim);
    if (claim.isReserving) this.#byName.add(claim.name, claim);
    if (claim.id !== undefined) this.#byId.add(claim.id, claim);
  }

  #remove(claim: Claim | undefined): readonly string[] {
    if (claim === undefined) return [];
    this.#claims.delete(claim.key);
    return [
      ...(claim.isReserving ? this.#byName.remove(claim.name, claim) : []),
      ...(claim.id === undefined ? [] : this.#byId.remove(claim.id, claim)),
    ];
  }
}

function isSame(a: Claim, b: Claim): boolean {
  return (
    a.name === b.name &&
    a.id === b.id &&
    a.ownerId === b.ownerId &&
    a.rank === b.rank &&
    a.isReserving === b.isReserving &&
    a.order === b.order
  );
}

/**
 * Claims by what they are of. Nearly always there is one, which is kept as it is: more would take several times the memory.
 * Of many, each account's stand in a line of their own, so that what a claim costs doesn't grow with the claims of others.
 */
class Index<T> {
  readonly #claims = new Map<T, Claim | Lines>();

  add(value: T, claim: Claim): void {
    const known = this.#claims.get(value);
    if (known === undefined) this.#claims.set(value, claim);
    else if (known instanceof Lines) known.add(claim);
    else this.#claims.set(value, new Lines(known, claim));
  }

  /** Returns the keys that moved to the front. */
  remove(value: T, claim: Claim): readonly string[] {
    const known = this.#claims.get(value);
    if (known === claim) this.#claims.delete(value);
    if (!(known instanceof Lines)) return [];
    const next = known.remove(claim);
    const { last } = known;
    if (last !== undefined) this.#claims.set(value, last);
    return next;
  }

  /** The first claim of the account that is not that of `key`. */
  first(value: T, account: Standing, key: string): Claim | undefined {
    const known = this.#claims.get(value);
    if (known instanceof Lines) return known.first(account, key);
    return known !== undefined && known.key !== key && isIn(known, account) ? known : undefined;
  }

  /** A claim of this rank in whichever account that is not that of `key`. */
  best(value: T, key: string, rank: number): Claim | undefined {
    const known = this.#claims.get(value);
    const claims = known instanceof Lines ? known.front : known === undefined ? [] : [known];
    return claims.find((claim) => claim.rank === rank && claim.key !== key);
  }

  unplaced(value: T): readonly Claim[] {
    const known = this.#claims.get(value);
    if (known instanceof Lines) return known.unplaced;
    return known !== undefined && isUnplaced(known) ? [known] : [];
  }
}

function isUnplaced({ account, ownerId }: Claim): boolean {
  return account === undefined && ownerId === undefined;
}

/** Two or more claims of one thing, in a line for each account and one for each owner on record, the best one first. */
class Lines {
  readonly #lines = new Map<Standing | ProviderId | null | undefined, Claim[]>();
  #size = 0;

  constructor(...claims: readonly Claim[]) {
    for (const claim of claims) this.add(claim);
  }

  add(claim: Claim): void {
    this.#size += 1;
    for (const group of groupsOf(claim)) {
      const line = this.#lines.get(group) ?? [];
      line.splice(placeIn(line, claim), 0, claim);
      this.#lines.set(group, line);
    }
  }

  remove(claim: Claim): readonly string[] {
    this.#size -= 1;
    const wasFirst = groupsOf(claim).map((group) => {
      const line = this.#lines.get(group) ?? [];
      const place = placeIn(line, claim);
      if (line[place] === claim) line.splice(place, 1);
      if (line.length === 0) this.#lines.delete(group);
      return place === 0;
    });
    if (!wasFirst.includes(true)) return [];
    // Of each line in the same account: it may have several keys.
    return this.front.filter((first) => areTogether(first, claim)).map(({ key }) => key);
  }

  /** The only one that is left. */
  get last(): Claim | undefined {
    return this.#size === 1 ? this.front[0] : undefined;
  }

  /** The first of each line. */
  get front(): readonly Claim[] {
    return [...this.#lines.values()].flatMap(([first]) => (first === undefined ? [] : [first]));
  }

  get unplaced(): readonly Claim[] {
    return this.#lines.get(undefined)?.filter(isUnplaced) ?? [];
  }

  first(account: Standing, key: string): Claim | undefined {
    let best: Claim | undefined;
    for (const [first, second] of this.#lines.values()) {
      const claim = first?.key === key ? second : first;
      if (claim !== undefined && isIn(claim, account) && (best === undefined || compare(claim, best) < 0)) best = claim;
    }
    return best;
  }
}

function areTogether(a: Claim, b: Claim): boolean {
  if (b.account !== undefined && b.account !== null && isIn(a, b.account)) return true;
  return a.ownerId !== undefined && a.ownerId === b.ownerId;
}

function groupsOf({ account, ownerId }: Claim): readonly (Standing | ProviderId | null | undefined)[] {
  return ownerId === undefined ? [account] : [account, ownerId];
}

/** Where the claim stands, or belongs, in the line. */
function placeIn(line: readonly Claim[], claim: Claim): number {
  let [from, to] = [0, line.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const other = line[middle];
    if (other !== undefined && compare(other, claim) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
