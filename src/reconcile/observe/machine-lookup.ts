import { type Identity, type Intent, isNameOwn, providerName } from '../../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import type { ProviderId } from '../../domain/machine.ts';
import type { MachineObservation } from '../../plan/observed.ts';
import type { Account, Snapshot } from '../../provider/account/account.ts';
import type { MachineRead } from '../object-history.ts';
import type { ReadableState } from '../object-state.ts';

/** The methods of an account that `observe` uses. A missing read is started; nothing else changes. */
export type ReadableAccount = Pick<
  Account,
  | 'credentialStatus'
  | 'rejection'
  | 'lastFailure'
  | 'rateLimitedUntil'
  | 'isUnavailable'
  | 'ownerId'
  | 'snapshot'
  | 'massDisappearance'
  | 'massDisappearanceOf'
  | 'cachedMachine'
  | 'lastWriteAt'
  | 'readMachine'
  | 'catalog'
  | 'subscribedSince'
  | 'absenceOf'
  | 'recreations'
  | 'keyedHash'
>;

/** The subject of a reconciliation: an object, with the records and hints about its VM. */
export interface ReconcileSubject {
  readonly key: string;
  readonly object: VirtualMachine;
  readonly objectState: ReadableState;
  /** The machine's name: as recorded, otherwise as it would be created. */
  readonly name: string;
  readonly identity: Identity;
  readonly intent: Intent | undefined;
  /** Whether the intent was written with the key in use, or by this process. */
  readonly isIntentProven: boolean;
  /** Whether the provider refused the create call of the intent. */
  readonly isIntentRefused: boolean;
  /** Whether the key is the operator's default key, with which only names with the UID prove ownership. */
  readonly isDefaultKey: boolean;
}

/** What to look for: a machine by its id, or by its name. */
export interface MachineLookup {
  readonly id?: ProviderId;
  readonly name: string;
}

/** A read that has to start at or after `after` (monotonic): a list, or any read of the object's VM. */
interface ReadRequest {
  readonly type: 'List' | 'Machine';
  readonly after: number;
}

/** What the search for one VM finds on its way. Nothing of it is recorded yet. Times are monotonic. */
export interface Findings {
  readonly requests: ReadRequest[];
  lastRead?: MachineRead;
  /** The start of a complete list that lacked the name of a create whose outcome is unknown. */
  absentSince?: number;
  /** Since when the newest lists lack a VM that GET returns; `CaughtUp`: a list shows it again. */
  listLag?: { readonly since: number } | 'CaughtUp';
}

export interface MachineFinding extends Readonly<Findings> {
  readonly machine: MachineObservation;
}

/**
 * Determines what to look for. With the operator's default key, only the object's own name is looked for: a tenant must
 * not learn which other VMs exist.
 *
 * | identity                       | adoption | looked for                                                     |
 * | ------------------------------ | -------- | -------------------------------------------------------------- |
 * | Known                          |          | its id                                                         |
 * | None, own intent               |          | the name                                                       |
 * | None                           | id       | that id                                                        |
 * | None                           |          | the name: of spec.adoption, else the object's                  |
 * | OtherObject                    | Never    | nothing                                                        |
 * | OtherObject                    | another  | id or name of spec.adoption, else the hinted id, else the name |
 * | Unproven, name carries the UID |          | as None                                                        |
 * | Unproven                       | Never    | nothing                                                        |
 * | Unproven                       | another  | id or name of spec.adoption, else the hinted id, else the name |
 */
export function lookupOf({
  object,
  identity,
  intent,
  name,
  isDefaultKey,
}: ReconcileSubject): MachineLookup | undefined {
  if (identity.kind === 'Known') return { id: identity.id, name };
  if (isDefaultKey) return { name };
  const { adoption } = object.spec;
  const adoptionId = adoption.policy === 'Never' ? undefined : adoption.id;
  switch (identity.kind) {
    case 'None':
      return adoptionId === undefined || intent?.isOwn === true ? { name } : { id: adoptionId, name };
    case 'Unproven':
      if (isNameOwn(object)) return adoptionId === undefined ? { name } : { id: adoptionId, name };
      if (adoption.policy === 'Never') return undefined;
      return adoption.name === undefined ? hinted(adoptionId ?? identity.id, name) : { name };
    case 'OtherObject':
      if (adoption.policy === 'Never') return undefined;
      return adoption.name === undefined ? hinted(adoptionId ?? identity.id, identity.name ?? name) : { name };
  }
}

/**
 * A record of a VM with another name, edited or restored, is superseded by the one VM whose name carries the object's
 * UID.
 */
export function provenByName(object: VirtualMachine, identity: Identity, snapshot: Snapshot | undefined): Identity {
  if (identity.kind !== 'Known' || snapshot === undefined || !isNameOwn(object)) return identity;
  const name = providerName(object);
  const shown = snapshot.byId(identity.id);
  const isOther = shown !== undefined && shown.name !== name;
  return isOther && snapshot.byName(name).length === 1 ? { kind: 'None' } : identity;
}

function hinted(id: ProviderId | undefined, name: string): MachineLookup {
  return id === undefined ? { name } : { id, name };
}

/**
 * Other VMs with the name of the recorded one, which was created for this object: a VM that was replaced may reappear.
 * With the operator's default key, only a name with the object's UID proves that, because another namespace may have
 * chosen the same name.
 */
export function duplicatesOf(
  object: VirtualMachine,
  identity: Identity,
  machine: MachineObservation,
  account: ReadableAccount | null,
  isDefaultKey: boolean,
): readonly ProviderId[] {
  if (identity.kind !== 'Known' || identity.origin !== 'Created' || machine.kind !== 'Present') return [];
  if (isDefaultKey && !isNameOwn(object)) return [];
  const named = account?.snapshot?.byName(machine.machine.name) ?? [];
  return named.length < 2 ? [] : named.flatMap(({ id }) => (id === identity.id ? [] : [id]));
}
