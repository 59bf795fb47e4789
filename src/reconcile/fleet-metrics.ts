import { reasons } from '../api/v1alpha1/reasons.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Clock } from '../domain/clock.ts';
import type { Machine, ProviderId } from '../domain/machine.ts';
import type { Account, Snapshot } from '../provider/account/account.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { MachineIndex } from '../controller/machine-index.ts';
import type { AccountIdentity } from '../controller/reservation.ts';

/** The provider counts transfer in MB of 1,048,576 bytes: the GB of a package are 1,024 of them. */
const megabyte = 1_048_576;

const usageFields = ['unbilledHours', 'transferTotal', 'transferRemaining'] as const;
/** Below this share of the monthly allowance, a VM has little transfer left. */
const lowTransfer = 0.1;
/** The sum over all VMs of an account for which the provider returns it; undefined if there are none. */
type Usage = Pick<Machine, (typeof usageFields)[number]> & { readonly lowTransfer: number };

export interface FleetMetricsOptions {
  readonly metrics: Metrics;
  readonly machineIndex: Pick<MachineIndex, 'isReserved' | 'soleRecordOf'>;
  /** The object to reconcile of this key, if there is one. */
  readonly get: (key: string) => VirtualMachine | undefined;
  readonly accounts: {
    list(): ReadonlyMap<number, Pick<Account, 'snapshot' | 'credentialStatus' | 'ownerId'>>;
  };
  readonly clock: Pick<Clock, 'now'>;
  /** Up to this many objects, there are per-VM metrics. */
  readonly machineLimit: number;
}

/**
 * Metrics of objects and VMs. Counts are updated by the watch. Whatever needs all VMs is computed from the cache when
 * Prometheus scrapes.
 */
export class FleetMetrics {
  readonly #options: FleetMetricsOptions;
  readonly #byReason = new Map<string, number>();
  readonly #byState = new Map<string, number>();
  #differing = 0;
  /** When the deletion of each object was requested; Infinity: it isn't being deleted. */
  readonly #deletedAt = new Map<string, number>();
  /** Counts the changes of objects. */
  #changes = 0;
  readonly #held = new WeakMap<Snapshot, { readonly held: number; readonly changes: number }>();
  /** A list never changes. */
  readonly #duplicates = new WeakMap<Snapshot, number>();
  readonly #usage = new WeakMap<Snapshot, Usage>();

  constructor(options: FleetMetricsOptions) {
    this.#options = options;
  }

