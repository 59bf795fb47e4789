import { reasons } from '../api/v1alpha1/reasons.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Clock } from '../domain/clock.ts';
import type { Machine, ProviderId } from '../domain/machine.ts';
import type { Account, Snapshot } from '../provider/account/account.ts';
import type { AccountRegistry } from '../provider/account/account-registry.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { MachineIndex } from '../controller/machine-index.ts';
import type { AccountIdentity } from '../controller/reservation.ts';
import type { Ownership } from './ownership.ts';

/** The provider counts transfer in MB of 1,048,576 bytes: the GB of a package are 1,024 of them. */
const megabyte = 1_048_576;

/** Below this share of the monthly allowance, a VM has little transfer left. */
const lowTransfer = 0.1;

export interface FleetMetricsOptions {
  readonly metrics: Metrics;
  readonly machineIndex: Pick<MachineIndex, 'isReserved' | 'soleRecordOf'>;
  /** The objects that this installation manages, and the one of a key. */
  readonly objects: () => readonly VirtualMachine[];
  readonly get: (key: string) => VirtualMachine | undefined;
  readonly ownership: Pick<Ownership, 'others'>;
  readonly accounts: Pick<AccountRegistry, 'list'>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Up to this many objects, there are per-VM metrics. */
  readonly machineLimit: number;
}

/** Metrics of objects and VMs, computed from the caches when Prometheus scrapes. */
export class FleetMetrics {
  readonly #options: FleetMetricsOptions;

  constructor(options: FleetMetricsOptions) {
    this.#options = options;
  }

  /** Sets the gauges, without series for what no longer exists. */
  show(): void {
    const { metrics, clock, ownership, accounts, machineLimit } = this.#options;
    const objects = this.#options.objects();
    const hasMachineSeries = objects.length <= machineLimit;
    this.#showObjects(objects);
    metrics.objectsOwnedByOthers.set(ownership.others);
    for (const gauge of [
      metrics.providerUnavailable,
      metrics.providerPaused,
      metrics.providerRate,
      metrics.providerInFlight,
      metrics.providerWaiting,
      metrics.accountKeyRejected,
      metrics.accountMachines,
      metrics.accountDuplicateNames,
      metrics.accountUnbilled,
      metrics.accountTransfer,
      metrics.accountTransferRemaining,
      metrics.accountLowTransfer,
      metrics.machineReady,
      metrics.machineUnbilled,
      metrics.machineTransfer,
      metrics.machineTransferRemaining,
      metrics.machineLastAction,
    ])
      gauge.reset();
    let listAge = 0;
    for (const [ordinal, account] of accounts.list()) {
      const { credentialStatus, callStats, snapshot } = account;
      metrics.accountKeyRejected.set({ account: String(ordinal) }, credentialStatus === 'Rejected' ? 1 : 0);
      this.#showCalls(String(ordinal), callStats);
      if (snapshot === undefined) continue;
      listAge = Math.max(listAge, clock.monotonic() - snapshot.answeredAt);
      this.#showAccount(String(ordinal), account, snapshot);
      if (hasMachineSeries) this.#showMachines(account, snapshot);
    }
    metrics.listAge.set(listAge / 1_000);
    if (hasMachineSeries) this.#showReadiness(objects);
  }

  #showObjects(objects: readonly VirtualMachine[]): void {
    const { metrics, clock } = this.#options;
    metrics.objects.reset();
    metrics.machines.reset();
    for (const [reason, { length }] of Map.groupBy(objects, reasonOf)) metrics.objects.set({ reason }, length);
    for (const [state, { length }] of Map.groupBy(objects, stateOf)) metrics.machines.set({ state }, length);
    metrics.objectsDiffering.set(objects.filter(isDifferent).length);
    let oldest = Number.POSITIVE_INFINITY;
    for (const { metadata } of objects)
      if (metadata.deletionTimestamp !== undefined) oldest = Math.min(oldest, Date.parse(metadata.deletionTimestamp));
    metrics.deletionOldest.set(Number.isFinite(oldest) ? Math.max(0, clock.now() - oldest) / 1_000 : 0);
  }

  #showCalls(account: string, { isCircuitOpen, isRateLimited, rate, inFlight, waiting }: Account['callStats']): void {
    const { metrics } = this.#options;
    metrics.providerUnavailable.set({ account }, isCircuitOpen ? 1 : 0);
    metrics.providerPaused.set({ account }, isRateLimited ? 1 : 0);
    metrics.providerRate.set({ account }, rate);
    metrics.providerInFlight.set({ account }, inFlight);
    for (const [priority, count] of Object.entries(waiting)) metrics.providerWaiting.set({ account, priority }, count);
  }

  #showAccount(account: string, identity: AccountIdentity, { machines }: Snapshot): void {
    const { metrics, machineIndex } = this.#options;
    const held = machines.filter((machine) => machineIndex.isReserved(machine, identity)).length;
    metrics.accountMachines.set({ account, managed: 'true' }, held);
    metrics.accountMachines.set({ account, managed: 'false' }, machines.length - held);
    metrics.accountDuplicateNames.set({ account }, duplicateNames(machines));
    const unbilledHours = sumOf(machines, 'unbilledHours');
    const transferTotal = sumOf(machines, 'transferTotal');
    const transferRemaining = sumOf(machines, 'transferRemaining');
    if (unbilledHours !== undefined) metrics.accountUnbilled.set({ account }, unbilledHours);
    if (transferTotal !== undefined) metrics.accountTransfer.set({ account }, transferTotal * megabyte);
    if (transferRemaining === undefined) return;
    metrics.accountTransferRemaining.set({ account }, transferRemaining * megabyte);
    metrics.accountLowTransfer.set({ account }, machines.filter(hasLowTransfer).length);
  }

  #showMachines(identity: AccountIdentity, { machines }: Snapshot): void {
    const { metrics } = this.#options;
    for (const { id, unbilledHours, transferTotal, transferRemaining, updatedAt } of machines) {
      const labels = this.#labelsOf(id, identity);
      if (labels === undefined) continue;
      if (unbilledHours !== undefined) metrics.machineUnbilled.set(labels, unbilledHours);
      if (transferTotal !== undefined) metrics.machineTransfer.set(labels, transferTotal * megabyte);
      if (transferRemaining !== undefined) metrics.machineTransferRemaining.set(labels, transferRemaining * megabyte);
      if (updatedAt !== undefined) metrics.machineLastAction.set(labels, Date.parse(updatedAt) / 1000);
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

  #showReadiness(objects: readonly VirtualMachine[]): void {
    for (const object of objects) {
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

/** The sum over the VMs for which the provider returns it; undefined if there are none. */
function sumOf(
  machines: readonly Machine[],
  field: 'unbilledHours' | 'transferTotal' | 'transferRemaining',
): number | undefined {
  let sum: number | undefined;
  for (const { [field]: value } of machines) if (value !== undefined) sum = (sum ?? 0) + value;
  return sum;
}

function duplicateNames(machines: readonly Machine[]): number {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { name } of machines) (seen.has(name) ? twice : seen).add(name);
  return twice.size;
}

/** A VM without a limit has a transfer of 0. */
function hasLowTransfer({ transferTotal: total = 0, transferRemaining: left }: Machine): boolean {
  return total > 0 && left !== undefined && left / total < lowTransfer;
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
