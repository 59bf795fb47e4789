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
 * What a create was answered: an id for certain, and the machine itself when the provider described it.
 * No id (the provider may answer success without one) means: look the name up in the list.
 */
export interface CreateAnswer {
  readonly id?: ProviderId;
  readonly machine?: Machine;
}

/**
 * The provider, for one API key. The contract every implementation keeps:
 *
 * - Methods never throw and never reject; whatever goes wrong is a `Failure` (see domain/failure.ts).
 * - Reads are retried inside, within the read's deadline. Writes are sent at most once per call.
 * - No write is idempotent. `UnknownOutcome` means the write may have taken effect: read before writing again.
 * - 2xx on a power call or a delete means accepted, not done: judge by a later read. Its body, where it is the VM, shows it as it
 *   was or as it is to be, ahead of lists that lag: taken for a read, a start would seem to have fallen back. So it isn't read.
 * - `signal` aborts a call; an aborted write that may have been sent is `UnknownOutcome`, else `Cancelled`.
 */
export interface Provider {
  /**
   * All machines this key's user owns, complete or a failure: never a part, never a guess. Ids are unique. Of one that is there
   * and can't be read, the response has no more than that.
   */
  listMachines(signal?: AbortSignal): Promise<Outcome<readonly ListedMachine[]>>;
  /** `undefined` is the provider's 404: no machine with this id *that this key may see*. Alone it proves nothing. */
  getMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<Machine | undefined>>;
  createMachine(request: CreateRequest, signal?: AbortSignal): Promise<Outcome<CreateAnswer>>;
  /** `NotFound` is the provider's 404, `Accepted` its 2xx; neither shows the machine gone. 400 is a `Wait` failure (`BadRequest`): still powered. */
  deleteMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<'Accepted' | 'NotFound'>>;
  startMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<void>>;
  stopMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<void>>;
  restartMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<void>>;
  killMachine(id: ProviderId, signal?: AbortSignal): Promise<Outcome<void>>;
  /** `undefined`: the provider has no such endpoint (404), so names cannot be resolved and nothing can be checked. */
  listRegions(signal?: AbortSignal): Promise<Outcome<readonly Region[] | undefined>>;
  listPackages(signal?: AbortSignal): Promise<Outcome<readonly Package[] | undefined>>;
  listOsTemplates(signal?: AbortSignal): Promise<Outcome<readonly OsTemplate[] | undefined>>;
}
