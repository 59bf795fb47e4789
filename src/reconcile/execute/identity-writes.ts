import { type KnownMachine, readIdentity, writeHint } from '../../api/v1alpha1/identity.ts';
import { annotations, virtualMachines } from '../../api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import { KubeError, isSuperseded } from '../../kubernetes/errors.ts';
import { patchMetadata, withFinalizer, withoutFinalizer } from './metadata-patch.ts';
import { objectKey } from '../../domain/object-key.ts';
import type { Execution, ExecuteDeps, ExecuteTarget } from './execution.ts';

/**
 * The provider refused the create, and a later list lacks its VM. Without a VM on record, the finalizer protects nothing
 * any more. A VM on record, which the new one was to replace, may reappear.
 */
export async function withdraw(deps: ExecuteDeps, { object, objectState }: ExecuteTarget): Promise<Execution> {
  const intent = object.metadata.annotations?.[annotations.createPending];
  const isRecorded = readIdentity(object).kind === 'Known';
  if (!isRecorded) deps.quota.confirmGone(objectKey(object));
  const finalizers = isRecorded ? withFinalizer(object) : withoutFinalizer(object);
  const withdrawn = { finalizers, annotations: { [annotations.createPending]: null } };
  const execution = await unlessSuperseded(patchMetadata(deps, object, withdrawn), { type: 'Withdrawn' });
  if (intent !== undefined && execution.type === 'Withdrawn') objectState.settleIntent(intent, undefined);
  return execution;
}

const recordAttempts = 5;

/**
 * Stores finalizer and hint first, only if the object is unchanged: the change may prevent the adoption. The status
 * record follows in the same reconciliation. After a crash in between, spec.adoption grants the adoption again.
 */
export async function adopt(deps: ExecuteDeps, target: ExecuteTarget, machine: KnownMachine): Promise<Execution> {
  const key = objectKey(target.object);
  if (!deps.lockForAdoption(machine)) return { type: 'Superseded' };
  try {
    if (!deps.quota.reserve(key, machine.id)) return { type: 'Superseded' };
    await patchIdentity(deps, target.object, machine);
    return { type: 'Recorded', record: machine };
  } catch (error) {
    deps.unlockAdoption(machine);
    if (isSuperseded(error)) return { type: 'Superseded' };
    throw error;
  } finally {
    deps.quota.release(key);
  }
}

/** The VM is on record already, so if the object changed, it is read and patched again. */
export async function completeIdentity(
  deps: ExecuteDeps,
  { object, objectState }: ExecuteTarget,
  machine: KnownMachine,
): Promise<Execution> {
  let current = object;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await patchIdentity(deps, current, machine);
      objectState.sentIntent = undefined;
      return { type: 'Recorded' };
    } catch (error) {
      if (isSuperseded(error) && attempt === recordAttempts) return { type: 'Superseded' };
      if (!(error instanceof KubeError) || error.reason !== 'Conflict') throw error;
      // The API server validated the object against the CRD; only identity and finalizers are read from it here.
      const { namespace, name } = object.metadata;
      const fresh = (await deps.client.get(virtualMachines, { namespace, name })) as VirtualMachine;
      if (fresh.metadata.uid !== object.metadata.uid) throw error;
      current = fresh;
    }
  }
}

async function patchIdentity(deps: ExecuteDeps, object: VirtualMachine, machine: KnownMachine): Promise<void> {
  await patchMetadata(deps, object, {
    finalizers: withFinalizer(object),
    annotations: {
      [annotations.machine]: writeHint(object, machine),
      [annotations.createPending]: null,
      ...deps.ownership,
    },
  });
}

export async function release(deps: ExecuteDeps, { object }: ExecuteTarget): Promise<Execution> {
  const released = patchMetadata(deps, object, { finalizers: withoutFinalizer(object) }).catch((error: unknown) => {
    if (!(error instanceof KubeError) || error.reason !== 'NotFound') throw error;
  });
  return unlessSuperseded(released, { type: 'Released' });
}

/** The result of the call, unless the object changed before it. */
async function unlessSuperseded(write: Promise<unknown>, done: Execution): Promise<Execution> {
  try {
    await write;
    return done;
  } catch (error) {
    if (isSuperseded(error)) return { type: 'Superseded' };
    throw error;
  }
}
