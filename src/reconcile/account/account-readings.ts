import type { MachineIndex } from '../../controller/machine-index.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Machine, ProviderId } from '../../domain/machine.ts';
import type { AccountInventory, Currency } from '../../api/v1alpha1/account-types.ts';
import { type Census, type Offer, inventoryOf, takeCensus } from '../../plan/account/inventory.ts';
import type { Account, Snapshot } from '../../provider/account/account.ts';

/** What was read of an account at the provider, for all Accounts of its key. Times are monotonic. */
interface Reading {
  census: { readonly snapshot: Snapshot; readonly result: Census } | undefined;
  /** Those of the census, by currency: a tenant may have thousands of Accounts of one key. */
  readonly inventories: Map<Currency | undefined, AccountInventory>;
  /** VMs of the last list that no object records, and whose name an object asks for. */
  claimed: ReadonlySet<ProviderId>;
  offer: Offer | undefined;
  /** When the catalog is read again. */
  readAt: number;
  /** Since when the catalog is being read. */
  awaitedSince: number | undefined;
}

const catalogEvery = 60 * 60_000;
const retryCatalogAfter = 10 * 60_000;
/** How long the first status waits for the catalog. */
const longestWait = 30_000;

/** The census of the newest list and the catalog of each account, computed or read once for all Accounts of its key. */
export class AccountReadings {
  readonly #clock: Clock;
  readonly #machineIndex: Pick<MachineIndex, 'isReserved' | 'withUnknownAccount' | 'nameConflict'>;
  readonly #readings = new WeakMap<Account, Reading>();

  constructor(clock: Clock, machineIndex: Pick<MachineIndex, 'isReserved' | 'withUnknownAccount' | 'nameConflict'>) {
    this.#clock = clock;
    this.#machineIndex = machineIndex;
  }

  /**
   * Reads the catalog at most once an hour, after a failure every ten minutes. Whether the first status waits for it:
   * `subscriber` is woken when the read ends.
   */
  awaitsCatalog(account: Account, subscriber: string): boolean {
    const reading = this.#of(account);
    const now = this.#clock.monotonic();
    if (now < reading.readAt || account.isUnavailable) return false;
    const outcome = account.catalog(subscriber);
    if (outcome === undefined) {
      reading.awaitedSince ??= now;
      return reading.offer === undefined && now - reading.awaitedSince < longestWait;
    }
    reading.awaitedSince = undefined;
    reading.readAt = now + (outcome.ok ? catalogEvery : retryCatalogAfter);
    if (outcome.ok) {
      reading.offer = outcome.value;
      reading.inventories.clear();
    }
    return false;
  }

  /** The same object as long as nothing was read. */
  inventory(account: Account, snapshot: Snapshot, currency: Currency | undefined): AccountInventory {
    const reading = this.#of(account);
    if (reading.census?.snapshot !== snapshot) {
      reading.census = { snapshot, result: this.#takeCensus(account, snapshot, reading) };
      reading.inventories.clear();
    }
    const known = reading.inventories.get(currency);
    if (known !== undefined && known.ownerId === account.ownerId) return known;
    const inventory = inventoryOf(account.ownerId, reading.census.result, reading.offer, currency);
    reading.inventories.set(currency, inventory);
    return inventory;
  }

  /**
   * A VM is unmanaged if no object has it. If an object only asks for its name, it may be a VM that is just being
   * created or adopted: it counts as unmanaged when the next list shows the same.
   */
  #takeCensus(account: Account, { machines }: Snapshot, reading: Reading): Census {
    const index = this.#machineIndex;
    const claimed = new Set<ProviderId>();
    const isUnmanaged = (machine: Machine): boolean => {
      const { id, name } = machine;
      if (index.isReserved(machine, account) || index.withUnknownAccount({ id }, '').length > 0) return false;
      const isClaimed =
        index.nameConflict(name, '', account) !== undefined || index.withUnknownAccount({ name }, '').length > 0;
      if (isClaimed) claimed.add(id);
      return !isClaimed || reading.claimed.has(id);
    };
    const census = takeCensus(machines, isUnmanaged);
    reading.claimed = claimed;
    return census;
  }

  #of(account: Account): Reading {
    const known = this.#readings.get(account);
    if (known !== undefined) return known;
    const created: Reading = {
      census: undefined,
      inventories: new Map(),
      claimed: new Set(),
      offer: undefined,
      readAt: -Infinity,
      awaitedSince: undefined,
    };
    this.#readings.set(account, created);
    return created;
  }
}
