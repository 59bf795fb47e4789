import { type Identity, type Intent, isNameOwn, providerName } from '../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { ProviderId } from '../model/machine.ts';
import type { MachineObservation } from '../plan/observed.ts';
import type { Account, Snapshot } from '../provider/account/account.ts';
import type { Memory } from './history.ts';

/** What is looked at in one pass: an object, and what it says of its machine. */
export interface Subject {
  readonly key: string;
  readonly object: VirtualMachine;
  readonly memory: Memory;
  /** The machine's name: as recorded, else as it would be created. */
  readonly name: string;
  readonly identity: Identity;
  readonly intent: Intent | undefined;
}

/** What to look for: a machine by its id, or by its name. */
export interface Target {
  readonly id?: ProviderId;
  readonly name: string;
}

/**
 * | identity             | adoption | looked for                                                     |
 * | -------------------- | -------- | -------------------------------------------------------------- |
 * | Known                |          | its id                                                         |
 * | None, own intent     |          | the name                                                       |
 * | None                 | id       | that id                                                        |
 * | None                 |          | the name                                                       |
 * | Foreign, Unproven    | Never    | nothing: its machine is none of this object's business         |
 * | Foreign, Unproven    | another  | the id of spec.adoption, else the recorded id, else the name   |
 * | Malformed            |          | nothing                                                        |
 */
export function targetOf({ object, identity, intent, name }: Subject): Target | undefined {
  const { adoption } = object.spec;
  const asked = adoption.policy === 'Never' ? undefined : adoption.id;
  switch (identity.kind) {
    case 'Known':
      return { id: identity.id, name };
    case 'None':
      return asked === undefined || intent?.isOwn === true ? { name } : { id: asked, name };
    case 'Foreign': {
      if (adoption.policy === 'Never') return undefined;
      const id = asked ?? identity.id;
      return id === undefined ? { name: identity.name ?? name } : { id, name };
    }
    case 'Unproven':
      return adoption.policy === 'Never' ? undefined : { id: asked ?? identity.id, name };
    case 'Malformed':
      return undefined;
  }
}

/**
 * Other VMs that have the name of the recorded one, which was created for this object: one that was replaced may come back.
 * With the operator's own key only a name with the object's UID says so, because another namespace may have chosen the same one.
 */
export function twinsOf(
  object: VirtualMachine,
  identity: Identity,
  machine: MachineObservation,
  account: Account | null,
  isDefaultKey: boolean,
): readonly ProviderId[] {
  if (identity.kind !== 'Known' || identity.origin !== 'Created' || machine.kind !== 'Present') return [];
  if (isDefaultKey && !isNameOwn(object)) return [];
  const named = account?.snapshot?.byName(machine.machine.name) ?? [];
  return named.length < 2 ? [] : named.flatMap(({ id }) => (id === identity.id ? [] : [id]));
}

/** An id that only the status tells counts for nothing where a machine proves itself by a name with this object's UID. */
export function provenByName(object: VirtualMachine, identity: Identity, snapshot: Snapshot | undefined): Identity {
  if (identity.kind !== 'Known' || identity.source !== 'Status' || !isNameOwn(object)) return identity;
  const [machine] = snapshot?.byName(providerName(object)) ?? [];
  return machine === undefined || machine.id === identity.id ? identity : { kind: 'None' };
}
