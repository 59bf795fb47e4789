import type { ProviderId } from '../../domain/machine.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Absence, MassDisappearance, Snapshot } from './account.ts';
import type { WriteTracker } from './write-tracker.ts';
import type { Subscriptions } from './subscriptions.ts';
import { type Disappearance, afterComparison, endOf } from './mass-disappearance.ts';

/**
 * Tracks VMs that are missing from lists: each by itself, and whether too many disappeared at once to trust the list.
 */
export class DisappearanceGuard {
  readonly #subscriptions: Subscriptions;
  readonly #writes: WriteTracker;
  readonly #log: Log;
  /** Machines that the operator is deleting, as long as a key is subscribed to them. */
  readonly #deleting = new Set<ProviderId>();
  #disappearances: readonly Disappearance[] = [];
  #absences = new Map<ProviderId, Absence>();

  constructor(subscriptions: Subscriptions, writes: WriteTracker, log: Log) {
    this.#subscriptions = subscriptions;
    this.#writes = writes;
    this.#log = log;
  }

  get massDisappearance(): MassDisappearance | undefined {
    return describe(this.#disappearances.at(-1));
  }

  massDisappearanceOf(id: ProviderId): MassDisappearance | undefined {
    return describe(this.#disappearances.findLast(({ ids }) => ids.has(id)));
  }

  absenceOf(id: ProviderId): Absence | undefined {
    return this.#absences.get(id);
  }

  /** A read of this VM alone showed it. */
  machineRead(id: ProviderId): void {
    this.#absences.delete(id);
  }

  /** A DELETE is about to be sent. */
  deleteSent(id: ProviderId): void {
    this.#deleting.add(id);
  }

  /** That DELETE certainly had no effect. */
  deleteFailed(id: ProviderId): void {
    this.#deleting.delete(id);
  }

  /** Records a new list and compares it with the previous one. */
  compare(before: Snapshot | undefined, { startedAt, has: isListed }: Snapshot): void {
    const expected = new Set(before?.machines.map(({ id }) => id));
    for (const id of before?.unreadable.keys() ?? []) expected.add(id);
    const deletedEarlier = new Set<ProviderId>();
    const absences = new Map<ProviderId, Absence>();
    for (const { target } of this.#subscriptions.records()) {
      if (target === undefined) continue;
      const { id, name, subscribedSince: since, isDeleting: isGoing } = target;
      if (id !== undefined && since <= startedAt) {
        const absence = afterList(this.#absences.get(id), isListed(id), startedAt);
        if (absence !== undefined) absences.set(id, absence);
      }
      const isNew = since <= startedAt && (before === undefined || since > before.startedAt);
      // A VM that was just created may not be visible yet.
      if (id === undefined || !isNew || this.#writes.lastWriteAt(name) !== undefined) continue;
      if (isGoing === true && !expected.has(id)) deletedEarlier.add(id);
      expected.add(id);
    }
    this.#absences = absences;
    this.#disappearances = afterComparison(this.#disappearances, {
      startedAt,
      expected,
      isListed,
      isDeleting: (id) => this.#deleting.has(id),
      mayBeDeleted: (id) => deletedEarlier.has(id),
    });
    for (const id of this.#deleting)
      if (!isListed(id) && !this.#subscriptions.isSubscribed(id)) this.#deleting.delete(id);
    const disappearance = this.#disappearances.at(-1);
    if (disappearance?.since !== startedAt) return;
    this.#log.warn('Many VMs disappeared from the list at once', {
      disappeared: disappearance.vanished,
      total: disappearance.of,
    });
  }
}

function describe(disappearance: Disappearance | undefined): MassDisappearance | undefined {
  return disappearance && { vanished: disappearance.vanished, of: disappearance.of, until: endOf(disappearance) };
}

/** The absence after another complete list. Pure. A list that shows the VM ends it. */
function afterList(before: Absence | undefined, isListed: boolean, startedAt: number): Absence | undefined {
  if (isListed) return undefined;
  return { since: before?.since ?? startedAt, lists: (before?.lists ?? 0) + 1 };
}
