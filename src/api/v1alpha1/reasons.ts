import type { ReasonRow } from './reason-row.ts';

const nothing = 'Nothing: it resolves by itself.';

/**
 * Every reason an object can show, and what each condition says for it. This table is the only place that maps a reason
 * to conditions, events and exit from them; docs/conditions.md is generated from it.
 */
const table = {
  Available: {
    ready: 'True',
    synced: 'True',
    progress: 'Settled',
    event: 'Normal',
    meaning:
      'The machine exists and its power state is the one asked for (a machine asked to be halted is Ready when halted).',
    remedy: 'Nothing to do.',
  },
  Creating: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Normal',
    meaning: 'The provider accepted the machine and is provisioning it.',
    remedy: nothing,
  },
  ProvisioningFailed: {
    ready: 'False',
    synced: 'True',
    progress: 'Stalled',
    event: 'Warning',
    meaning:
      "The provider accepted the VM, and its task to provision it failed. The VM exists and may incur charges. The operator doesn't create another one and doesn't delete this one.",
    remedy:
      'Check the VM at the provider, and ask its support; the message names the task. If the provider repairs the VM, the object continues with it. For another VM, delete the object and apply it again: the operator deletes the VM first.',
  },
  CreateOutcomeUnknown: {
    ready: 'False',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning:
      'A create call was sent, or may have been, and its answer was lost. No second call is made until complete lists show whether the machine exists.',
    remedy: 'Nothing: two complete lists, the visibility window apart, decide it.',
  },
  NameConflict: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning:
      "A machine of this name exists that is not this object's, or another object claims the name or holds the machine. No call is made.",
    remedy:
      'Choose another spec.providerName (delete and re-apply the object), or remove the other holder. To take over a machine that no object holds, set spec.adoption.policy.',
  },
  IdentityMismatch: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      "Nothing proves that the VM is the object's: it has another name than the record, another object records it too, or only an annotation names it. The operator changes nothing at the provider.",
    remedy:
      'If only an annotation names the VM, set spec.adoption to adopt it, or remove the annotation vps247.com/machine for a new VM. If the status was edited, have a cluster administrator set it to null. To delete the object and leave the VM, run the command in the message.',
  },
  InvalidSpec: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning:
      'The provider, or its catalogue, refuses this combination of region, package, template or keys; or the object was stored under an earlier schema, with a value that is not allowed any more.',
    remedy:
      'Correct what the message names, or, where that cannot be changed, delete the object and apply a corrected one. What the provider refused is tried again every 30 minutes. An object with such a value is not deleted either, because what it wants for its machine is not known.',
  },
  UnknownCatalogName: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning: "The region, package or template named in the spec is not in the provider's catalogue. No call is made.",
    remedy: 'Delete the object and apply one with a name from the list in the message.',
  },
  QuotaExceeded: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning:
      "The provider refuses to create the VM for lack of funds or quota, or the operator's limit of VMs in this namespace is reached. VMs that deleted objects left running count until the provider's list no longer shows them.",
    remedy: 'Raise the quota, top up the account, or delete what is not needed. It is tried again automatically.',
  },
  Starting: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Normal',
    meaning: 'The machine is being powered on.',
    remedy: nothing,
  },
  Stopping: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Normal',
    meaning: 'The machine is being powered off: by a shutdown signal, or by a power cut where spec.powerOff says so.',
    remedy: nothing,
  },
  Restarting: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Normal',
    meaning: 'The machine is being restarted, as spec.restartRequest asks.',
    remedy: nothing,
  },
  ProviderBusy: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Normal',
    meaning: 'The provider is still at work on the machine and takes no further power call.',
    remedy: nothing,
  },
  PowerTransitionStuck: {
    ready: 'False',
    synced: 'True',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      'The VM did not reach the wanted power state in time, or the provider has refused a call for that long. The message says whether the operator sends the call again, with exponential backoff, or waits for the provider.',
    remedy:
      "Check the VM's console at the provider. To cut the power of a VM that does not halt, annotate vps247.com/force-power-off=true; with powerOff.mode Soft, choose TrySoft or Hard as well. Delete a VM that cannot be repaired at the provider.",
  },
  PowerChangeFailed: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Warning',
    meaning:
      "The provider accepted a power change, and its task for that failed. The message names the task. The operator continues as if the call had no effect: it sends it again with exponential backoff, or cuts the power if spec.powerOff.mode says so. It doesn't repeat a restart.",
    remedy:
      "If it keeps failing, check the VM's console at the provider, and ask its support. To repeat a restart, set another spec.restartRequest.",
  },
  StartBackoff: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Warning',
    meaning: 'The machine falls back to halted soon after each start; the next start waits.',
    remedy: "Look at the machine's console at the provider: its guest does not stay up.",
  },
  PowerDrift: {
    ready: 'False',
    synced: 'True',
    progress: 'Settled',
    event: 'Warning',
    meaning: 'Others changed the power of the machine, and spec.powerDriftPolicy Report leaves it so.',
    remedy: 'Change spec.powerState to what is wanted, or set spec.powerDriftPolicy to Correct.',
  },
  CredentialsMissing: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      'There is no usable API key: the Secret or its entry is missing, or is not one for an API key. The message is the same in each case, so that it tells nothing about Secrets to users who may not read them. No call is made.',
    remedy:
      'Create the Secret with the command in the message. If it exists, its type must be Opaque or vps247.com/api-key; where the administrator requires the label, add it with the command in the message. With the label vps247.com/credentials=true, the operator picks up a new key immediately.',
  },
  CredentialsRejected: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning: 'The provider does not accept the API key. That says nothing about the machine, so nothing is done.',
    remedy: 'Put a valid key into the Secret.',
  },
  ApiKeyLimitReached: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      'As many API keys are in use as the operator may use for this namespace, or altogether. The key of this object is not tried.',
    remedy:
      'Use one key for several objects, or delete objects whose keys are not valid. Or ask your cluster administrator to raise maxApiKeysPerNamespace or maxApiKeys. It is tried again automatically.',
  },
  AccountMismatch: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning: 'The API key belongs to another account than the one that owns the machine. Nothing is done.',
    remedy: "Put a key of the owning account (status.ownerId) into the object's Secret.",
  },
  RateLimited: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Normal',
    meaning: 'The provider asked for fewer calls; the account waits as long as it said.',
    remedy: nothing,
  },
  ProviderUnavailable: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning: 'The provider cannot be reached or answers with errors. What is not seen is not taken for absent.',
    remedy: 'Nothing if it passes; else check the network path to the API and the status page of the provider.',
  },
  ProtocolError: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning: 'The provider answers something that cannot be understood. Nothing is concluded from it.',
    remedy: 'If it lasts, report it with the message: the API may have changed.',
  },
  ExternallyDeleted: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning: 'The machine was deleted at the provider by someone else; that is shown by a 404 and a complete list.',
    remedy: 'Set spec.onExternalDelete to Recreate for a new, empty machine, or delete the object.',
  },
  AbsenceUnconfirmed: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning: 'The machine is not seen, but the evidence that it is gone is not complete. Nothing is done on a guess.',
    remedy: 'Nothing: further complete lists decide it.',
  },
  RecreationDelayed: {
    ready: 'False',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning:
      'The VM is not in the list any more, and spec.onExternalDelete is Recreate. The operator creates a new one once at least three complete lists over five minutes lacked it and GET returns 404; VMs of one API key are recreated one by one, a minute apart.',
    remedy:
      'No action needed. To prevent the new VM, set spec.onExternalDelete to Report or delete the object. If the old VM reappears before that, the object continues with it.',
  },
  DuplicateMachine: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      "Two VMs have the name of this object's VM, for example because a VM reappeared after it had been recreated. The operator continues with the VM on record, if there is one, and doesn't touch the others. Deleting the object waits, because the operator can't know which VM holds your data.",
    remedy:
      'Delete the VM that you do not need at the provider; the ids are in the message. To delete the object and keep all VMs, run the command in the message.',
  },
  IdentityFromOtherObject: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning:
      'The object carries the identity of another object (restored from a backup, copied or moved). It neither creates nor touches a machine.',
    remedy:
      'Set spec.adoption.policy to MustExist to take over the machine, if no other object and no other cluster holds it. Or remove the annotations vps247.com/machine and vps247.com/create-pending to have a new machine made.',
  },
  OrphanCandidateFound: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning:
      "A machine exists that carries this object's name with another object's suffix, and no object holds it: it may be this object's from before the cluster was rebuilt. No second one is made.",
    remedy:
      "Take it over with the command in the message; or annotate vps247.com/ignore-orphan-candidates=true for a machine of the object's own. The setting orphanCandidates turns the question off.",
  },
  AdoptionTargetNotFound: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning: 'spec.adoption.policy is MustExist, and the machine is shown not to exist in this account.',
    remedy: 'Correct spec.adoption.id, or set spec.adoption.policy to IfExists to have a machine created.',
  },
  InitialPasswordConflict: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Settled',
    event: 'Warning',
    meaning:
      "The Secret for the initial password can't be written. It exists, and this object doesn't own it or it holds the password of an earlier VM; or the API server refuses it. The operator never overwrites or deletes a Secret.",
    remedy:
      "Run the command in the message: it deletes the Secret, and the operator writes it again within seconds, with the password that the provider returns for the present VM. A password that you changed in the VM isn't known to the provider. Or set another spec.initialPasswordSecret.name.",
  },
  AnnotationIgnored: {
    ready: 'Keep',
    synced: 'True',
    progress: 'Settled',
    event: 'Warning',
    meaning:
      'An annotation of the operator has a value that means nothing, and counts as if it were not there; or vps247.com/machine contradicts the record in the status, and is corrected. Reported in an event only.',
    remedy: 'Set it to "true" or "false", or remove it. Nothing for vps247.com/machine.',
  },
  WriteRefused: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      'The API server refused what the operator has to store in the object, or an admission policy altered it. No call that depends on it is made.',
    remedy:
      "Change the object so that it is admitted: add the missing label, make the annotations smaller. Or exempt the operator's service account from the policy. If an admission policy altered the write, the API server doesn't report which one: check MutatingWebhookConfigurations and MutatingAdmissionPolicies. The operator retries with exponential backoff up to 5 minutes, and at once when you change the object.",
  },
  OwnedByOtherInstallation: {
    ready: 'Keep',
    synced: 'True',
    progress: 'Settled',
    event: 'Warning',
    meaning:
      'The annotation vps247.com/managed-by names another installation of the operator, and this one leaves the object alone. Reported as an event only.',
    remedy:
      'If the named installation runs, restrict one of the two to other namespaces or labels. If it is gone, set takeOverFrom, or remove the annotation.',
  },
  Deleting: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Normal',
    meaning:
      'The object is being deleted: the machine is powered off, deleted, and shown to be gone before the object goes.',
    remedy: nothing,
  },
  DeletionProtected: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      'The object was deleted where no admission policy refused that, and spec.deletionProtection is true. The VM stays, and the operator goes on managing its power.',
    remedy:
      "A deletion can't be cancelled. To delete the object and its VM with all data, set spec.deletionProtection to false. To delete the object and keep the VM, set spec.deletionPolicy to Retain.",
  },
  OrphanNotPermitted: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      "The object was deleted, and deletionPolicy Retain or managementPolicy Observe would leave its VM running. The VM is in the account of the operator's default API key, where only a cluster administrator may permit that. Nothing is done.",
    remedy:
      'Have the VM deleted: set spec.deletionPolicy to Delete and spec.managementPolicy to Manage. Or ask your cluster administrator to add the namespace to defaultCredentialsOrphanNamespaces.',
  },
  Paused: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Settled',
    event: 'Normal',
    blocksDeletion: true,
    shows: 'Paused',
    meaning: 'The annotation vps247.com/paused is "true": nothing is done, not even a deletion.',
    remedy: 'Remove the annotation to go on.',
  },
  ObserveOnly: {
    ready: 'False',
    synced: 'True',
    progress: 'Settled',
    event: 'Normal',
    meaning: 'The machine is not as the spec says, and spec.managementPolicy Observe leaves it so.',
    remedy: 'Set spec.managementPolicy to Manage to have it changed.',
  },
  PlanOnly: {
    ready: 'False',
    synced: 'True',
    progress: 'Settled',
    event: 'Normal',
    blocksDeletion: true,
    meaning: 'A step is due that spec.managementPolicy Plan keeps back; status.plannedActions shows it.',
    remedy: 'Set spec.managementPolicy to Manage to have it done.',
  },
} as const satisfies Readonly<Record<string, ReasonRow>>;

export type Reason = keyof typeof table;

export const reasons: Readonly<Record<Reason, ReasonRow>> = table;
