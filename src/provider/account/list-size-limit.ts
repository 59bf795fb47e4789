import { failed } from '../../domain/failure.ts';
import { isReadable, type ListedMachine } from '../../domain/machine.ts';
import type { Provider } from '../provider.ts';

/**
 * The memory limit for the newest lists of all accounts together, by the estimate below: about 70,000 typical VMs.
 * `listLimits` bounds one list, but a provider can return the largest one for each of a thousand keys.
 */
const maxBytes = 48 * 2 ** 20;

const failure = {
  operation: 'ListMachines',
  class: 'Retry',
  code: 'ProtocolError',
  text: `the lists of all API keys in use are larger than ${maxBytes / 2 ** 20} MiB together, which is the most that the operator keeps`,
} as const;

/** The size of the newest list of each account. */
export class ListSizeLimit {
  readonly #sizes = new Map<number, number>();
  #total = 0;

  /** The provider of one account. A list that exceeds the limit fails, and the previous one stays in use. */
  bound(account: number, provider: Provider): Provider {
    this.#sizes.set(account, 0);
    return {
      ...provider,
      listMachines: async (signal) => {
        const outcome = await provider.listMachines(signal);
        return outcome.ok && !this.#admit(account, sizeOf(outcome.value)) ? failed(failure) : outcome;
      },
    };
  }

  forget(account: number): void {
    this.#total -= this.#sizes.get(account) ?? 0;
    this.#sizes.delete(account);
  }

  #admit(account: number, size: number): boolean {
    const before = this.#sizes.get(account);
    // The response arrived after the account was stopped.
    if (before === undefined) return true;
    const total = this.#total - before + size;
    // A smaller list is always accepted.
    if (total > maxBytes && size > before) return false;
    this.#sizes.set(account, size);
    this.#total = total;
    return true;
  }
}

/** The approximate size in bytes. */
function sizeOf(machines: readonly ListedMachine[]): number {
  let size = 0;
  for (const machine of machines) {
    size += 400;
    if (isReadable(machine))
      size += 2 * (machine.name.length + (machine.hostname?.length ?? 0)) + 100 * machine.addresses.length;
  }
  return size;
}
