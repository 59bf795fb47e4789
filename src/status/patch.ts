import { group, plural, version } from '../api/v1alpha1/names.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/errors.ts';
import { withTrouble } from './conditions.ts';
import { equal, mergePatch } from './status.ts';

const resource = { group, version, plural };

/** What decisions rest on. The rest is for people, and most of it comes from the provider. */
const recordFields = [
  'uid',
  'id',
  'providerName',
  'origin',
  'ownerId',
  'apiKeyHash',
  'initialPasswordSecret',
  'powerState',
  'operation',
  'startFailure',
  'lastRestartRequest',
] as const satisfies readonly (keyof VirtualMachineStatus)[];

/** How much of a status is written: the less, the less can be invalid. */
export const forms = ['Full', 'Record', 'Conditions'] as const;
export type Form = (typeof forms)[number];

export interface StatusWrite {
  /** The object as it is stored. */
  readonly object: VirtualMachine;
  readonly after: VirtualMachineStatus;
  /** Epoch milliseconds. */
  readonly now: number;
  /** The forms to try: the next one only where the API server calls the one before it invalid. */
  readonly among?: readonly Form[];
  /** Why forms before these were refused earlier. */
  readonly because?: string | undefined;
  /** Only if the object still has this version: for a status that announces a call. */
  readonly resourceVersion?: string;
}

export interface WrittenStatus {
  /** The object as stored. */
  readonly stored: unknown;
  readonly form: Form;
  /** Why it is not the full one, in the API server's words. */
  readonly because: string | undefined;
}

/**
 * Writes what differs between the object's status and `after`. What the API server calls invalid is left out rather than all of it,
 * and Synced reports that. Throws KubeError: `Altered` if an admission policy changed what decisions rest on.
 */
export async function writeStatus(
  client: Pick<KubeClient, 'patch'>,
  { object, after, now, among = forms, because: before, resourceVersion }: StatusWrite,
): Promise<WrittenStatus> {
  let because = before;
  let error: KubeError | undefined;
  for (const form of among) {
    try {
      const status = inForm(form, object, after, now, because);
      return { stored: await patch(client, object, status, resourceVersion), form, because };
    } catch (thrown) {
      if (!(thrown instanceof KubeError) || thrown.reason !== 'Invalid') throw thrown;
      error = thrown;
      because = thrown.words ?? thrown.message;
    }
  }
  throw error ?? new Error('there is no form of the status to write');
}

async function patch(
  client: Pick<KubeClient, 'patch'>,
  { metadata: { namespace, name }, status: before }: VirtualMachine,
  after: VirtualMachineStatus,
  resourceVersion: string | undefined,
): Promise<unknown> {
  // `as`: what makes one object into another is an object.
  const status = mergePatch(before ?? {}, after) as Readonly<Record<string, unknown>>;
  const body = resourceVersion === undefined ? { status } : { metadata: { resourceVersion }, status };
  // `as`: the API server validated the object against the CRD.
  const stored = (await client.patch(
    resource,
    { namespace, name },
    { type: 'merge', subresource: 'status', body },
  )) as VirtualMachine;
  const altered = [...recordFields, 'conditions' as const].filter(
    (field) => field in status && !equal(stored.status?.[field], after[field]),
  );
  if (altered.length === 0) return stored;
  const words = `an admission policy changed what the operator wrote: ${altered.map((field) => `status.${field}`).join(', ')} not stored as sent`;
  throw new KubeError(`patch ${plural}/status ${namespace}/${name}: ${words}`, { reason: 'Altered', words });
}

function inForm(
  form: Form,
  { status: before = { observedGeneration: 0 } }: VirtualMachine,
  after: VirtualMachineStatus,
  now: number,
  because: string | undefined,
): VirtualMachineStatus {
  if (form === 'Full') return after;
  const { observedGeneration, conditions = [] } = after;
  const trouble = { reason: 'WriteRefused', message: `part of the status cannot be stored: ${because}` } as const;
  const told = because === undefined ? conditions : withTrouble(conditions, trouble, now, before.conditions);
  const kept = { ...before, observedGeneration, conditions: told };
  if (form === 'Conditions') return kept;
  const record = Object.fromEntries(recordFields.map((field) => [field, after[field]]));
  // `as`: an undefined field is one that goes.
  return { ...kept, ...record } as VirtualMachineStatus;
}
