import type { ReasonRow } from './reason-row.ts';

/** Reasons about what the operator knows of the VM, instead of about the work on it. */
export const observationReasons = {
  Observing: {
    ready: 'Unknown',
    synced: 'Unknown',
    progress: 'Reconciling',
    event: 'None',
    meaning:
      'The operator is reading the VMs or the catalog of the account, and knows nothing of this VM yet. Or the list lacks the VM that spec.adoption.id names. A VM that was just created may be missing from a list, so the operator lists again until the time in the message.',
    remedy: 'No action needed: it resolves by itself.',
  },
  DiffersFromSpec: {
    ready: 'Keep',
    synced: 'True',
    progress: 'Settled',
    event: 'Warning',
    meaning:
      'The VM has another region, package, template or creation option (ipv6, privateNetworking, sshKeyIds) than the spec: the VM was adopted, the spec changed while it was being created, or it was changed in the control panel of the provider. Shown in the condition AsSpecified. While it differs, the VM is not recreated.',
    remedy:
      'Correct the spec to what status shows, with the command in the message or in your manifests. For a VM as the spec says, create a new object.',
  },
} as const satisfies Readonly<Record<string, ReasonRow>>;
