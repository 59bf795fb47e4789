export const group = 'vps247.com';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;
export const kind = 'VirtualMachine';
export const plural = 'virtualmachines';

/** The resources that the operator reads and writes. */
export const virtualMachines = { group, version, plural } as const;
export const secrets = { group: '', version: 'v1', plural: 'secrets' } as const;

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

/** The name of the Secret that an object refers to by default. */
export const defaultCredentials = { name: 'vps247-credentials', key: 'api-key' } as const;

/** The type of a Secret that contains only an API key; Opaque is accepted too. */
export const credentialsType = 'vps247.com/api-key';

/** On the Secret with an initial password: the id of its VM. */
export const machineIdAnnotation = 'vps247.com/machine-id';

/** The operator watches Secrets with this label set to "true", so that it picks up a new key immediately. */
export const credentialsLabel = 'vps247.com/credentials';
