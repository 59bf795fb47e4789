export const group = 'vps247.com';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;
export const kind = 'VirtualMachine';
export const plural = 'virtualmachines';

/** Keeps the object until its machine is shown to be gone. */
export const finalizer = 'vps247.com/machine';

export const annotations = {
  /** Stored before the create call: `{"at": RFC 3339, "name": provider name, "uid": this object's UID}`. While it stands, a machine of that name may exist. */
  createPending: 'vps247.com/create-pending',
  /** Stored after the create call: `{"id": number, "uid": this object's UID}`; survives backups that drop status. */
  machine: 'vps247.com/machine',
} as const;

/** Secrets with this label set to "true" are watched, so that a new key works at once. */
export const credentialsLabel = 'vps247.com/credentials';
