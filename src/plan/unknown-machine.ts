import { annotate, deleteKeepingVm, patchSpec, replaceApiKey } from '../api/v1alpha1/commands.ts';
import { type KnownMachine, providerName } from '../api/v1alpha1/identity.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import type { ProviderId } from '../domain/machine.ts';
import { quoted } from '../domain/text.ts';
import { type Decision, requeue, keptOperations } from './action.ts';
import { fromFailure } from './failure-status.ts';
import { retainHint } from './notes.ts';
import { toSeconds } from '../domain/clock.ts';
import type { Observed, UnknownReason } from './observed.ts';

/** How often a key of another account is retried, in case the operator doesn't watch its Secret. */
const accountRetry = 60_000;

/** What the operator reports and waits for while nothing is known of the VM. No call follows from it. */
export function unknownMachine(o: Observed, reason: UnknownReason): Decision {
  switch (reason.kind) {
    case 'NotYetSeen':
      return requeue(undefined, {
        fastPolling:
          (o.object.status?.operation ?? o.intent) !== undefined || o.object.metadata.deletionTimestamp !== undefined,
      });
    case 'ReadFailed':
      return requeue(fromFailure(o, reason.failure), keptOperations(o));
    case 'OutcomeUnknown':
      return requeue(
        {
          reason: 'CreateOutcomeUnknown',
          message: `the result of the create request for ${quoted(o.providerName)} is unknown; checking whether the VM exists`,
        },
        { fastPolling: true },
      );
    case 'OtherKey': {
      const secret = o.object.spec.credentialsSecretRef.name;
      const message = `a create request for ${quoted(o.providerName)} was sent with an earlier key of Secret ${quoted(secret)}, and nothing shows that the present key is of the same account; put the earlier key back, or, if the provider has no VM of that name, remove the create intent: ${annotate(o.object.metadata, { [annotations.createPending]: undefined })}`;
      return requeue({ reason: 'AccountMismatch', message }, { ...keptOperations(o), after: accountRetry });
    }
    case 'NotOwn':
      return requeue({
        reason: 'AccountMismatch',
        message: `with the operator's default API key only the VM named ${quoted(providerName(o.object))} is this object's; put the API key that the recorded VM was seen with into Secret ${quoted(o.object.spec.credentialsSecretRef.name)}, and run: ${annotate(o.object.metadata, { [annotations.defaultCredentials]: undefined })}`,
      });
    case 'DuplicateName':
      return requeue({ reason: 'DuplicateMachine', message: severalNamed(o, reason) });
    case 'AbsenceUnconfirmed':
      if (reason.namesake !== undefined && o.identity.kind === 'Known' && !o.isDefaultKey)
        return requeue(
          { reason: 'AbsenceUnconfirmed', message: nameTaken(o, o.identity, reason.namesake) },
          keptOperations(o),
        );
      return requeue(
        {
          reason: 'AbsenceUnconfirmed',
          message:
            "the list doesn't contain the VM, which doesn't prove that it is deleted; the operator also needs a 404 for its id, and proof that both answers are about its account",
        },
        keptOperations(o),
      );
    case 'AbsenceRecent':
      return requeue(
        {
          reason: 'RecreationDelayed',
          message: `VM ${reason.id} is not in the list and GET returns 404; if that lasts, a new VM is created from the spec, which can be changed until then, not before ${toSeconds(reason.until)}`,
        },
        keptOperations(o),
      );
    case 'Unreadable': {
      const held = reason.isOurs
        ? 'the operator sends no request for it'
        : `it may be ${quoted(o.providerName)}, so no VM is created`;
      const end = "until the provider's answer can be read";
      const latest = reason.until === undefined ? end : `${end}, or until ${toSeconds(reason.until)}`;
      // With the operator's default key, it may be another tenant's.
      const isHidden = o.isDefaultKey && !reason.isOurs;
      const which = isHidden ? "a VM that can't be read" : `VM ${reason.id}, but ${reason.problem}`;
      const message = `the provider lists ${which}; ${held} ${latest}`;
      return requeue({ reason: 'ProtocolError', message }, keptOperations(o));
    }
    case 'MassAbsence': {
      const many = o.isDefaultKey ? 'many' : `${reason.vanished} of the account's ${reason.of}`;
      return requeue(
        {
          reason: 'AbsenceUnconfirmed',
          message: `${many} VMs disappeared from the list at once; the operator takes none of them for deleted before complete lists agree for five minutes`,
        },
        keptOperations(o),
      );
    }
    case 'OtherAccount':
      return requeue(
        {
          reason: 'AccountMismatch',
          message: `the API key shows VMs of owner ${reason.ownerId}, but this VM belongs to owner ${ownerOf(o) ?? 'unknown'}; put a key of that owner there: ${replaceApiKey(o.object.metadata.namespace, o.object.spec.credentialsSecretRef)}`,
        },
        { ...keptOperations(o), after: accountRetry },
      );
  }
}

/** The VM on record is gone, and another one has its name. */
function nameTaken(o: Observed, { id, name }: KnownMachine, other: ProviderId): string {
  const { metadata, spec } = o.object;
  const keep =
    metadata.deletionTimestamp === undefined
      ? `; if you need it, delete this object, which keeps it, and apply it again with spec.adoption: ${deleteKeepingVm(metadata, spec.deletionProtection)}`
      : retainHint(o);
  return `the provider doesn't show VM ${id} on record, and VM ${other} has its name ${quoted(name)}, so the operator sends no request for either; if you don't need VM ${other}, delete it at the provider${keep}`;
}

/** The recorded owner: from the VM's record or its create intent, otherwise as last observed. */
function ownerOf({ identity, intent, object }: Observed): number | undefined {
  const recorded = identity.kind === 'Known' || identity.kind === 'OtherObject' ? identity.ownerId : intent?.ownerId;
  return recorded ?? object.status?.ownerId;
}

/** No rule picks one of several VMs of one name: the user may, with `spec.adoption`, until the object has a VM. */
function severalNamed(o: Observed, { name, ids }: Extract<UnknownReason, { kind: 'DuplicateName' }>): string {
  const { metadata, spec } = o.object;
  const [id] = ids;
  // The recorded VM is deleted, and an unrelated VM has the name of the one to create.
  if (ids.length === 1)
    return `VM ${id} has the name ${quoted(name)}, so the operator creates no other one; delete VM ${id} at the provider if you do not need it${retainHint(o)}`;
  const isAdopting = spec.adoption.policy === 'MustExist' && !o.isDefaultKey && o.intent?.isOwn !== true;
  const isChoosable = isAdopting && o.identity.kind !== 'Known' && metadata.deletionTimestamp === undefined;
  const remedy = isChoosable
    ? `to adopt VM ${id}: ${patchSpec(metadata, { adoption: { id, name: null } })}`
    : 'delete those that you do not need at the provider';
  return `the provider has ${ids.length} VMs named ${quoted(name)} (ids ${ids.join(', ')}), so the operator sends no request for any of them; ${remedy}${retainHint(o)}`;
}
