import { isNameOwn } from '../api/v1alpha1/identity.ts';
import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { Failure } from '../model/failure.ts';
import type { Machine } from '../model/machine.ts';
import { type Decision, type Verdict, act, wait } from './action.ts';
import { resolve } from './catalogue.ts';
import type { Observed } from './observed.ts';
import { fromFailure } from './failure.ts';

/** A refusal may rest on something outside the object (a quota, a catalogue), so it is tried again now and then. */
export const refusedRetry = 30 * 60_000;

/**
 * For an object that records no machine and whose name is shown to be free. Everything that would only be refused is
 * found before the call; the call itself is guarded by `execute`, which stores finalizer and intent first.
 */
export function create(o: Observed): Decision {
  if (o.history.refusal !== undefined) return wait(refused(o.history.refusal), { after: refusedRetry });
  // It was not read for a reason that has passed since.
  if (o.catalogue.kind === 'NotNeeded') return wait(undefined, { after: 1_000 });
  if (o.catalogue.kind === 'Unavailable') return wait(fromFailure(o.object, o.catalogue.failure), { after: 10_000 });

  const { spec } = o.object;
  const resolution = resolve(spec, o.catalogue);
  if (!resolution.ok) return wait(resolution.verdict, { after: refusedRetry });
  return act(
    {
      type: 'Create',
      request: {
        name: o.providerName,
        regionId: resolution.regionId,
        packageId: resolution.packageId,
        osTemplateId: resolution.osTemplateId,
        ipv6: spec.ipv6,
        privateNetworking: spec.privateNetworking,
        sshKeyIds: spec.sshKeyIds,
      },
    },
    { reason: 'Creating', message: `creating machine "${o.providerName}"` },
    { urgent: true },
  );
}

/**
 * For an object that records no machine while one of its name exists. It is ours when the name proves it (it carries
 * this object's UID) or when a create call was announced for this object after the name had been seen free. Never by
 * the bare name.
 */
export function claim(o: Observed, machine: Machine): Decision {
  if (o.intent?.isOwn === true || isNameOwn(o.object)) {
    return act({ type: 'RecordIdentity', id: machine.id }, creating(machine), { urgent: true });
  }
  return wait({
    reason: 'NameConflict',
    message: `machine ${machine.id} at the provider already has the name "${machine.name}" and was not created for this object; remove it, or apply the object anew with another spec.providerName`,
  });
}

/** Why the provider refused a create call, as a verdict. */
export function refused(failure: Failure): Verdict {
  const reason: Reason = failure.status === 402 ? 'QuotaExceeded' : 'InvalidSpec';
  const words = failure.text === '' ? failure.code : failure.text;
  return {
    reason,
    message: `the provider refused to create the machine (${failure.status ?? failure.code}): ${words}`,
  };
}

function creating(machine: Machine): Verdict {
  return { reason: 'Creating', message: `machine ${machine.id} is being provisioned` };
}
