import { setTimeout as sleep } from 'node:timers/promises';
import { annotations, apiVersion, kind } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import type { Emulator } from '../../emulator/emulator.ts';
import { type Cluster, readiness } from '../../test/support/control-plane.ts';
import type { Wish } from './schedule.ts';

/** Between two tries of the same thing, and between two looks at everything: milliseconds. */
const pause = 200;
const lookEvery = 1_000;

export interface WorkloadOptions {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly emulator: Emulator;
}

/**
 * Those who want objects, and write that down straight at the API server, whatever becomes of the operator meanwhile. What
 * is asked of one object is asked in turn.
 */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #turns = new Map<string, Promise<void>>();
  /** How much is still to be written down, by object. */
  readonly #left = new Map<string, number>();
  /** The last thing asked of each; undefined: to be gone. */
  readonly #wishes = new Map<string, Wish | undefined>();
  /** What was not as wished when they last looked: a sentence each. */
  unmet: readonly string[] = [];
  /** The objects when they last looked. */
  objects: readonly VirtualMachine[] = [];
  #isOver = false;
  #looking: Promise<void> | undefined;
  /** How often somebody did what an object advised: made it anew because others had deleted its machine, or had its power cut. */
  remedies = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  get wishes(): number {
    return this.#wishes.size;
  }

  /** Looks again and again from now on. */
  begin(): void {
    this.#looking ??= this.#goOnLooking();
  }

  /** Nobody waits for anything any more. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all([this.#looking, ...this.#turns.values()]);
  }

  async #goOnLooking(): Promise<void> {
    while (!this.#isOver) {
      // The API server is left alone, but it may be busy.
      await this.look().catch(() => {});
      await sleep(lookEvery);
    }
  }

  ask(object: string, wish: Wish | undefined): void {
    this.#wishes.set(object, wish);
    this.#left.set(object, (this.#left.get(object) ?? 0) + 1);
    const before = this.#turns.get(object) ?? Promise.resolve();
    this.#turns.set(
      object,
      before.then(() => this.#write(object, wish)),
    );
  }

  /** Compares what is with what was wished, and follows the advice of objects that cannot get on by themselves. */
  async look(): Promise<void> {
    const { cluster, namespace } = this.#options;
    this.objects = await cluster.list(namespace);
    const byName = new Map(this.objects.map((object) => [object.metadata.name, object]));
    this.unmet = [...this.#wishes].flatMap(([name, wish]) => {
      const lack = this.#left.get(name) === 0 ? this.#lack(byName.get(name), wish) : 'is not asked for yet';
      return lack === undefined ? [] : [`${name} ${lack}`];
    });
    for (const [name, object] of byName) this.#follow(name, object);
  }

  #lack(object: VirtualMachine | undefined, wish: Wish | undefined): string | undefined {
    if (wish === undefined) return object === undefined ? undefined : `is not gone (${readiness(object)})`;
    if (object === undefined) return 'is not there';
    const { status, metadata } = object;
    const isTold =
      readiness(object) === 'True/Available' &&
      status?.observedGeneration === metadata.generation &&
      status.state === wish.powerState;
    if (!isTold) return `is ${status?.state} (${readiness(object)}), not ${wish.powerState}`;
    if (wish.restartRequest !== undefined && status.lastRestartRequest !== wish.restartRequest)
      return `was not restarted for ${wish.restartRequest}`;
    const machine = this.#options.emulator.machines().find(({ id }) => id === status.id);
    const isTrue = machine?.state === wish.powerState.toLowerCase();
    return isTrue ? undefined : `says it is ${status.state}, and its machine is ${machine?.state}`;
  }

  #follow(name: string, object: VirtualMachine): void {
    if (readiness(object).endsWith('/PowerTransitionStuck')) return void this.#cutOff(name, object);
    const wish = this.#wishes.get(name);
    const isLost = readiness(object).endsWith('/ExternallyDeleted') && object.metadata.deletionTimestamp === undefined;
    if (!isLost || wish === undefined || this.#left.get(name) !== 0) return;
    this.remedies += 1;
    this.ask(name, undefined);
    this.ask(name, wish);
  }

  async #cutOff(name: string, { metadata }: VirtualMachine): Promise<void> {
    if (metadata.annotations?.[annotations.forcePowerOff] !== undefined) return;
    this.remedies += 1;
    const { cluster, namespace } = this.#options;
    const change = { metadata: { name, namespace, annotations: { [annotations.forcePowerOff]: 'true' } } };
    // Tried again at the next look, if it is still needed.
    await cluster.patch(namespace, name, change).catch(() => {});
  }

  /** Again until it is written: nobody gives up a wish because the API server was busy. */
  async #write(name: string, wish: Wish | undefined): Promise<void> {
    while (!this.#isOver) {
      try {
        await (wish === undefined ? this.#delete(name) : this.#apply(name, wish));
        break;
      } catch {
        await sleep(pause);
      }
    }
    this.#left.set(name, (this.#left.get(name) ?? 1) - 1);
  }

  async #apply(name: string, { powerState, mode, restartRequest }: Wish): Promise<void> {
    const { cluster, namespace } = this.#options;
    // One that is going can't be kept; its successor comes after it.
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
