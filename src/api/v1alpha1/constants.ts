export const group = 'vps247.com';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;
export const kind = 'VirtualMachine';
export const plural = 'virtualmachines';

/** Keeps the object until its VM is confirmed deleted. */
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
} as const;

export type AnnotationName = keyof typeof annotations;

/** What each annotation means: `value` is what is written there, `by` who writes it. docs/api.md shows it. */
export const annotationTable: Readonly<
  Record<AnnotationName, { readonly by: 'you' | 'the operator'; readonly value: string; readonly meaning: string }>
> = {
  paused: {
    by: 'you',
    value: '"true"',
    meaning: 'Nothing happens to the machine, deletion included, until it is taken off.',
  },
  reconcileRequestedAt: {
    by: 'you',
    value: 'any new text',
    meaning:
      'Everything is looked at afresh, now, and what was put off is tried; echoed in status.lastHandledReconcileAt.',
  },
  forcePowerOff: {
    by: 'you',
    value: '"true"',
    meaning:
      'While it is there, a shutdown in mode TrySoft is followed by a power cut without a grace period, and a machine that is halting for another reason is cut off as well. Soft never cuts the power.',
  },
  ignoreOrphanCandidates: {
    by: 'you',
    value: '"true"',
    meaning:
      "The machine is created although machines exist that may be this object's from an earlier life (OrphanCandidateFound).",
  },
  createPending: {
    by: 'the operator',
    value: '{"at", "name", "uid", "after", "owner", "proof"}',
    meaning:
      "Stored before the create call: when, the provider name, this object's UID, where they are known the newest time from the provider and the account's owner, and a keyed hash of UID and name with the API key. While it is there, a VM of that name may exist. A VM whose name you chose belongs to the object only if the hash is right.",
  },
  machine: {
    by: 'the operator',
    value: '{"id", "uid", "owner", "name"}',
    meaning:
      "A hint for restores, because backups keep annotations and drop the status: the VM's id, this object's UID, the account's owner where it is known, and the VM's name if the object doesn't give it. The record is the status. The operator never acts on a VM because of this annotation, and corrects one that differs from the record.",
  },
  defaultCredentials: {
    by: 'the operator',
    value: '"true"',
    meaning:
      "Stored before the create call when it is made with the operator's own API key, which the object uses from then on. Take it off, or name a Secret, to go on with another key of the same account.",
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

/** The Secret that an object refers to unless it says otherwise. */
export const defaultCredentials = { name: 'vps247-credentials', key: 'api-key' } as const;

/** The type of a Secret that holds an API key and nothing else; Opaque does as well. */
export const credentialsType = 'vps247.com/api-key';

/** On the Secret with an initial password: the id of the VM that it is of. */
export const machineIdAnnotation = 'vps247.com/machine-id';

/** Secrets with this label set to "true" are watched, so that a new key works at once. */
export const credentialsLabel = 'vps247.com/credentials';
