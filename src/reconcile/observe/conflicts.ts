import { isNameOwn, nameHead } from '../../api/v1alpha1/identity.ts';
import type { OrphanCandidate, VirtualMachine } from '../../api/v1alpha1/types.ts';
import type { Machine } from '../../domain/machine.ts';
import type { Account } from '../../provider/account/account.ts';
import type { MachineIndex } from '../../controller/machine-index.ts';
import type { Credentials, KeyLookup } from '../credentials.ts';
import type { ReadableAccount, ReconcileSubject } from './machine-lookup.ts';

/** The data that determines which object a VM or a name belongs to. */
export interface ConflictDeps {
  readonly credentials: Pick<Credentials, 'lookup'>;
  /** The account of a key, or the limit that prevents another API key. */
  readonly accountFor: (
    key: Extract<KeyLookup, { kind: 'Found' }>['apiKey'],
    namespace: string,
  ) => Account | 'TotalReached' | 'GroupReached';
  readonly machineIndex: MachineIndex;
  readonly objectOf: (key: string) => VirtualMachine | undefined;
}

const maxOrphanCandidates = 8;

/** Unmanaged VMs with the object's name and another suffix: the object may have been applied again in a new cluster. */
export function orphanCandidatesOf(
  machineIndex: Pick<MachineIndex, 'isReserved'>,
  { object, identity, intent }: ReconcileSubject,
  account: ReadableAccount | null,
): readonly OrphanCandidate[] {
  if (identity.kind !== 'None' || intent !== undefined || !isNameOwn(object) || account === null) return [];
  return (account.snapshot?.withSuffix(nameHead(object)) ?? [])
    .filter((machine) => !machineIndex.isReserved(machine, account))
    .toSorted((a, b) => a.id - b.id)
    .slice(0, maxOrphanCandidates)
    .map(({ id, name }) => ({ id, name }));
}

/**
 * Another object of the same account that the VM belongs to: one that records it and takes precedence, or whose name it
 * has.
 */
export async function machineConflict(
  deps: ConflictDeps,
  { key, identity }: ReconcileSubject,
  account: ReadableAccount,
  machine: Machine,
): Promise<string | undefined> {
  const { machineIndex } = deps;
  await resolveAccounts(deps, machineIndex.withUnknownAccount({ id: machine.id }, key), key);
  return identity.kind === 'Known' && identity.id === machine.id
    ? machineIndex.recordConflict(machine.id, key, account)
    : machineIndex.conflictOf(machine, key, account);
}

/** Another object of the same account that takes precedence for the name. A VM on record has its name already. */
export async function nameConflict(
  deps: ConflictDeps,
  { key, identity, name }: ReconcileSubject,
  account: ReadableAccount | null,
): Promise<string | undefined> {
  if (identity.kind === 'Known' || account === null) return undefined;
  await resolveAccounts(deps, deps.machineIndex.withUnknownAccount({ name }, key), key);
  return deps.machineIndex.nameConflict(name, key, account);
}

/**
 * Determines the accounts of objects that this process has not reconciled yet, or that another operator manages. Each
 * is determined once.
 */
async function resolveAccounts(deps: ConflictDeps, keys: readonly string[], key: string): Promise<void> {
  for (const other of keys) {
    const object = deps.objectOf(other);
    if (other === key || object === undefined) continue;
    const lookup = await deps.credentials.lookup(object);
    const found = lookup.kind === 'Found' ? deps.accountFor(lookup.apiKey, object.metadata.namespace) : 'Missing';
    deps.machineIndex.setAccount(other, typeof found === 'string' ? null : found);
  }
}
