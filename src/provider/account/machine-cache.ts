import type { ListedMachine, Machine, ProviderId } from '../../domain/machine.ts';
import type { CachedMachine, Snapshot } from './account.ts';
import { type SnapshotDiff, createSnapshot, diffSnapshots, isSame } from './snapshot.ts';

/**
 * What was last seen of each machine: in the newest complete list, or in a read of that machine alone that started later.
 * Such a row stands beside the list and is never taken for a part of it: that a machine is absent, how many there are
 * and what they are named is known from lists only. A list that started after it takes its place, whatever it shows.
 */
export class MachineCache {
  #snapshot: Snapshot | undefined;
  readonly #later = new Map<ProviderId, CachedMachine>();

  /** The newest complete list, as it was answered. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get(id: ProviderId): CachedMachine | undefined {
    const later = this.#later.get(id);
    if (later !== undefined) return later;
    const machine = this.#snapshot?.byId(id);
    return machine && this.#snapshot && { startedAt: this.#snapshot.startedAt, machine };
  }

  /** Takes in a complete list; what changed since each machine was last seen, undefined if none was read before. */
  replace(startedAt: number, answeredAt: number, machines: readonly ListedMachine[]): SnapshotDiff | undefined {
    const before = this.#snapshot;
    const known = before && {
      machines: [...before.machines, ...this.#unlisted(before)],
      unreadable: before.unreadable,
      byId: (id: ProviderId) => this.get(id)?.machine,
    };
    const snapshot = createSnapshot(startedAt, answeredAt, machines, known);
    const diff = known && diffSnapshots(known, snapshot);
    for (const [id, row] of this.#later) if (row.startedAt <= startedAt) this.#later.delete(id);
    this.#snapshot = snapshot;
    return diff;
  }

  /** Takes in one machine; what changed. One that was read before the newest list was changes nothing. */
  upsert(startedAt: number, machine: Machine): SnapshotDiff {
    const before = this.get(machine.id);
    const isOutdated = startedAt <= Math.max(before?.startedAt ?? -Infinity, this.#snapshot?.startedAt ?? -Infinity);
    if (isOutdated) return { ids: new Set(), names: new Set() };
    this.#later.set(machine.id, { startedAt, machine });
    if (before !== undefined && isSame(before.machine, machine)) return { ids: new Set(), names: new Set() };
    const names = before === undefined ? [machine.name] : [machine.name, before.machine.name];
    return { ids: new Set([machine.id]), names: new Set(names) };
  }

  #unlisted(snapshot: Snapshot): readonly Machine[] {
    return [...this.#later.values()].map(({ machine }) => machine).filter(({ id }) => snapshot.byId(id) === undefined);
  }
}
