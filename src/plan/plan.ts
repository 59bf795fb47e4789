import { annotations, finalizer } from '../api/v1alpha1/names.ts';
import type { MachineObservation, Observed, UnknownReason } from './observed.ts';
import { type Action, type Decision, act, wait } from './action.ts';
import { claim, create } from './create.ts';
import { fromFailure, rejected } from './failure.ts';
import { power } from './power.ts';
import { remove } from './remove.ts';

/** How often a missing Secret without the label that has it watched is looked for. */
const secretRetry = 15_000;

/** How often a name is tried that another object claims. */
const conflictRetry = 15_000;

/** How often a key of another account is looked at anew, in case nobody watches its Secret for us. */
const accountRetry = 60_000;

type Rule = (o: Observed) => Decision | undefined;

/**
 * The decision, as an ordered list: the first rule that has something to say wins. Each rule may rely on none of the
 * earlier ones having applied. What no rule may do is act on a machine that was not observed: an unknown one ends the
 * list before any rule that could.
 */
const rules: readonly Rule[] = [
  notOurs,
  identityUnusable,
  credentialsUnusable,
  nameHeldByOther,
  machineUnknown,
  deletion,
  unclaimedMachine,
  creation,
  identityMismatch,
  externallyDeleted,
  identityIncomplete,
  powerState,
];

/** Decides what to do about one object. Pure: the same observation always gives the same decision. */
export function plan(o: Observed): Decision {
  for (const rule of rules) {
    const decision = rule(o);
    if (decision !== undefined) return heldBack(o, decision);
  }
  return wait(undefined);
}

/** Our finalizer is stored before anything billable, so without it there is nothing of ours to delete. */
function notOurs(o: Observed): Decision | undefined {
  return isDeleting(o) && !hasFinalizer(o) ? wait(undefined) : undefined;
}

/** Restored, copied or edited: the recorded machine was not recorded for this object, so it is not touched. */
function identityUnusable(o: Observed): Decision | undefined {
  if (o.identity.kind === 'Foreign') {
    if (isDeleting(o)) return act({ type: 'ReleaseFinalizer' }, undefined);
    const message = `the annotation vps247.com/machine was written for the object with UID ${o.identity.uid}, not for this one`;
    return wait({ reason: 'RestoredUnconfirmed', message });
  }
  if (o.identity.kind === 'Malformed') {
    return wait({ reason: 'IdentityMismatch', message: 'the annotation vps247.com/machine cannot be read' });
  }
  return undefined;
}

function credentialsUnusable(o: Observed): Decision | undefined {
  if (o.credentials.kind === 'Missing') {
    return wait({ reason: 'CredentialsMissing', message: o.credentials.message }, { ...kept(o), after: secretRetry });
  }
  if (o.credentials.kind === 'Rejected') {
    return wait(rejected(o.object, o.credentials.failure), { ...kept(o), after: secretRetry });
  }
  return undefined;
}

/** Two objects of one name would share a machine; the one that came first keeps it. */
function nameHeldByOther(o: Observed): Decision | undefined {
  if (o.nameHeldBy === undefined || o.identity.kind === 'Known') return undefined;
  return wait(
    {
      reason: 'NameConflict',
      message: `the object ${o.nameHeldBy} already claims the provider name "${o.providerName}"; apply this one anew with another spec.providerName`,
    },
    { after: conflictRetry },
  );
}

function machineUnknown(o: Observed): Decision | undefined {
  return o.machine.kind === 'Unknown' ? unknown(o, o.machine.reason) : undefined;
}

function unknown(o: Observed, reason: UnknownReason): Decision {
  switch (reason.kind) {
    case 'NotYetSeen':
      return wait(undefined, { urgent: (o.object.status?.operation ?? o.intent) !== undefined || isDeleting(o) });
    case 'ReadFailed':
      return wait(fromFailure(o.object, reason.failure), kept(o));
    case 'OutcomeUnknown':
      return wait(
        {
          reason: 'CreateOutcomeUnknown',
          message: `a create call for "${o.providerName}" was sent or may have been, and its answer is not known; complete lists will tell`,
        },
        { urgent: true },
      );
    case 'DuplicateName':
      return wait({
        reason: 'NameConflict',
        message: `the provider shows ${reason.ids.length} machines named "${o.providerName}" (ids ${reason.ids.join(', ')})`,
      });
    case 'AbsenceUnconfirmed':
      return wait(
        {
          reason: 'AbsenceUnconfirmed',
          message: 'the machine is not in the list, but the evidence that it is gone is not complete',
        },
        kept(o),
      );
    case 'OtherAccount':
      return wait(
        {
          reason: 'AccountMismatch',
          message: `the API key shows machines of owner ${reason.ownerId}, but this machine belongs to owner ${o.object.status?.ownerId ?? 'unknown'}`,
        },
        { ...kept(o), after: accountRetry },
      );
  }
}

