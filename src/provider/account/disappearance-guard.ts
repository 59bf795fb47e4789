import type { ProviderId } from '../../domain/machine.ts';
import type { Log } from '../../telemetry/log.ts';
import { type Absence, afterList } from './absence.ts';
import type { MassAbsence, Snapshot } from './account.ts';
import type { WriteTracker } from './write-tracker.ts';
import type { Followers } from './subscriptions.ts';
import { type Wave, afterSweep, endOf } from './mass-disappearance.ts';

/** VMs that lists lack: each by itself, and as far as too many are missing at once to believe it of any. */
export class Missing {
  readonly #followers: Followers;
  readonly #writes: WriteTracker;
  readonly #log: Log;
  /** Machines that we asked to be deleted, until nobody looks for them any more. */
  readonly #leaving = new Set<ProviderId>();
  #waves: readonly Wave[] = [];
  #absences = new Map<ProviderId, Absence>();

  constructor(followers: Followers, writes: WriteTracker, log: Log) {
    this.#followers = followers;
    this.#writes = writes;
    this.#log = log;
  }

  get massAbsence(): MassAbsence | undefined {
    return describe(this.#waves.at(-1));
  }

  massAbsenceOf(id: ProviderId): MassAbsence | undefined {
    return describe(this.#waves.findLast(({ ids }) => ids.has(id)));
  }

  absenceOf(id: ProviderId): Absence | undefined {
    return this.#absences.get(id);
  }

  /** A read of this VM alone showed it. */
  shows(id: ProviderId): void {
    this.#absences.delete(id);
  }

  /** A DELETE is about to be sent. */
  leaves(id: ProviderId): void {
    this.#leaving.add(id);
  }

  /** That DELETE certainly had no effect. */
  stays(id: ProviderId): void {
    this.#leaving.delete(id);
  }

  /** Takes in a new list and the one before it. */
  sweep(before: Snapshot | undefined, { startedAt, has: isListed }: Snapshot): void {
    const expected = new Set(before?.machines.map(({ id }) => id));
    for (const id of before?.unreadable.keys() ?? []) expected.add(id);
    const going = new Set<ProviderId>();
    const absences = new Map<ProviderId, Absence>();
    for (const { id, name, since, isGoing } of this.#followers.subjects()) {
      if (id !== undefined && since <= startedAt) {
        const absence = afterList(this.#absences.get(id), isListed(id), startedAt);
        if (absence !== undefined) absences.set(id, absence);
      }
      const isNew = since <= startedAt && (before === undefined || since > before.startedAt);
      // One that we have just made may not be visible yet.
      if (id === undefined || !isNew || this.#writes.lastWriteAt(name) !== undefined) continue;
      if (isGoing === true && !expected.has(id)) going.add(id);
      expected.add(id);
    }
    this.#absences = absences;
    this.#waves = afterSweep(this.#waves, {
      startedAt,
      expected,
      isListed,
      isLeaving: (id) => this.#leaving.has(id),
      mayHaveLeft: (id) => going.has(id),
    });
    for (const id of this.#leaving) if (!isListed(id) && !this.#followers.isFollowed(id)) this.#leaving.delete(id);
    const wave = this.#waves.at(-1);
    if (wave?.since !== startedAt) return;
    this.#log.warn('Many VMs disappeared from the list at once', { disappeared: wave.vanished, total: wave.of });
  }
}

function describe(wave: Wave | undefined): MassAbsence | undefined {
  return wave && { vanished: wave.vanished, of: wave.of, until: endOf(wave) };
}
