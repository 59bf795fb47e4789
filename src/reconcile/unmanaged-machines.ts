import { createHash } from 'node:crypto';
import type { Clock } from '../domain/clock.ts';
import type { Machine } from '../domain/machine.ts';
import { cutToBytes } from '../domain/text.ts';
import type { EventNote, EventRecorder } from '../kubernetes/events.ts';
import type { Snapshot } from '../provider/account/account.ts';
import type { Log } from '../telemetry/log.ts';
import type { MachineIndex } from '../controller/machine-index.ts';
import type { AccountIdentity } from '../controller/reservation.ts';

export interface UnmanagedMachinesOptions {
  readonly machineIndex: Pick<MachineIndex, 'isReserved'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<EventRecorder, 'record'>;
  /**
   * The object of the events, in the operator's own namespace: the names may be those of any tenant's account. Undefined: they are
   * only logged.
   */
  readonly regarding: () => EventNote['regarding'] | undefined;
}

/** The unmanaged VMs of an account at the last comparison, and those last reported. Times are monotonic. */
interface Seen {
  readonly set: string;
  readonly at: number;
  reported: string;
  reportedAt: number;
}

const compareEvery = 50_000;
/** Limits the reports for an account whose VMs come and go. */
const reportEvery = 10 * 60_000;
const maxNamed = 10;
/** In bytes. With ten names, the note of an event stays below its limit of 1 KiB. */
const longestName = 64;
const none = '';

/**
 * Reports which VMs of an account no object manages, in one log line and one event whenever the set changes. A set
 * counts once two comparisons in a row agree: the VM of an object that was just applied may not be on record yet.
 */
export class UnmanagedMachines {
  readonly #options: UnmanagedMachinesOptions;
  readonly #seen = new WeakMap<object, Seen>();

  constructor(options: UnmanagedMachinesOptions) {
    this.#options = options;
  }

  /** A complete list of the account with this number arrived. Compares at most about once a minute. */
  listed(ordinal: number, account: AccountIdentity, { machines }: Pick<Snapshot, 'machines'>): void {
    const { machineIndex, clock } = this.#options;
    const now = clock.monotonic();
    const seen = this.#seen.get(account);
    if (seen !== undefined && now - seen.at < compareEvery) return;
    const unmanaged = machines.filter((machine) => !machineIndex.isReserved(machine, account));
    const set = hashOf(unmanaged);
    const current: Seen = { reported: none, reportedAt: -Infinity, ...seen, set, at: now };
    this.#seen.set(account, current);
    if (seen?.set !== set || set === current.reported || now - current.reportedAt < reportEvery) return;
    current.reported = set;
    current.reportedAt = now;
    this.#report(ordinal, unmanaged);
  }

  #report(account: number, unmanaged: readonly Machine[]): void {
    const { log } = this.#options;
    const count = unmanaged.length;
    if (count === 0) {
      log.info('No unmanaged VMs', { account });
      this.#emitEvent('NoUnmanagedVMs', `an object manages every VM of account ${account}`);
      return;
    }
    const vms = unmanaged.slice(0, maxNamed).map(({ id, name }) => ({ id, name: cutToBytes(name, longestName) }));
    const more = count - vms.length;
    log.info('Found unmanaged VMs', { account, count, vms, ...(more > 0 ? { more } : {}) });
    const names = vms.map(({ id, name }) => `${name} (id ${id})`).join(', ');
    const what = count === 1 ? '1 unmanaged VM' : `${count} unmanaged VMs`;
    const rest = more > 0 ? ` and ${more} more` : '';
    this.#emitEvent('UnmanagedVMs', `${what} in account ${account}: ${names}${rest}`);
  }

  #emitEvent(reason: string, note: string): void {
    const { events } = this.#options;
    const regarding = this.#options.regarding();
    if (regarding !== undefined) events.record({ regarding, type: 'Normal', reason, action: 'ListMachines', note });
  }
}

/** A hash of the ids in any order; empty for none. It saves storing the ids of a large account. */
function hashOf(machines: readonly Machine[]): string {
  if (machines.length === 0) return none;
  const ids = machines.map(({ id }) => id).toSorted((a, b) => a - b);
  return createHash('sha256').update(ids.join()).digest('base64');
}