function deletion(o: Observed): Decision | undefined {
  if (!isDeleting(o)) return undefined;
  if (o.machine.kind === 'Absent') return act({ type: 'ReleaseFinalizer' }, undefined);
  if (o.machine.kind !== 'Present') return undefined;
  if (o.identity.kind === 'Known') return identityMismatch(o) ?? remove(o, o.machine.machine);
  const claimed = claim(o, o.machine.machine);
  // A machine of that name that is not ours does not keep our object from going.
  return claimed.action.type === 'None' ? act({ type: 'ReleaseFinalizer' }, undefined) : claimed;
}

function unclaimedMachine(o: Observed): Decision | undefined {
  return o.identity.kind === 'None' && o.machine.kind === 'Present' ? claim(o, o.machine.machine) : undefined;
}

function creation(o: Observed): Decision | undefined {
  return o.identity.kind === 'None' && o.machine.kind === 'Absent' ? create(o) : undefined;
}

/** The provider cannot rename a machine, so an id whose machine has another name was not recorded by us. */
function identityMismatch(o: Observed): Decision | undefined {
  if (o.machine.kind !== 'Present' || o.machine.machine.name === o.providerName) return undefined;
  const { id, name } = o.machine.machine;
  return wait({
    reason: 'IdentityMismatch',
    message: `machine ${id} is named "${name}" at the provider, not "${o.providerName}"`,
  });
}

function externallyDeleted(o: Observed): Decision | undefined {
  if (o.identity.kind !== 'Known' || o.machine.kind !== 'Absent') return undefined;
  return wait({
    reason: 'ExternallyDeleted',
    message: `machine ${o.identity.id} was deleted at the provider; delete the object, and apply it again for a new machine`,
  });
}

/** The id is known but finalizer or annotation was taken off, or a crash left the intent behind. */
function identityIncomplete(o: Observed): Decision | undefined {
  if (o.identity.kind !== 'Known') return undefined;
  const isRecorded = o.object.metadata.annotations?.[annotations.machine] !== undefined;
  if (isRecorded && hasFinalizer(o) && o.intent === undefined) return undefined;
  return act({ type: 'RecordIdentity', id: o.identity.id }, undefined, { urgent: true });
}

function powerState(o: Observed): Decision | undefined {
  const machine: MachineObservation = o.machine;
  return machine.kind === 'Present' ? power(o, machine.machine, o.object.spec.powerState) : undefined;
}

/** Nothing is sent before the time the provider asked for: a filter over whatever was decided. */
function heldBack(o: Observed, decision: Decision): Decision {
  if (!isProviderCall(decision.action)) return decision;
  const held = { ...kept(o), urgent: decision.urgent };
  if (o.gateClosedFor > 0) {
    return wait(
      { reason: 'RateLimited', message: 'the provider asked for fewer calls' },
      { ...held, after: o.gateClosedFor },
    );
  }
  const left = (o.history.notBefore ?? 0) - o.now;
  return left > 0 ? wait(undefined, { ...held, after: left }) : decision;
}

function isProviderCall(action: Action): boolean {
  return (
    action.type === 'Create' ||
    action.type === 'Start' ||
    action.type === 'Stop' ||
    action.type === 'Kill' ||
    action.type === 'Delete'
  );
}

/** What the status says of operations stays as it is when nothing could be observed. */
function kept(o: Observed): Pick<Decision, 'operation' | 'startFailure'> {
  return { operation: o.object.status?.operation, startFailure: o.object.status?.startFailure };
}

function isDeleting(o: Observed): boolean {
  return o.object.metadata.deletionTimestamp !== undefined;
}

function hasFinalizer(o: Observed): boolean {
  return o.object.metadata.finalizers?.includes(finalizer) ?? false;
}
