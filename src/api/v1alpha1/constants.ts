export const group = 'vps247.com';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;
export const kind = 'VirtualMachine';
export const plural = 'virtualmachines';

/** The finalizer: blocks the deletion of the object until its VM is confirmed deleted. */
export const finalizer = 'vps247.com/machine';

export const annotations = {
  createPending: 'vps247.com/create-pending',
  machine: 'vps247.com/machine',
  defaultCredentials: 'vps247.com/default-credentials',
  managedBy: 'vps247.com/managed-by',
  paused: 'vps247.com/paused',
  reconcileRequestedAt: 'vps247.com/reconcile-requested-at',
  forcePowerOff: 'vps247.com/force-power-off',
  ignoreOrphanCandidates: 'vps247.com/ignore-orphan-candidates',
  keepRunningUntil: 'vps247.com/keep-running-until',
} as const;

export type AnnotationName = keyof typeof annotations;

/** The meaning of each annotation: `value` is what it contains, `by` who writes it. docs/api.md shows it. */
export const annotationTable: Readonly<
  Record<AnnotationName, { readonly by: 'you' | 'the operator'; readonly value: string; readonly meaning: string }>
> = {
  paused: {
    by: 'you',
    value: '"true"',
    meaning: 'Pauses reconciliation, including deletion, until you remove the annotation.',
  },
  reconcileRequestedAt: {
    by: 'you',
    value: 'any new text',
    meaning:
      'Triggers an immediate reconciliation and retries what is in backoff. Shown in status.lastHandledReconcileAt once it is handled.',
  },
  forcePowerOff: {
    by: 'you',
    value: '"true"',
    meaning:
      'While it is set, the operator cuts the power after a shutdown in mode TrySoft without waiting for the grace period, and also of a VM that is halting for another reason. Soft never cuts the power.',
  },
  ignoreOrphanCandidates: {
    by: 'you',
    value: '"true"',
    meaning:
      'Creates the VM although VMs exist that may have belonged to a previous object of this name (OrphanCandidateFound).',
  },
  keepRunningUntil: {
    by: 'you',
    value: 'a time such as 2026-12-01T22:00:00Z',
    meaning:
      'Until then, spec.powerSchedule does not halt the VM. It never starts a VM whose spec.powerState is Halted.',
  },
  createPending: {
    by: 'the operator',
    value: '{"at", "name", "uid", "after", "owner", "proof"}',
    meaning:
      "The create intent, stored before the create call: the time, the provider name, this object's UID, the newest time from the provider and the account's owner where they are known, and a keyed hash of UID and name with the API key. While it exists, a VM of that name may exist. A VM whose name you chose belongs to the object only if the hash matches.",
  },
  machine: {
    by: 'the operator',
    value: '{"id", "uid", "owner", "name"}',
    meaning:
      "A hint for restores, because backups keep annotations and drop the status: the VM's id, this object's UID, the account's owner where it is known, and the VM's name if it doesn't follow from the object. The record is the status. The operator never acts on a VM because of this annotation, and corrects one that differs from the record.",
  },
  defaultCredentials: {
    by: 'the operator',
    value: '"true"',
    meaning:
      "Stored before the create call when it is made with the operator's own API key, which the object uses from then on. To use another key of the same account, remove the annotation or name a Secret.",
  },
  managedBy: {
    by: 'the operator',
    value: 'namespace/name of its Lease',
    meaning:
      'The installation of the operator that manages the object, stored with the finalizer. Any other installation leaves the object alone. Remove the annotation, or set takeOverFrom, to hand the object to another one.',
  },
};

/** The names of the annotations that are written by you, or by the operator. */
export function writtenBy(writer: 'you' | 'the operator'): readonly string[] {
  // `as`: the table has exactly these keys.
  const keys = Object.keys(annotationTable) as AnnotationName[];
  return keys.filter((key) => annotationTable[key].by === writer).map((key) => annotations[key]);
}

/** The name of the Secret that an object refers to by default. */
export const defaultCredentials = { name: 'vps247-credentials', key: 'api-key' } as const;

/** The type of a Secret that contains only an API key; Opaque is accepted too. */
export const credentialsType = 'vps247.com/api-key';

/** On the Secret with an initial password: the id of its VM. */
export const machineIdAnnotation = 'vps247.com/machine-id';

/** The operator watches Secrets with this label set to "true", so that it picks up a new key immediately. */
export const credentialsLabel = 'vps247.com/credentials';
