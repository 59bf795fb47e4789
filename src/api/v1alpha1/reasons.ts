import {
  annotate,
  anyObject,
  code,
  deleteObject,
  patchSpec,
  reconcileNow,
  replaceApiKey,
  deleteKeepingVm,
} from './commands.ts';
import { annotations, defaultCredentials } from './constants.ts';
import { identityReasons } from './identity-reasons.ts';
import { observationReasons } from './observation-reasons.ts';
import { powerReasons } from './power-reasons.ts';
import { inProgress, noAction, type ReasonRow, stalled } from './reason-row.ts';

const keepVm = code(deleteKeepingVm(anyObject));
const retryNow = `To retry immediately: ${code(reconcileNow(anyObject))}.`;
const newApiKey = code(replaceApiKey(anyObject.namespace, defaultCredentials));
const manage = code(patchSpec(anyObject, { managementPolicy: 'Manage' }));

/**
 * Every reason an object can show, and its effect on each condition. This table is the only place that maps a reason to
 * conditions, events and remedies; docs/conditions.md is generated from it. A reason has one meaning and one remedy:
 * two cases that need different remedies are two reasons. A command in a remedy works as it is pasted.
 */
const table = {
  ...observationReasons,
  Available: {
    ready: 'True',
    synced: 'True',
    progress: 'Settled',
    event: 'Normal',
    meaning:
      'The VM exists and its power state matches spec.powerState. A VM that is to be halted is Ready when it is halted.',
    remedy: noAction,
  },
  Creating: {
    ...inProgress,
    meaning:
      "The provider accepted the VM and is provisioning it. Or the create request waits for a slot in the operator's request queue, or for the provider's response. The message shows which.",
    remedy: noAction,
  },
  Adopting: {
    ...inProgress,
    meaning: 'The operator found the VM that spec.adoption names, and puts it on record. No VM is created.',
    remedy: noAction,
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
      "The operator sent a create request, or may have sent it, and doesn't know its result. It sends no second request until it knows whether the VM exists.",
    remedy: 'No action needed. The operator lists the VMs twice, `--visibility-window` apart, before it retries.',
  },
  CreateBackoff: {
    ready: 'False',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning:
      'Several create requests led to no VM of the requested name. The operator sends the next one with exponential backoff.',
    remedy:
      'At the provider, look for VMs under another name that these requests created, and delete them. The message has the time of the next request.',
  },
  ...identityReasons,
  InvalidSpec: {
    ...stalled,
    blocksDeletion: true,
    meaning:
      "The object was stored under an earlier schema, and its spec has a value that isn't valid any more. Nothing is done, and the object isn't deleted, because the desired state isn't known in full.",
    remedy: `Correct the fields that the message names. To delete the object and keep its VM: ${keepVm}.`,
  },
  UnknownCatalogName: {
    ...stalled,
    meaning:
      "The provider's catalog doesn't have the region, package or template that the spec names. No request is sent.",
    remedy: 'Set the field that the message names to a name from its list. It can be changed until a VM exists.',
  },
  CombinationNotOffered: {
    ...stalled,
    meaning:
      "The provider's catalog doesn't offer the package in the region, or the template with the package. No request is sent.",
    remedy:
      'Set the fields that the message names to a combination from its list. They can be changed until a VM exists.',
  },
  CreateRefused: {
    ...stalled,
    meaning:
      'The provider refused to create the VM. The message has its answer. The operator retries every 30 minutes.',
    remedy: `Correct what the message names. ${retryNow}`,
  },
  QuotaExceeded: {
    ...stalled,
    meaning:
      "The provider refused to create the VM because funds or its quota don't suffice. The operator retries every 30 minutes.",
    remedy: `Add funds, have the provider raise the quota, or delete VMs that you don't need. ${retryNow}`,
  },
  NamespaceLimitReached: {
    ...stalled,
    meaning:
      "The objects of this namespace have as many VMs as the operator allows (maxMachinesPerNamespace). VMs that deleted objects left running count until the provider's list no longer shows them.",
    remedy:
      "Delete objects that you don't need, or ask your cluster administrator to raise maxMachinesPerNamespace. The operator retries automatically.",
  },
  AccountLimitReached: {
    ...stalled,
    meaning:
      'The account at the provider has as many VMs as an Account permits (spec.limits.machines). All VMs of the account count, also unmanaged ones. Only creates are held.',
    remedy:
      "Delete VMs that you don't need, or raise the limit of the Account that the message names. The operator retries automatically.",
  },
  AccountLimitsUnknown: {
    ...inProgress,
    meaning:
      'The operator has not read all Accounts yet, or it has just become the leader, and the list may not show a VM that its predecessor created. Until then, it creates no VM that a limit could hold, and changes no VM that an Account could pause.',
    remedy: noAction,
  },
  ...powerReasons,
  CredentialsMissing: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      'The API key is not usable: the Secret or its entry is missing, or is not one for an API key. The message is the same in each case, so that it reveals nothing about Secrets to users who may not read them. The operator sends no request.',
    remedy:
      'Create the Secret with the command in the message. If it exists, its type must be Opaque or vps247.com/api-key; where the administrator requires the label, add it with the command in the message. With the label vps247.com/credentials=true, the operator picks up a new key immediately.',
  },
  CredentialsRejected: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning: 'The provider rejects the API key. This says nothing about the VM, so the operator does nothing.',
    remedy: `Put a valid key into the Secret: ${newApiKey}. To replace the operator's default API key, ask your cluster administrator.`,
  },
  ApiKeyLimitReached: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      "The operator uses as many API keys as it may for this namespace, or in total. It doesn't try the key of this object.",
    remedy:
      "Use one key for several objects, or delete objects whose keys aren't valid. Or ask your cluster administrator to raise maxApiKeysPerNamespace or maxApiKeys. The operator retries automatically.",
  },
  AccountMismatch: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      "The API key isn't the one that the VM was recorded with, and it opens another account or nothing shows that it opens the same one. The operator does nothing.",
    remedy: `Put a key of the account that owns the VM (status.ownerId) into the Secret of the object: ${newApiKey}. If the message names an annotation to remove, remove it with the command there.`,
  },
  RateLimited: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Normal',
    meaning:
      'The provider asked for fewer requests. The operator sends none for this account until the time that the provider named.',
    remedy: noAction,
  },
  ProviderUnavailable: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning: "The provider can't be reached or returns errors. The operator doesn't conclude anything about the VM.",
    remedy:
      "No action needed if it passes. Otherwise check the network path to the provider's API and the provider's status page.",
  },
  ProtocolError: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning: "The operator can't read the provider's answer. It doesn't conclude anything from it.",
    remedy: "If it lasts, report it with the message: the provider's API may have changed.",
  },
  ExternallyDeleted: {
    ...stalled,
    meaning:
      "The VM was deleted at the provider, outside the operator. GET returns 404, and the list doesn't contain it. A VM that differed from its spec, or whose spec lacks region, package or osTemplate, isn't recreated: the operator doesn't know which VM you want.",
    remedy: `For a new, empty VM: ${code(patchSpec(anyObject, { onExternalDelete: 'Recreate' }))}. If the message says that the VM differed from the spec, also run the command in it. Otherwise delete the object: ${code(deleteObject(anyObject))}. If spec.deletionProtection is true, the API server refuses that, and shows the command that allows it.`,
  },
  AbsenceUnconfirmed: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning:
      "The list doesn't contain the VM, but that doesn't prove yet that it is deleted. The operator does nothing on a guess.",
    remedy:
      'Further complete lists decide it. If the message names another VM with the name of the one on record, do what it says.',
  },
  RecreationDelayed: {
    ready: 'False',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning:
      "The list doesn't contain the VM any more, and spec.onExternalDelete is Recreate. The operator creates a new one once at least three complete lists over five minutes lacked it and GET returns 404. It recreates VMs of one API key one by one, a minute apart.",
    remedy: `No action needed. The spec can be changed until then, and the new VM is created from it. To prevent the new VM: ${code(patchSpec(anyObject, { onExternalDelete: 'Report' }))}. If the old VM reappears before that, the object continues with it. A restart of the operator starts the five minutes again.`,
  },
  DuplicateMachine: {
    ...stalled,
    blocksDeletion: true,
    meaning:
      "Two VMs have the name of this object's VM, for example because a VM reappeared after it had been recreated. The operator continues with the VM on record, if there is one, and doesn't touch the others. Deleting the object waits, because the operator can't know which VM holds your data.",
    remedy: `At the provider, delete the VM that you don't need; the ids are in the message. To delete the object and keep all VMs: ${keepVm}.`,
  },
  InitialPasswordConflict: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Settled',
    event: 'Warning',
    meaning:
      'A Secret has the name of the one for the initial password: another object owns it, no object owns it, or it holds the password of an earlier VM. The operator never overwrites or deletes a Secret.',
    remedy:
      "Run the command in the message: it deletes the Secret, and the operator writes it again within seconds, with the password that the provider returns for the present VM. A password that you changed in the VM isn't known to the provider. Or set another spec.initialPasswordSecret.name.",
  },
  InitialPasswordNotStored: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Settled',
    event: 'Warning',
    meaning:
      "The API server refuses to store the Secret for the initial password, or an admission policy altered it. The password isn't available.",
    remedy: `Check the operator's permissions, quotas and admission policies in the namespace; the operator retries within five minutes. To do without the Secret: ${code(patchSpec(anyObject, { initialPasswordSecret: { policy: 'None', name: null } }))}.`,
  },
  InvalidAnnotation: {
    ready: 'Keep',
    synced: 'True',
    progress: 'Settled',
    event: 'Warning',
    meaning:
      "An annotation of the operator has a value that isn't valid. The operator ignores the annotation. Reported as an event only.",
    remedy: 'Set it to "true" or "false", or remove it with the command in the message.',
  },
  MachineAnnotationCorrected: {
    ready: 'Keep',
    synced: 'True',
    progress: 'Settled',
    event: 'Warning',
    meaning:
      'The annotation vps247.com/machine differed from the record in the status. The operator ignores it and writes the recorded value. Reported as an event only.',
    remedy: noAction,
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
    remedy: `If the named installation runs, restrict one of the two to other namespaces or labels. If it was removed, set takeOverFrom, or remove the annotation: ${code(annotate(anyObject, { [annotations.managedBy]: undefined }))}.`,
  },
  Deleting: {
    ...inProgress,
    meaning:
      'The object is being deleted. The operator powers the VM off, deletes it, and confirms that it is deleted before it removes the finalizer.',
    remedy: noAction,
  },
  Retained: {
    ready: 'Keep',
    synced: 'True',
    progress: 'Settled',
    event: 'Normal',
    meaning:
      'The object was deleted, and its VM stays at the provider because of deletionPolicy Retain or managementPolicy Observe. The VM may still incur charges. Reported as an event only.',
    remedy:
      "No action needed. To manage the VM again, adopt it with another object (spec.adoption). If you don't need it, delete it at the provider.",
  },
  DeletionProtected: {
    ...stalled,
    blocksDeletion: true,
    meaning:
      'The object was deleted where no admission policy refused that, and spec.deletionProtection is true. The VM stays, and the operator still manages its power.',
    remedy: `A deletion can't be canceled. To delete the object and its VM with all data: ${code(patchSpec(anyObject, { deletionProtection: false }))}. To delete the object and keep the VM: ${keepVm}. The VM keeps the power state that it has then: if a shutdown is in progress, wait until STATE is Running again.`,
  },
  OrphanNotPermitted: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      "The object was deleted, and deletionPolicy Retain or managementPolicy Observe would leave its VM running. The VM is in the account of the operator's default API key, where only a cluster administrator may permit that. Nothing is done.",
    remedy: `Have the VM deleted: ${code(patchSpec(anyObject, { deletionPolicy: 'Delete', managementPolicy: 'Manage' }))}. Or ask your cluster administrator to add the namespace to defaultCredentialsOrphanNamespaces.`,
  },
  Paused: {
    ready: 'Keep',
    synced: 'False',
    progress: 'Settled',
    event: 'Normal',
    blocksDeletion: true,
    shows: 'Paused',
    meaning:
      'The annotation vps247.com/paused is "true", or an Account of the API key has spec.paused. The operator does nothing for the object, including its deletion.',
    remedy: `To continue, remove the annotation: ${code(annotate(anyObject, { [annotations.paused]: undefined }))}. If the message names an Account, set its spec.paused to false.`,
  },
  ObserveOnly: {
    ready: 'False',
    synced: 'True',
    progress: 'Settled',
    event: 'Normal',
    meaning: 'The VM differs from the spec, and spec.managementPolicy Observe leaves it so.',
    remedy: `To let the operator change it: ${manage}.`,
  },
  PlanOnly: {
    ready: 'False',
    synced: 'True',
    progress: 'Settled',
    event: 'Normal',
    blocksDeletion: true,
    meaning:
      'Calls are due, and spec.managementPolicy Plan holds them back. The message and status.plannedActions show all of them.',
    remedy: `To carry it out: ${manage}.`,
  },
} as const satisfies Readonly<Record<string, ReasonRow>>;

export type Reason = keyof typeof table;

export const reasons: Readonly<Record<Reason, ReasonRow>> = table;
