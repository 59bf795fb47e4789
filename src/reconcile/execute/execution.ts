import type { KnownMachine } from '../../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import type { KubeError } from '../../kubernetes/errors.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Outcome } from '../../domain/failure.ts';
import type { Machine } from '../../domain/machine.ts';
import type { Action, PowerAction } from '../../plan/action.ts';
import type { Account } from '../../provider/account/account.ts';
import type { CreateResult } from '../../provider/provider.ts';
import type { DeletionRate } from '../../controller/deletion-rate.ts';
import type { ObjectState } from '../object-state.ts';
import type { StoreAnswer } from './metadata-patch.ts';
import type { NamespaceQuota } from '../../controller/namespace-quota.ts';
import type { Owner, PasswordExecution } from './password-secret.ts';
import type { ObjectClient } from '../object-cache.ts';

/** The result of an action. `Superseded`: the object changed since it was read, and nothing was sent. */
export type Execution =
  | { readonly type: 'Nothing' }
  | { readonly type: 'Superseded' }
  /** Kubernetes refused or altered a write that has to be stored first. No call followed it. */
  | { readonly type: 'WriteRefused'; readonly error: KubeError }
  | {
      readonly type: 'Created';
      readonly outcome: Outcome<CreateResult>;
      /** What the status has to record. */
      readonly record?: KnownMachine | undefined;
      /** The new VM, if the answer describes it. */
      readonly machine?: Machine | undefined;
    }
  /** `record`: what the status has to record; undefined if it is on record already. */
  | { readonly type: 'Recorded'; readonly record?: KnownMachine }
  | PasswordExecution
  /** `action`: the action as sent, with that time in its operation. */
  | { readonly type: 'Powered'; readonly action: PowerAction; readonly outcome: Outcome<void> }
  | { readonly type: 'Deleted'; readonly outcome: Outcome<'Accepted' | 'NotFound'> }
  | { readonly type: 'Withdrawn' }
  | { readonly type: 'Released' };

export interface ExecuteDeps {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly stored: StoreAnswer;
  /** Whether this is the newest known version of the object. */
  readonly isNewest: (object: VirtualMachine) => boolean;
  /**
   * Reserves a VM for the object until its status records it: of two objects that adopt a VM at the same time, one
   * succeeds.
   */
  readonly lockForAdoption: (machine: KnownMachine) => boolean;
  /** Releases the reservation after a failed adoption. */
  readonly unlockAdoption: (machine: KnownMachine) => void;
  readonly quota: Pick<NamespaceQuota, 'reserve' | 'release' | 'confirmGone'>;
  /** Counts a create against the limit of its account; false if the limit leaves no place for it. */
  readonly reserveInAccount: (name: string) => boolean;
  /** The create was certainly not sent. */
  readonly releaseInAccount: (name: string) => void;
  readonly deletionRate: Pick<DeletionRate, 'take'>;
  /** Annotation that is stored together with the finalizer. */
  readonly ownership: Readonly<Record<string, string>>;
  /** Stores the intent of a restart, a power cut or a delete in the status, only if the object is unchanged. Throws KubeError. */
  readonly storeIntent: (action: Action) => Promise<void>;
  /** Whether the object's namespace has no VirtualMachine of this name and UID any more. */
  readonly isGone: (owner: Owner) => boolean;
}

/** The parts of an account that calls need. */
export type WritableAccount = Pick<Account, 'write' | 'snapshot' | 'ownerId' | 'keyedHash'>;

/** The target of an action. */
export interface ExecuteTarget {
  readonly object: VirtualMachine;
  readonly providerName: string;
  readonly account: WritableAccount | null;
  /** Whether the account's key is the operator's default key. */
  readonly isDefaultKey: boolean;
  readonly objectState: ObjectState;
}
