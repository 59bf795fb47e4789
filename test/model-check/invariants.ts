import { compareHint, readIdentity, readIntent } from '../../src/api/v1alpha1/identity.ts';
import { annotations, finalizer } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import type { Invariant } from './checker.ts';
import { neighborId } from './actions/users.ts';
import { isThere } from './world/fake-provider.ts';
import type { ProviderState, ProviderMachine, SentCall, State } from './state.ts';
import { gracePeriod, responseDeadline, stuckAfter, visibilityWindow } from './time.ts';

/** What must hold after every step, whatever went wrong before. */
export const invariants: readonly Invariant<State>[] = [
  { name: 'one object has at most one VM', holds: ({ providerState }) => ours(providerState).length <= 1 },
  {
    name: 'no unmanaged VM is changed',
    holds: ({ sent }) => sent?.machine === undefined || sent.machine.isOurs,
  },
  {
    name: 'no unmanaged VM is recorded',
    holds: ({ cluster, providerState }) => {
      const recorded = recordedIn(cluster.object, providerState);
      return recorded === undefined || recorded.isOurs;
    },
  },
  {
    name: 'nothing is changed that is paused or only observed',
    holds: ({ sent }) => sent === undefined || isManaged(sent.object),
  },
  {
    name: 'a request restarts once',
    holds: ({ providerState }) => new Set(providerState.restarts).size === providerState.restarts.length,
  },
  {
    name: 'only a VM seen halted is deleted, or one in a transition that has taken too long',
    holds: ({ sent }) => sent?.operation !== 'DeleteMachine' || sent.seen === 'Halted' || isEndless(sent),
  },
  {
    name: 'a VM is deleted with its object only, and not while it is protected',
    holds: ({ sent, cluster }) =>
      sent?.operation !== 'DeleteMachine' ||
      (isDeleting(cluster.object) && sent.object?.spec.deletionProtection === false),
  },
  {
    name: 'nothing is created while an outcome is unknown',
    holds: ({ sent }) =>
      !isCreate(sent) ||
      sent.doubtSince === undefined ||
      sent.at - sent.doubtSince >= responseDeadline + visibilityWindow,
  },
  {
    name: 'the create intent and the finalizer are stored before the create call',
    holds: ({ sent, cluster }) => !isCreate(sent) || (hasFinalizer(cluster.object) && hasIntent(cluster.object)),
  },
  {
    name: 'the object stays as long as its VM, unless it is to orphan it',
    holds: ({ cluster, providerState }) =>
      cluster.object !== undefined || !mayBeThere(providerState) || isOrphaned(cluster.gone),
  },
  {
    name: 'power is cut after that is recorded and after the grace period, and never by Soft',
    holds: ({ sent, cluster }) =>
      sent?.operation !== 'KillMachine' ||
      // A deletion does not wait for a status that is refused.
      ((isDeleting(cluster.object) || cluster.object?.status?.operation?.type === 'Kill') &&
        mayKill(sent.object, sent.at)),
  },
];

/** Whether the world is as the object asks, or the object says rightly why only a human can make it so. */
export function isSettled({ cluster, providerState }: State): boolean {
  const { object } = cluster;
  if (object === undefined) return !mayBeThere(providerState) || isOrphaned(cluster.gone);
  const recorded = recordedIn(object, providerState);
  const ready = object.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.reason === 'AbsenceUnconfirmed')
    return recorded === undefined && !mayBeThere(providerState) && hasNamesake(providerState);
  // An annotation that a user wrote before there was a record: it grants nothing, and delays the create.
  if (ready?.reason === 'IdentityUnproven') return readIdentity(object).kind === 'Unproven';
  if (isDeleting(object)) return false;
  if (recorded?.isOurs === true) {
    return (
      ready?.status === 'True' &&
      ready.observedGeneration === object.metadata.generation &&
      recorded.state === object.spec.powerState &&
      hasFinalizer(object) &&
      !hasIntent(object) &&
      isHinted(object) &&
      object.status?.lastRestartRequest === object.spec.restartRequest
    );
  }
  switch (ready?.reason) {
    case 'ExternallyDeleted':
      return readIdentity(object).kind === 'Known' && recorded === undefined && !mayBeThere(providerState);
    case 'IdentityFromOtherObject':
      return readIdentity(object).kind === 'OtherObject' && !mayBeThere(providerState);
    case 'NameTaken':
      return hasNamesake(providerState);
    default:
      return false;
  }
}

function isManaged(object: VirtualMachine | undefined): boolean {
  return object?.spec.managementPolicy === 'Manage' && object.metadata.annotations?.[annotations.paused] === undefined;
}

/** Whether the object may go while its VM stays. */
function isOrphaned(gone: VirtualMachine | undefined): boolean {
  if (gone === undefined) return false;
  const { deletionPolicy, managementPolicy } = gone.spec;
  const identity = readIdentity(gone);
  const isAdopted = identity.kind === 'Known' && identity.origin === 'Adopted';
  return managementPolicy === 'Observe' || (deletionPolicy ?? (isAdopted ? 'Retain' : 'Delete')) === 'Retain';
}

function ours({ machines }: ProviderState): readonly ProviderMachine[] {
  return machines.filter((machine) => machine.isOurs && isThere(machine));
}

function mayBeThere(providerState: ProviderState): boolean {
  return ours(providerState).length > 0 || providerState.adrift.some(({ operation }) => operation === 'CreateMachine');
}

function hasNamesake({ machines }: ProviderState): boolean {
  return machines.some(
    (machine) => isThere(machine) && !machine.isOurs && machine.owner === 'own' && machine.id !== neighborId,
  );
}

function recordedIn(object: VirtualMachine | undefined, providerState: ProviderState): ProviderMachine | undefined {
  const identity = object === undefined ? undefined : readIdentity(object);
  if (identity?.kind !== 'Known') return undefined;
  return providerState.machines.find((machine) => machine.id === identity.id && isThere(machine));
}

function isCreate(sent: SentCall | undefined): sent is SentCall {
  return sent?.operation === 'CreateMachine';
}

function isDeleting(object: VirtualMachine | undefined): boolean {
  return object?.metadata.deletionTimestamp !== undefined;
}

function hasFinalizer(object: VirtualMachine | undefined): boolean {
  return object?.metadata.finalizers?.includes(finalizer) === true;
}

function isHinted(object: VirtualMachine): boolean {
  const identity = readIdentity(object);
  return identity.kind === 'Known' && compareHint(object, identity) === 'Equal';
}

function hasIntent(object: VirtualMachine | undefined): boolean {
  if (object === undefined) return false;
  return readIntent(object.metadata.annotations?.[annotations.createPending], object.metadata.uid)?.isOwn === true;
}

/** One that has moved on by the time the call arrives is none of the operator's making: the provider refuses what is not halted. */
function isEndless({ seen, machine, at }: SentCall): boolean {
  if (seen === 'Running') return false;
  if (machine === undefined) return true;
  return machine.state !== seen || at - machine.changedAt >= stuckAfter;
}

function mayKill(object: VirtualMachine | undefined, at: number): boolean {
  const { mode } = object?.spec.powerOff ?? {};
  const operation = object?.status?.operation;
  if (mode === 'Soft') return false;
  return mode === 'Hard' || operation?.type !== 'Stop' || at - Date.parse(operation.startTime) >= gracePeriod;
}