  /** An object to reconcile was added, changed or deleted. */
  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): void {
    this.#changes += 1;
    for (const [object, by] of [
      [before, -1],
      [after, 1],
    ] as const) {
      if (object === undefined) continue;
      count(this.#byReason, reasonOf(object), by);
      count(this.#byState, stateOf(object), by);
      if (isDifferent(object)) this.#differing += by;
    }
    const deletedAt = Date.parse(after?.metadata.deletionTimestamp ?? '');
    if (after === undefined) this.#deletedAt.delete(key);
    else this.#deletedAt.set(key, Number.isFinite(deletedAt) ? deletedAt : Infinity);
  }

  /** Sets the gauges, without series for what no longer exists. */
  show(): void {
    const { metrics, clock } = this.#options;
    metrics.objects.reset();
    for (const [reason, objects] of this.#byReason) metrics.objects.set({ reason }, objects);
    metrics.objectsDiffering.set(this.#differing);
    metrics.machines.reset();
    for (const [state, machines] of this.#byState) metrics.machines.set({ state }, machines);
    let oldest = Number.POSITIVE_INFINITY;
    for (const deletedAt of this.#deletedAt.values()) oldest = Math.min(oldest, deletedAt);
    metrics.deletionOldest.set(Number.isFinite(oldest) ? Math.max(0, clock.now() - oldest) / 1_000 : 0);
    const { accountKeyRejected, accountMachines, accountDuplicateNames } = metrics;
    const { accountUnbilled, accountTransfer, accountTransferRemaining, accountLowTransfer } = metrics;
    const { machineReady, machineUnbilled, machineTransfer, machineTransferRemaining, machineLastAction } = metrics;
    for (const gauge of [accountKeyRejected, accountMachines, accountDuplicateNames]) gauge.reset();
    for (const gauge of [accountUnbilled, accountTransfer, accountTransferRemaining, accountLowTransfer]) gauge.reset();
    for (const gauge of [machineReady, machineUnbilled, machineTransfer, machineTransferRemaining, machineLastAction])
      gauge.reset();
    for (const [ordinal, account] of this.#options.accounts.list()) {
      accountKeyRejected.set({ account: String(ordinal) }, account.credentialStatus === 'Rejected' ? 1 : 0);
      if (account.snapshot !== undefined) this.#showAccount(String(ordinal), account, account.snapshot);
    }
    if (this.#hasMachineSeries) this.#showReadiness();
  }

  get #hasMachineSeries(): boolean {
    return this.#deletedAt.size <= this.#options.machineLimit;
  }

  #showAccount(account: string, identity: AccountIdentity, snapshot: Snapshot): void {
    const { metrics } = this.#options;
    const held = this.#heldIn(snapshot, identity);
    if (this.#hasMachineSeries) {
      for (const machine of snapshot.machines) {
        const labels = this.#labelsOf(machine.id, identity);
        if (labels === undefined) continue;
        const { unbilledHours, transferTotal, transferRemaining, updatedAt } = machine;
        if (unbilledHours !== undefined) metrics.machineUnbilled.set(labels, unbilledHours);
        if (transferTotal !== undefined) metrics.machineTransfer.set(labels, transferTotal * megabyte);
        if (transferRemaining !== undefined) metrics.machineTransferRemaining.set(labels, transferRemaining * megabyte);
        if (updatedAt !== undefined) metrics.machineLastAction.set(labels, Date.parse(updatedAt) / 1000);
      }
    }
    metrics.accountMachines.set({ account, managed: 'true' }, held);
    metrics.accountMachines.set({ account, managed: 'false' }, snapshot.machines.length - held);
    metrics.accountDuplicateNames.set({ account }, this.#duplicatesIn(snapshot));
    const { unbilledHours, transferTotal, transferRemaining, lowTransfer: low } = this.#usageIn(snapshot);
    if (unbilledHours !== undefined) metrics.accountUnbilled.set({ account }, unbilledHours);
    if (transferTotal !== undefined) metrics.accountTransfer.set({ account }, transferTotal * megabyte);
    if (transferRemaining !== undefined) {
      metrics.accountTransferRemaining.set({ account }, transferRemaining * megabyte);
      metrics.accountLowTransfer.set({ account }, low);
    }
  }

  /**
   * Not a label `namespace`, because Prometheus adds one to every target and would rename ours. Undefined if no object
   * or several have the machine on record, or if it isn't for this operator to reconcile.
   */
  #labelsOf(
    id: ProviderId,
    account: AccountIdentity,
  ): { readonly object_namespace: string; readonly object: string } | undefined {
    const key = this.#options.machineIndex.soleRecordOf(id, account);
    if (key === undefined) return undefined;
    const metadata = this.#options.get(key)?.metadata;
    return metadata && { object_namespace: metadata.namespace, object: metadata.name };
  }

  /** Computed again only after the list or an object changed: a scrape of a quiet fleet reads no VM. */
  #heldIn(snapshot: Snapshot, account: AccountIdentity): number {
    const known = this.#held.get(snapshot);
    if (known?.changes === this.#changes) return known.held;
    let held = 0;
    for (const machine of snapshot.machines) if (this.#options.machineIndex.isReserved(machine, account)) held += 1;
    this.#held.set(snapshot, { held, changes: this.#changes });
    return held;
  }

  /** Above the limit of per-VM metrics, only these are exported. */
  #usageIn(snapshot: Snapshot): Usage {
    let usage = this.#usage.get(snapshot);
    if (usage === undefined) {
      const sums: { -readonly [K in keyof Usage]: Usage[K] } = { lowTransfer: 0 };
      for (const machine of snapshot.machines) {
        if (hasLowTransfer(machine)) sums.lowTransfer += 1;
        for (const field of usageFields) {
          const value = machine[field];
          if (value !== undefined) sums[field] = (sums[field] ?? 0) + value;
        }
      }
      usage = sums;
      this.#usage.set(snapshot, usage);
    }
    return usage;
  }

  #duplicatesIn(snapshot: Snapshot): number {
    let duplicates = this.#duplicates.get(snapshot);
    if (duplicates === undefined) {
      const seen = new Set<string>();
      const twice = new Set<string>();
      for (const { name } of snapshot.machines) (seen.has(name) ? twice : seen).add(name);
      duplicates = twice.size;
      this.#duplicates.set(snapshot, duplicates);
    }
    return duplicates;
  }

  #showReadiness(): void {
    for (const key of this.#deletedAt.keys()) {
      const object = this.#options.get(key);
      if (object === undefined) continue;
      const { namespace, name } = object.metadata;
      const labels = {
        object_namespace: namespace,
        object: name,
        reason: reasonOf(object),
        state: stateOf(object),
      };
      this.#options.metrics.machineReady.set(labels, readyOf(object)?.status === 'True' ? 1 : 0);
    }
  }
}

/** A VM without a limit has a transfer of 0. */
function hasLowTransfer({ transferTotal: total = 0, transferRemaining: left }: Machine): boolean {
  return total > 0 && left !== undefined && left / total < lowTransfer;
}

function count(counts: Map<string, number>, of: string, by: 1 | -1): void {
  const objects = (counts.get(of) ?? 0) + by;
  if (objects === 0) counts.delete(of);
  else counts.set(of, objects);
}

function stateOf(object: VirtualMachine): string {
  return object.status?.state ?? 'None';
}

function readyOf(object: VirtualMachine) {
  return object.status?.conditions?.find(({ type }) => type === 'Ready');
}

function isDifferent({ status }: VirtualMachine): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'AsSpecified' && is === 'False') === true;
}

/** One of a fixed set, because a user who may write a status could otherwise create any number of series. */
function reasonOf(object: VirtualMachine): string {
  const reason = readyOf(object)?.reason;
  if (reason === undefined) return 'None';
  return Object.hasOwn(reasons, reason) ? reason : 'Other';
}
