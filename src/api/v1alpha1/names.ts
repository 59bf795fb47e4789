export const group = 'vps247.com';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;
export const kind = 'VirtualMachine';
export const plural = 'virtualmachines';

/** Keeps the object until its machine is shown to be gone. */
export const finalizer = 'vps247.com/machine';

export const annotations = {
  /**
   * Stored before the create call: `{"at": RFC 3339, "name": provider name, "uid": this object's UID}`, with `after`, the
   * provider's newest time seen so far, and `owner` where they are known. While it stands, a machine of that name may exist.
   */
  createPending: 'vps247.com/create-pending',
  /**
   * Stored once the machine is known: `{"id": number, "uid": this object's UID}`, with `owner` where it is known, and
   * `origin` and `name` of an adopted machine; survives backups that drop status.
   */
  machine: 'vps247.com/machine',
  /** "true": nothing happens to the machine, deletion included. */
  paused: 'vps247.com/paused',
  /** Any new value: look at everything afresh, now. */
  reconcileRequestedAt: 'vps247.com/reconcile-requested-at',
  /** "true": when the object is deleted, leave the machine alone. */
  abandon: 'vps247.com/abandon',
  /** "true": cut a running grace period short. */
  forcePowerOff: 'vps247.com/force-power-off',
  /** "true": create the machine although machines exist that may be this object's from an earlier life. */
  ignoreLookAlikes: 'vps247.com/ignore-look-alikes',
} as const;

/** Secrets with this label set to "true" are watched, so that a new key works at once. */
export const credentialsLabel = 'vps247.com/credentials';
