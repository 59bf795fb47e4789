/**
 * Every reason an object can show, and what each condition says for it. This table is the only place that maps a reason
 * to conditions, events and exit from them; docs/conditions.md is generated from it.
 *
 * - `ready`: status of Ready; `Keep` leaves a machine that was Ready as it is, because nothing says otherwise.
 * - `synced`: whether the last pass could act as it wanted.
 * - `progress`: `Reconciling` works or waits by itself, `Stalled` needs a human, `Settled` is neither.
 */
export interface ReasonRow {
  readonly ready: 'True' | 'False' | 'Unknown' | 'Keep';
  readonly synced: 'True' | 'False';
  readonly progress: 'Settled' | 'Reconciling' | 'Stalled';
  readonly event: 'Normal' | 'Warning';
  readonly meaning: string;
  readonly remedy: string;
}

export type Reason =
  | 'Available'
  | 'Creating'
  | 'CreateOutcomeUnknown'
  | 'NameConflict'
  | 'IdentityMismatch'
  | 'InvalidSpec'
  | 'UnknownCatalogName'
  | 'QuotaExceeded'
  | 'Starting'
  | 'Stopping'
  | 'ProviderBusy'
  | 'PowerTransitionStuck'
  | 'StartBackoff'
  | 'CredentialsMissing'
  | 'CredentialsRejected'
  | 'AccountMismatch'
  | 'RateLimited'
  | 'ProviderUnavailable'
  | 'ProtocolError'
  | 'ExternallyDeleted'
  | 'AbsenceUnconfirmed'
  | 'RestoredUnconfirmed'
  | 'Deleting';

const nothing = 'Nothing: it resolves by itself.';

export const reasons: Readonly<Record<Reason, ReasonRow>> = {
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
      "A machine of this name exists that is not this object's, or another object claims the name, or two machines share it. No call is made.",
    remedy:
      'Choose another spec.providerName (delete and re-apply the object), or remove the other holder of the name.',
  },
  IdentityMismatch: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning: "The recorded id belongs to a machine whose name is not this object's. No call is made for it.",
    remedy: 'Restore the annotation vps247.com/machine to what it was.',
  },
  InvalidSpec: {
    ready: 'False',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning: 'The provider, or its catalogue, refuses this combination of region, package, template or keys.',
    remedy:
      'Delete the object and apply a corrected one; the message says what was refused. Tried again every 30 minutes.',
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
    meaning: 'The provider refuses to create the machine for lack of funds or quota.',
    remedy: 'Raise the quota or top up the account. Tried again every 30 minutes.',
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
    meaning: 'The machine did not reach the wanted power state in time. It is tried again, ever more slowly.',
    remedy: "Look at the machine's console at the provider; with powerOff.mode Soft, consider TrySoft or Hard.",
  },
  StartBackoff: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Warning',
    meaning: 'The machine falls back to halted soon after each start; the next start waits.',
    remedy: "Look at the machine's console at the provider: its guest does not stay up.",
  },
  CredentialsMissing: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning: 'The Secret with the API key is missing, or its key is empty or malformed. No call is made.',
    remedy:
      "Create the Secret in the object's namespace; label it vps247.com/credentials=true to have it noticed at once.",
  },
  CredentialsRejected: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning: 'The provider does not accept the API key. That says nothing about the machine, so nothing is done.',
    remedy: 'Put a valid key into the Secret.',
  },
  AccountMismatch: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
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
    remedy: 'Delete the object; apply it again for a new machine.',
  },
  AbsenceUnconfirmed: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Reconciling',
    event: 'Warning',
    meaning: 'The machine is not seen, but the evidence that it is gone is not complete. Nothing is done on a guess.',
    remedy: 'Nothing: further complete lists decide it.',
  },
  RestoredUnconfirmed: {
    ready: 'Unknown',
    synced: 'False',
    progress: 'Stalled',
    event: 'Warning',
    meaning:
      'The object carries the identity of another object (restored from a backup, copied or moved). It neither creates nor touches a machine.',
    remedy:
      'Remove the annotation vps247.com/machine to have a new machine made for this object, or delete the object.',
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
};
