import { type ListedMachine, type Machine, type ProviderId, isReadable } from '../../domain/machine.ts';
import type { Snapshot, UnreadableEntry, CachedMachine } from './account.ts';

/** The last known machines, by id. */
export type Known = Pick<Snapshot, 'byId' | 'machines' | 'unreadable'>;

/**
 * Indexes a complete list. `startedAt` and `answeredAt` are monotonic milliseconds. A machine that equals the `known`
 * one is replaced by that object, so that a fleet isn't in memory twice and most comparisons end immediately.
 */
export function createSnapshot(
  startedAt: number,
  answeredAt: number,
  listed: readonly ListedMachine[],
  known?: Known,
): Snapshot {
  const machines = listed.filter(isReadable).map((machine) => kept(known?.byId(machine.id), machine));
  const unreadable = readUnreadable(startedAt, listed, known);
  const byId = new Map(machines.map((machine) => [machine.id, machine]));
  const byName = Map.groupBy(machines, (machine) => machine.name);
  let newestTime: { readonly of: number | undefined } | undefined;
  let byHead: ReadonlyMap<string, readonly Machine[]> | undefined;
  const owners = new Set(machines.map((machine) => machine.ownerId).filter((owner) => owner !== undefined));
  return {
    startedAt,
    answeredAt,
    machines,
    unreadable,
    ownerIds: [...owners].toSorted((a, b) => a - b),
    byId: (id) => byId.get(id),
    has: (id) => byId.has(id) || unreadable.has(id),
    byName: (name) => byName.get(name) ?? [],
    withSuffix: (head) => {
      byHead ??= Map.groupBy(machines, ({ name }) => /^(.+)-[0-9a-f]{8}$/.exec(name)?.[1] ?? '');
      return head === '' ? [] : (byHead.get(head) ?? []);
    },
    get newestTime() {
      // Computed only before a create.
      newestTime ??= { of: newestOf(machines) };
      return newestTime.of;
    },
  };
}

function readUnreadable(
  startedAt: number,
  listed: readonly ListedMachine[],
  known: Known | undefined,
): ReadonlyMap<ProviderId, UnreadableEntry> {
  const unreadable = new Map<ProviderId, UnreadableEntry>();
  for (const entry of listed) {
    if (isReadable(entry)) continue;
    const before = known?.unreadable.get(entry.id);
    // The provider cannot rename a VM.
    const name = entry.name ?? known?.byId(entry.id)?.name ?? before?.name;
    const since = before?.since ?? startedAt;
    unreadable.set(entry.id, { ...entry, ...(name === undefined ? {} : { name }), since });
  }
  return unreadable;
}

function newestOf(machines: readonly Machine[]): number | undefined {
  let newest: string | undefined;
  for (const { createdAt, updatedAt } of machines) {
    for (const time of [createdAt, updatedAt]) {
      if (time !== undefined && (newest === undefined || time > newest)) newest = time;
    }
  }
  return newest === undefined ? undefined : Date.parse(newest);
}

/** The difference between two snapshots, by the ids and names that keys can be subscribed to. */
export interface SnapshotDiff {
  readonly ids: ReadonlySet<ProviderId>;
  readonly names: ReadonlySet<string>;
}

/** The machines that appeared, disappeared or changed. A renamed machine counts under both names. */
export function diffSnapshots(before: Known, after: Known): SnapshotDiff {
  const ids = new Set<ProviderId>();
  const names = new Set<string>();
  const note = (machine: Machine): void => {
    ids.add(machine.id);
    names.add(machine.name);
  };
  for (const machine of after.machines) {
    const old = before.byId(machine.id);
    if (old !== undefined && isSame(old, machine)) continue;
    note(machine);
    if (old !== undefined) note(old);
  }
  for (const machine of before.machines) {
    if (after.byId(machine.id) === undefined) note(machine);
  }
  for (const [id, { name, problem }] of after.unreadable) {
    const old = before.unreadable.get(id);
    if (old?.name === name && old?.problem === problem) continue;
    ids.add(id);
    if (name !== undefined) names.add(name);
  }
  for (const id of before.unreadable.keys()) if (!after.unreadable.has(id)) ids.add(id);
  return { ids, names };
}

/**
 * Whether nothing changed that a decision or a status depends on. Usage and the time of the last action change all the
 * time, and the password is written only once, so its value doesn't matter.
 */
function isSame(a: Machine, b: Machine): boolean {
  if (a === b) return true;
  return (
    a.name === b.name &&
    a.state === b.state &&
    a.ownerId === b.ownerId &&
    a.hostname === b.hostname &&
    a.createdAt === b.createdAt &&
    (a.initialPassword === undefined) === (b.initialPassword === undefined) &&
    a.lastTask?.name === b.lastTask?.name &&
    a.lastTask?.status === b.lastTask?.status &&
    isSameRef(a.region, b.region) &&
    isSameRef(a.package, b.package) &&
    isSameRef(a.osTemplate, b.osTemplate) &&
    isSameAddresses(a, b) &&
    isSameDisks(a.diskIds, b.diskIds)
  );
}

/** The known machine if nothing at all differs, otherwise the new one. */
function kept(before: Machine | undefined, now: Machine): Machine {
  if (before === undefined) return now;
  const isEqual =
    isSame(before, now) &&
    // Whether there is one was compared above.
    (now.initialPassword === undefined || before.initialPassword?.equals(now.initialPassword) === true) &&
    before.updatedAt === now.updatedAt &&
    before.lastTask?.id === now.lastTask?.id &&
    before.lastTask?.progress === now.lastTask?.progress &&
    before.unbilledHours === now.unbilledHours &&
    before.transferTotal === now.transferTotal &&
    before.transferRemaining === now.transferRemaining;
  return isEqual ? before : now;
}

function isSameRef(a: Machine['region'], b: Machine['region']): boolean {
  return a?.id === b?.id && a?.name === b?.name;
}

function isSameDisks(a: Machine['diskIds'] = [], b: Machine['diskIds'] = []): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}

function isSameAddresses(a: Machine, b: Machine): boolean {
  return (
    a.addresses.length === b.addresses.length &&
    // Both are sorted.
    a.addresses.every((address, index) => {
      const other = b.addresses[index];
      return (
        other !== undefined &&
        address.address === other.address &&
        address.first === other.first &&
        address.last === other.last &&
        address.gateway === other.gateway &&
        address.prefixLength === other.prefixLength
      );
    })
  );
}

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
