import { setTimeout as sleep } from 'node:timers/promises';
import { annotations, apiVersion, kind } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import type { Emulator } from '../../emulator/emulator.ts';
import { type Cluster, readiness } from '../../test/support/control-plane.ts';
import type { DesiredState } from './schedule.ts';

/** Milliseconds between two attempts of a write, and between two checks of all objects. */
const pause = 200;
const checkEvery = 1_000;

export interface WorkloadOptions {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly emulator: Emulator;
}

/**
 * Users who write the desired state of objects to the API server directly, independent of the operator. Writes to one
 * object are sequential.
 */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #writes = new Map<string, Promise<void>>();
  /** How many writes are pending, by object. */
  readonly #pendingWrites = new Map<string, number>();
  /** The last desired state of each object; undefined: deleted. */
  readonly #desired = new Map<string, DesiredState | undefined>();
  /** The objects that were not in sync at the last check, a sentence each. */
  unmet: readonly string[] = [];
  /** The objects at the last check. */
  objects: readonly VirtualMachine[] = [];
  #isOver = false;
  #checking: Promise<void> | undefined;
  /**
   * How often a user applied an object's remedy: recreated the object after its VM was deleted outside the operator, or
   * forced the power off.
   */
  remedies = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#desired.size;
  }

  /** Starts the periodic check. */
  begin(): void {
    this.#checking ??= this.#checkPeriodically();
  }

  /** Ends all writes and checks. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all([this.#checking, ...this.#writes.values()]);
  }

  async #checkPeriodically(): Promise<void> {
    while (!this.#isOver) {
      // The API server isn't restarted here, but it may be busy.
      await this.check().catch(() => {});
      await sleep(checkEvery);
    }
  }

  setDesired(object: string, desired: DesiredState | undefined): void {
    this.#desired.set(object, desired);
    this.#pendingWrites.set(object, (this.#pendingWrites.get(object) ?? 0) + 1);
    const before = this.#writes.get(object) ?? Promise.resolve();
    this.#writes.set(
      object,
      before.then(() => this.#write(object, desired)),
    );
  }

  /** Compares the objects with their desired state, and applies the remedy of objects that need a user. */
  async check(): Promise<void> {
    const { cluster, namespace } = this.#options;
    this.objects = await cluster.list(namespace);
    const byName = new Map(this.objects.map((object) => [object.metadata.name, object]));
    this.unmet = [...this.#desired].flatMap(([name, desired]) => {
      const difference =
        this.#pendingWrites.get(name) === 0 ? this.#difference(byName.get(name), desired) : 'is not written yet';
      return difference === undefined ? [] : [`${name} ${difference}`];
    });
    for (const [name, object] of byName) this.#applyRemedy(name, object);
  }

  #difference(object: VirtualMachine | undefined, desired: DesiredState | undefined): string | undefined {
    if (desired === undefined) return object === undefined ? undefined : `is not gone (${readiness(object)})`;
    if (object === undefined) return 'does not exist';
    const { status, metadata } = object;
    const isReported =
      readiness(object) === 'True/Available' &&
      status?.observedGeneration === metadata.generation &&
      status.state === desired.powerState;
    if (!isReported) return `is ${status?.state} (${readiness(object)}), not ${desired.powerState}`;
    if (desired.restartRequest !== undefined && status.lastRestartRequest !== desired.restartRequest)
      return `was not restarted for ${desired.restartRequest}`;
    const machine = this.#options.emulator.machines().find(({ id }) => id === status.id);
    const isTrue = machine?.state === desired.powerState.toLowerCase();
    return isTrue ? undefined : `has status.state ${status.state}, but its VM is ${machine?.state}`;
  }

  #applyRemedy(name: string, object: VirtualMachine): void {
    if (readiness(object).endsWith('/PowerTransitionStuck')) return void this.#forcePowerOff(name, object);
    const desired = this.#desired.get(name);
    const isLost = readiness(object).endsWith('/ExternallyDeleted') && object.metadata.deletionTimestamp === undefined;
    if (!isLost || desired === undefined || this.#pendingWrites.get(name) !== 0) return;
    this.remedies += 1;
    this.setDesired(name, undefined);
    this.setDesired(name, desired);
  }

  async #forcePowerOff(name: string, { metadata }: VirtualMachine): Promise<void> {
    if (metadata.annotations?.[annotations.forcePowerOff] !== undefined) return;
    this.remedies += 1;
    const { cluster, namespace } = this.#options;
    const change = { metadata: { name, namespace, annotations: { [annotations.forcePowerOff]: 'true' } } };
    // Retried at the next check, if it is still needed.
    await cluster.patch(namespace, name, change).catch(() => {});
  }

  /** Retries until the write succeeds, because the API server may be busy. */
  async #write(name: string, desired: DesiredState | undefined): Promise<void> {
    while (!this.#isOver) {
      try {
        await (desired === undefined ? this.#delete(name) : this.#apply(name, desired));
        break;
      } catch {
        await sleep(pause);
      }
    }
    this.#pendingWrites.set(name, (this.#pendingWrites.get(name) ?? 1) - 1);
  }

  async #apply(name: string, { powerState, mode, restartRequest }: DesiredState): Promise<void> {
    const { cluster, namespace } = this.#options;
    // An object that is being deleted can't be kept; the new one is created after it.
    while ((await cluster.get(namespace, name))?.metadata.deletionTimestamp !== undefined) {
      if (this.#isOver) return;
      await sleep(pause);
    }
    await cluster.apply({
      apiVersion,
      kind,
      metadata: { name, namespace },
      spec: {
        region: { name: 'Amsterdam 1' },
        package: { name: 'Budget' },
        osTemplate: { name: 'Debian 13 x64' },
        powerState,
        powerOff: { mode, gracePeriodSeconds: 2 },
        ...(restartRequest === undefined ? {} : { restartRequest }),
      },
    });
  }

  async #delete(name: string): Promise<void> {
    const { cluster, namespace } = this.#options;
    if ((await cluster.get(namespace, name)) !== undefined) await cluster.delete(namespace, name);
  }
}
