import type { Machine, ProviderId } from '../../model/machine.ts';
import type { Snapshot } from './account.ts';

/** Indexes a complete list. `startedAt` and `answeredAt` are monotonic milliseconds. */
export function createSnapshot(startedAt: number, answeredAt: number, machines: readonly Machine[]): Snapshot {
  const byId = new Map(machines.map((machine) => [machine.id, machine]));
  const byName = Map.groupBy(machines, (machine) => machine.name);
  let byHead: ReadonlyMap<string, readonly Machine[]> | undefined;
  const owners = new Set(machines.map((machine) => machine.ownerId).filter((owner) => owner !== undefined));
  return {
    startedAt,
    answeredAt,
    machines,
    ownerIds: [...owners].toSorted((a, b) => a - b),
    byId: (id) => byId.get(id),
    byName: (name) => byName.get(name) ?? [],
    withSuffix: (head) => {
      byHead ??= Map.groupBy(machines, ({ name }) => /^(.+)-[0-9a-f]{8}$/.exec(name)?.[1] ?? '');
      return head === '' ? [] : (byHead.get(head) ?? []);
    },
    newestTime: newestOf(machines),
  };
}

function newestOf(machines: readonly Machine[]): number | undefined {
  let newest: number | undefined;
  for (const { createdAt, updatedAt } of machines) {
    for (const text of [createdAt, updatedAt]) {
      const time = Date.parse(text ?? '');
      if (time > (newest ?? -Infinity)) newest = time;
    }
  }
  return newest;
}

/** What differs between two snapshots, by everything a machine may be followed by. */
export interface Changes {
  readonly ids: ReadonlySet<ProviderId>;
  readonly names: ReadonlySet<string>;
}

/** The machines that came, went or changed; a machine that was renamed counts under both names. */
export function findChanges(before: Snapshot, after: Snapshot): Changes {
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
  return { ids, names };
}

/**
 * Whether nothing changed that anyone acts on or shows in a status. Usage and the time of the last action move all the
 * time, and the password is only ever written once, so its value does not matter.
 */
function isSame(a: Machine, b: Machine): boolean {
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
    isSameAddresses(a, b)
  );
}

function isSameRef(a: Machine['region'], b: Machine['region']): boolean {
  return a?.id === b?.id && a?.name === b?.name;
}

function isSameAddresses(a: Machine, b: Machine): boolean {
  return (
    a.addresses.length === b.addresses.length &&
    // Both are sorted.
    a.addresses.every((address, index) => {
      const other = b.addresses[index];
      return (
        address.address === other?.address &&
        address.gateway === other.gateway &&
        address.prefixLength === other.prefixLength
      );
    })
  );
}
