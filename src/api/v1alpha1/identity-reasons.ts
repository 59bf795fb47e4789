import {
  adoptVm,
  annotate,
  anyObject,
  code,
  deleteKeepingVm,
  deleteObject,
  patchSpec,
  resetStatus,
} from './commands.ts';
import { annotations } from './constants.ts';
import { type ReasonRow, stalled } from './reason-row.ts';

const keepVm = code(deleteKeepingVm(anyObject));

/** The reasons about the ownership of a VM or name. */
export const identityReasons = {
  NameConflict: {
    ...stalled,
    meaning:
      'Another object in this account has reserved the same provider name. The object that came first keeps it. No request is sent for this one.',
    remedy: `Choose another spec.providerName. It can't be changed, so delete the object and apply it again: ${code(deleteObject(anyObject))}. To adopt a VM of that name that isn't the other object's, name its id in spec.adoption, with the command in the message.`,
  },
  NameTaken: {
    ...stalled,
    meaning:
      "A VM of this name exists at the provider, and it wasn't created for this object. The operator doesn't touch it.",
    remedy: `To adopt the VM: ${code(adoptVm(anyObject))}. For a new VM, choose another spec.providerName: delete the object and apply it again: ${code(deleteObject(anyObject))}.`,
  },
  HeldByOtherObject: {
    ...stalled,
    blocksDeletion: true,
    meaning:
      'The VM belongs to another object, which the message names. Two objects never manage one VM, so the operator does nothing for this one.',
    remedy: `Decide which object keeps the VM. To delete the other one without the VM: ${keepVm}. An object without a VM can name another one in spec.adoption.`,
  },
  AdoptionMismatch: {
    ...stalled,
    meaning:
      "The VM that spec.adoption names by its id or name has another name than spec.providerName. It isn't adopted.",
    remedy: `Correct spec.adoption. Or adopt the VM that spec.providerName names: ${code(patchSpec(anyObject, { adoption: { id: null, name: null } }))}.`,
  },
  IdentityMismatch: {
    ...stalled,
    blocksDeletion: true,
    meaning:
      "The VM on record has another name at the provider than the record says. The provider can't rename a VM, so the record is wrong. The operator changes nothing at the provider.",
    remedy: `If the status was edited, a cluster administrator resets it: ${code(resetStatus(anyObject))}. To delete the object and keep the VM: ${keepVm}.`,
  },
  IdentityUnproven: {
    ...stalled,
    blocksDeletion: true,
    meaning:
      "A VM exists that may be this object's, but nothing proves it. For example, only an annotation names the VM. The operator neither touches it nor creates another one.",
    remedy: `If the VM is this object's, adopt it with the command in the message. If only the annotation names it and you want a new VM: ${code(annotate(anyObject, { [annotations.machine]: undefined }))}. To delete the object and keep the VM: ${keepVm}.`,
  },
  IdentityFromOtherObject: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning:
      'The object carries the identity of another object: it was restored from a backup, copied or moved. The operator neither creates a VM for it nor touches one.',
    remedy: `If no other object and no other cluster manages the VM, adopt it: ${code(adoptVm(anyObject))}. For a new VM, run the command in the message.`,
  },
  OrphanCandidateFound: {
    ...stalled,
    meaning:
      "A VM exists that has the name of this object with the suffix of another one, and no object manages it. It may belong to an earlier object of this name, from before the cluster was rebuilt. The operator doesn't create a second one.",
    remedy: `Adopt the VM with the command in the message. For a new VM: ${code(annotate(anyObject, { [annotations.ignoreOrphanCandidates]: 'true' }))}. To turn the check off, set orphanCandidates to Report.`,
  },
  AdoptionTargetNotFound: {
    ...stalled,
    meaning: "spec.adoption.policy is MustExist, and the account doesn't have the VM.",
    remedy: `Correct spec.adoption. Or have a VM created, for which the spec needs region, package and osTemplate: ${code(patchSpec(anyObject, { adoption: { policy: 'IfExists', id: null, name: null } }))}.`,
  },
  AdoptionNotPermitted: {
    ...stalled,
    meaning:
      "The spec asks to adopt a VM, but the object uses the operator's default API key, which gives no right to VMs that exist.",
    remedy: `Put an API key of your own into the Secret. Or, for a new VM, remove the adoption: ${code(patchSpec(anyObject, { adoption: { policy: 'Never', id: null, name: null } }))}.`,
  },
} as const satisfies Readonly<Record<string, ReasonRow>>;
