import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster } from '../test/support/control-plane.ts';
import type { Fleet } from './fleet.ts';

/** More keys than a namespace may use, none of which the provider accepts. */
const objects = 100;
const longValue = 100_000;

/** A tenant of another namespace that causes the most expensive work, as fast as the API server accepts it. */
export class HostileTenant {
  readonly #cluster: Cluster;
  readonly #fleet: Fleet;
  readonly #namespace: string;

  constructor(cluster: Cluster, fleet: Fleet, namespace: string) {
    this.#cluster = cluster;
    this.#fleet = fleet;
    this.#namespace = namespace;
  }

  /** Objects with a Secret and a wrong key each. */
  async moveIn(): Promise<void> {
    for (let index = 0; index < objects; index += 1) {
      const secret = `hostile-${index}`;
      await this.#cluster.putSecret(this.#namespace, `nonsense-${index}`, { name: secret });
      await this.#fleet.create(secret, { secret });
    }
  }

  /** Until `signal`: changes a key, which affects all objects that use it, and sets a value that must not be stored. */
  async attack(signal: AbortSignal): Promise<number> {
    let rounds = 0;
    for (; !signal.aborted; rounds += 1) {
      const name = `hostile-${rounds % objects}`;
      await this.#cluster.putSecret(this.#namespace, `nonsense-again-${rounds}`, { name });
      await this.#fleet.annotate(name, { 'vps247.com/paused': `${rounds}-${'N'.repeat(longValue)}` });
      // The API server is measured too.
      await pause(20);
    }
    return rounds;
  }
}
