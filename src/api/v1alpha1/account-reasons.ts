import { anyObject, code, replaceApiKey } from './commands.ts';
import { defaultCredentials } from './constants.ts';
import { noAction } from './reason-row.ts';
import type { ConditionStatus } from './types.ts';

/** The effect of a reason on each condition of an Account. `progress`: as kstatus and Argo CD see it. */
export interface AccountReasonRow {
  readonly ready: ConditionStatus;
  readonly credentialsValid: ConditionStatus;
  readonly inventoryComplete: ConditionStatus;
  readonly progress: 'Settled' | 'Reconciling' | 'Stalled';
  readonly event: 'Normal' | 'Warning';
  readonly meaning: string;
  readonly remedy: string;
}

const keyUnusable = {
  ready: 'False',
  credentialsValid: 'False',
  inventoryComplete: 'Unknown',
  progress: 'Stalled',
  event: 'Warning',
} as const;

const listUnusable = {
  ready: 'False',
  credentialsValid: 'True',
  inventoryComplete: 'False',
  progress: 'Reconciling',
  event: 'Warning',
} as const;

const newApiKey = code(replaceApiKey(anyObject.namespace, defaultCredentials));

/** Every reason that an Account can show: the only place that maps a reason to conditions, events and remedies. */
const table = {
  InventoryCurrent: {
    ready: 'True',
    credentialsValid: 'True',
    inventoryComplete: 'True',
    progress: 'Settled',
    event: 'Normal',
    meaning: 'The provider accepts the API key, and the inventory is that of the newest list of VMs.',
    remedy: noAction,
  },
  NotListedYet: {
    ready: 'Unknown',
    credentialsValid: 'Unknown',
    inventoryComplete: 'Unknown',
    progress: 'Reconciling',
    event: 'Normal',
    meaning: 'The provider has not listed the VMs of this API key yet.',
    remedy: noAction,
  },
  CredentialsMissing: {
    ...keyUnusable,
    meaning:
      'The API key is not usable: the Secret or its entry is missing, or is not one for an API key. The rules are those of VirtualMachines.',
    remedy: 'Create the Secret with the command in the message. The status keeps the last inventory.',
  },
  DefaultCredentialsNotPermitted: {
    ...keyUnusable,
    meaning:
      "The Secret doesn't exist. VirtualMachines of this namespace use the operator's default API key, but an Account with that key would show the VMs of other namespaces. It is permitted only in the namespace of the operator.",
    remedy:
      "Create a Secret with an API key of your own in this namespace, or ask your cluster administrator for the figures of the operator's account.",
  },
  CredentialsRejected: {
    ...keyUnusable,
    meaning: 'The provider rejects the API key. The status keeps the last inventory.',
    remedy: `Put a valid key into the Secret: ${newApiKey}.`,
  },
  ApiKeyLimitReached: {
    ...keyUnusable,
    credentialsValid: 'Unknown',
    meaning: 'As many API keys are in use as the operator may use, in total or in this namespace.',
    remedy:
      "Use one key for several objects, or delete objects whose keys aren't valid. Or ask your cluster administrator to raise maxApiKeysPerNamespace or maxApiKeys. The operator retries automatically.",
  },
  ProviderUnavailable: {
    ...listUnusable,
    ready: 'Unknown',
    inventoryComplete: 'Unknown',
    meaning: "The provider can't be reached or returns errors. The status keeps the last inventory.",
    remedy: 'No action needed. The operator retries automatically.',
  },
  MassDisappearance: {
    ...listUnusable,
    meaning:
      'Many VMs disappeared from the list at once, so it may be wrong. The status keeps the last inventory until complete lists agree for five minutes.',
    remedy: 'If the VMs were deleted, no action is needed. Otherwise ask the support of the provider.',
  },
  UnreadableMachines: {
    ...listUnusable,
    meaning:
      'The list has VMs whose entries the operator cannot read. The status keeps the inventory of the last list without such entries.',
    remedy:
      'Check the VMs that the message names in the control panel of the provider. The operator retries automatically.',
  },
} as const satisfies Readonly<Record<string, AccountReasonRow>>;

export type AccountReason = keyof typeof table;

export const accountReasons: Readonly<Record<AccountReason, AccountReasonRow>> = table;
