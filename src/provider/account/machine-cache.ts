import type { ListedMachine, Machine, ProviderId } from '../../domain/machine.ts';
import type { CachedMachine, Snapshot } from './account.ts';
import { type SnapshotDiff, createSnapshot, diffSnapshots, isSame } from './snapshot.ts';

/**
 * The last seen state of each machine: from the newest complete list, or from a later read of that machine alone. Such
 * a read never counts as part of the list: absence, number and names of machines are known from lists only. A list that
 * started later replaces it, whatever the list shows.
 */
export class MachineCache {
  #snapshot: Snapshot | undefined;
  readonly #later = new Map<ProviderId, CachedMachine>();

  /** The newest complete list, unchanged. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get(id: ProviderId): CachedMachine | undefined {
    const later = this.#later.get(id);
    if (later !== undefined) return later;
    const machine = this.#snapshot?.byId(id);
    return machine && this.#snapshot && { startedAt: this.#snapshot.startedAt, machine };
  }

  /** Stores a complete list. Returns what changed since each machine was last seen; undefined for the first list. */
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

  /** Stores a single machine, and returns what changed. A read that started before the newest list changes nothing. */
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
