import { isNameOwn, nameHead } from '../api/v1alpha1/identity.ts';
import type { LookAlike, VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Machine } from '../model/machine.ts';
import type { Account, Snapshot } from '../provider/account/account.ts';
import { type Claims, cameFirst, outranks } from './claims.ts';
import type { Credentials, KeyLookup } from './credentials.ts';
import type { Subject } from './target.ts';

/** What tells whose a machine or a name is. */
export interface RivalDeps {
  readonly credentials: Pick<Credentials, 'lookup'>;
  /** Or which limit leaves no room for one more API key. */
  readonly accountFor: (
    key: Extract<KeyLookup, { kind: 'Found' }>['apiKey'],
    namespace: string,
  ) => Account | 'TotalReached' | 'GroupReached';
  readonly claims: Claims;
  readonly objectOf: (key: string) => VirtualMachine | undefined;
}

const mostLookAlikes = 8;

/** Machines with the object's name and another suffix that no object holds: the object may have been applied anew in a new cluster. */
export function lookAlikesOf(
  deps: RivalDeps,
  { object, identity, intent }: Subject,
  snapshot: Snapshot | undefined,
): readonly LookAlike[] {
  if (identity.kind !== 'None' || intent !== undefined || !isNameOwn(object)) return [];
  return (snapshot?.withSuffix(nameHead(object)) ?? [])
    .filter((machine) => !deps.claims.isHeld(machine))
    .toSorted((a, b) => a.id - b.id)
    .slice(0, mostLookAlikes)
    .map(({ id, name }) => ({ id, name }));
}

/** Another object of the same account that claimed the name first: two accounts may well use the same name. */
export async function nameHolder(
  deps: RivalDeps,
  key: string,
  object: VirtualMachine,
  account: Account | null,
  name: string,
): Promise<string | undefined> {
  for (const rival of deps.claims.rivals(name, key)) {
    const other = deps.objectOf(rival);
    if (other === undefined || !cameFirst(other, object)) continue;
    if (await isSameAccount(deps, account, other)) return rival;
  }
  return undefined;
}

/** Another object that the machine belongs to: one that records it with more right, or is about to make one of its name. */
export async function machineHolder(
  deps: RivalDeps,
  { key, object, identity }: Subject,
  account: Account | null,
  machine: Machine,
): Promise<string | undefined> {
  const isOurs = identity.kind === 'Known' && identity.id === machine.id;
  for (const rival of deps.claims.holders(machine.id, key)) {
    const other = deps.objectOf(rival);
    if (other !== undefined && (!isOurs || outranks(other, object, machine))) return rival;
  }
  if (isOurs) return undefined;
  for (const rival of deps.claims.rivals(machine.name, key)) {
    const other = deps.objectOf(rival);
    if (other !== undefined && (await isSameAccount(deps, account, other))) return rival;
  }
  return undefined;
}

/** Two keys may be of one account: their owner tells, once both have shown it. */
async function isSameAccount(deps: RivalDeps, account: Account | null, other: VirtualMachine): Promise<boolean> {
  const lookup = await deps.credentials.lookup(other);
  if (lookup.kind !== 'Found' || account === null) return false;
  const its = deps.accountFor(lookup.apiKey, other.metadata.namespace);
  if (typeof its === 'string') return false;
  return its === account || (its.ownerId !== undefined && its.ownerId === account.ownerId);
}
