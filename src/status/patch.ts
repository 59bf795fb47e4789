import { group, plural, virtualMachines } from '../api/v1alpha1/constants.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { KubeClient } from '../kubernetes/client.ts';
import { equal, mergePatch } from '../domain/json.ts';
import { KubeError } from '../kubernetes/errors.ts';
import { withTrouble } from './conditions.ts';

/** The fields that decisions depend on. The others are for users, and most of them come from the provider. */
const recordFields = [
  'id',
  'providerName',
  'origin',
  'ownerId',
  'initialPasswordSecret',
  'operation',
  'startFailure',
  'lastRestartRequest',
  'internal',
] as const satisfies readonly (keyof VirtualMachineStatus)[];

/** The fields that follow from the observed generation. They have fixed values, so they are never invalid. */
const ofTheSpec = ['deletionPolicy', 'onExternalDelete'] as const satisfies readonly (keyof VirtualMachineStatus)[];

/** How much of a status is written. The smaller the form, the less can be invalid. */
export const forms = ['Full', 'Record', 'Conditions'] as const;
export type Form = (typeof forms)[number];

export interface StatusWrite {
  /** The stored object. */
  readonly object: VirtualMachine;
  readonly after: VirtualMachineStatus;
  /** Epoch milliseconds. */
  readonly now: number;
  /** The forms to try in order: the next one if the previous one is refused. */
  readonly among?: readonly Form[];
  /** Why larger forms were refused earlier. */
  readonly because?: string | undefined;
  /** Writes only if the object still has this version: for a status with the intent of a call. */
  readonly resourceVersion?: string;
}

export interface WrittenStatus {
  /** The stored object. */
  readonly stored: VirtualMachine;
  readonly form: Form;
  /** Why it isn't the full form: the API server's message. */
  readonly because: string | undefined;
}

/**
 * Writes the difference between the object's status and `after`. Fields that the API server calls invalid, or that an
 * admission policy changes, are omitted, and Synced reports that. Throws KubeError: `Altered` if an admission policy
 * changed the conditions or what decisions depend on.
 */
export async function writeStatus(
  client: Pick<KubeClient, 'get' | 'patch'>,
  { object, after, now, among = forms, because: before, resourceVersion }: StatusWrite,
): Promise<WrittenStatus> {
  let because = before;
  let error: KubeError | undefined;
  let [current, expected] = [object, resourceVersion];
  for (const form of among) {
    try {
      const status = inForm(form, current, after, now, because);
      const { stored, altered } = await patch(client, current, status, expected);
      if (altered === undefined) return { stored, form, because };
      // A shorter form can't replace a record that was altered: no call may depend on it.
      if (form !== 'Full') throw altered;
      error = altered;
      [current, expected] = [stored, expected === undefined ? undefined : stored.metadata.resourceVersion];
    } catch (thrown) {
      if (!(thrown instanceof KubeError) || thrown.reason !== 'Invalid') throw thrown;
      error = thrown;
    }
    because = error.words ?? error.message;
  }
  throw error ?? new Error('no form of the status to write');
}

/** `altered`: the part that an admission policy changed. */
async function patch(
  client: Pick<KubeClient, 'get' | 'patch'>,
  { metadata: { namespace, name }, status: before }: VirtualMachine,
  after: VirtualMachineStatus,
  resourceVersion: string | undefined,
): Promise<{ readonly stored: VirtualMachine; readonly altered: KubeError | undefined }> {
  // `as`: a merge patch of two objects is an object.
  const status = mergePatch(before ?? {}, after) as Readonly<Record<string, unknown>>;
  const body = resourceVersion === undefined ? { status } : { metadata: { resourceVersion }, status };
  const change = { type: 'merge', subresource: 'status', body } as const;
  // `as`: the API server validated the object against the CRD.
  const stored = (await client.patch(virtualMachines, { namespace, name }, change).catch(async (error: unknown) => {
    if (!(error instanceof KubeError) || error.reason !== 'NotFound') throw error;
    // Rejects if the object itself doesn't exist.
    await client.get(virtualMachines, { namespace, name });
    const words = `the API server has no subresource "status" for ${plural}.${group}; apply the CRD of this version`;
    throw new KubeError(`patch ${plural}/status ${namespace}/${name}: ${words}`, { reason: 'Forbidden', words });
  })) as VirtualMachine;
  // `as`: the difference consists of fields of both statuses.
  const fields = (Object.keys(status) as (keyof VirtualMachineStatus)[]).filter(
    (field) => !equal(stored.status?.[field], after[field]),
  );
  if (fields.length === 0) return { stored, altered: undefined };
  const words = `an admission policy changed what the operator wrote: ${fields.map((field) => `status.${field}`).join(', ')} not stored as sent`;
  const message = `patch ${plural}/status ${namespace}/${name}: ${words}`;
  return { stored, altered: new KubeError(message, { reason: 'Altered', words }) };
}

/** `before` with the conditions of `after`: nothing that decisions rest on changes. */
export function withConditionsOf(
  after: VirtualMachineStatus,
  before: VirtualMachineStatus | undefined,
): VirtualMachineStatus {
  return withFields(['conditions', ...ofTheSpec], after, before);
}

function withFields(
  fields: readonly (keyof VirtualMachineStatus)[],
  after: VirtualMachineStatus,
  before: VirtualMachineStatus | undefined,
): VirtualMachineStatus {
  const written = Object.fromEntries(fields.map((field) => [field, after[field]]));
  // `as`: an undefined field is removed.
  return { ...before, ...written, observedGeneration: after.observedGeneration } as VirtualMachineStatus;
}

function inForm(
  form: Form,
  { status: before }: VirtualMachine,
  after: VirtualMachineStatus,
  now: number,
  because: string | undefined,
): VirtualMachineStatus {
  if (form === 'Full') return after;
  const { conditions = [] } = after;
  const trouble = { reason: 'WriteRefused', message: `part of the status cannot be stored: ${because}` } as const;
  const reported = because === undefined ? conditions : withTrouble(conditions, trouble, now, before?.conditions);
  const withConditions = withConditionsOf({ ...after, conditions: reported }, before);
  return form === 'Conditions' ? withConditions : withFields(recordFields, after, withConditions);
}
