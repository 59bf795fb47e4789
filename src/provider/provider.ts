import type {
  CreateRequest,
  ListedMachine,
  Machine,
  OsTemplate,
  Package,
  ProviderId,
  Region,
} from '../domain/machine.ts';
import type { Outcome } from '../domain/failure.ts';

/**
 * The result of a create: the id, and the machine if the response describes it. Without an id (the provider may report
 * success without one), the list shows the VM by its name.
 */
export interface CreateResult {
  readonly id?: ProviderId;
  readonly machine?: Machine;
}

/**
 * The provider, for one API key. The contract of every implementation:
 *
 * - Methods never throw and never reject. Any problem is a `Failure` (see domain/failure.ts).
 * - Reads are retried within their deadline. Writes are sent at most once for each call.
 * - No write is idempotent. `UnknownOutcome` means that the write may have taken effect: read before you write again.
 * - A 2xx to a power call or a delete means accepted, not done: a later read shows the result. Its body isn't read: it
 *   shows the VM before or after the change, ahead of lists that lag, so a start would seem to be reverted.
 * - `signal` aborts a call. An aborted write that may have been sent is `UnknownOutcome`, otherwise `Canceled`.
 */
export interface Provider {
  /**
   * All machines of the account, complete or a failure, never a part. Ids are unique. An unreadable entry carries no
   * more than that it is unreadable.
   */
  listMachines(signal?: AbortSignal): Promise<Outcome<readonly ListedMachine[]>>;
  /**
   * `undefined` is the provider's 404: no machine with this id *that this key may see*. By itself it proves nothing.
   */
  getMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<Machine | undefined>>;
  createMachine(request: CreateRequest, signal?: AbortSignal): Promise<Outcome<CreateResult>>;
  /**
   * `NotFound` is the provider's 404, `Accepted` its 2xx. Neither proves that the machine is gone. A 400 is a `Wait`
   * failure (`BadRequest`): the machine is still powered on.
   */
  deleteMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<'Accepted' | 'NotFound'>>;
  startMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<void>>;
  stopMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<void>>;
  restartMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<void>>;
  killMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<void>>;
  /** `undefined`: the provider has no such endpoint (404), so names can't be resolved and nothing can be checked. */
  listRegions(signal?: AbortSignal): Promise<Outcome<readonly Region[] | undefined>>;
  listPackages(signal?: AbortSignal): Promise<Outcome<readonly Package[] | undefined>>;
  listOsTemplates(signal?: AbortSignal): Promise<Outcome<readonly OsTemplate[] | undefined>>;
}
