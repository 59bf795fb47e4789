import type { Passing, Treatment } from '../kit/wire-proxy.ts';
import type { Deed } from './schedule.ts';

type WireDeed = Extract<Deed, { kind: 'wire' }>;
type Ambush = NonNullable<Extract<Deed, { kind: 'kill' }>['at']>;

/** What the wire has in store for requests to come. */
export class Trouble {
  readonly #kill: () => Promise<void>;
  #wire: readonly { readonly deed: WireDeed; readonly until: number; left: number }[] = [];
  #ambushes: readonly { readonly ambush: Ambush; readonly until: number }[] = [];
  /** Requests that were not let pass, by what was done to them. */
  readonly counts = new Map<string, number>();

  /** `kill` ends the operator with kill -9 and starts it again. */
  constructor(kill: () => Promise<void>) {
    this.#kill = kill;
  }

  /** The next requests that fit are treated so, those that come before `until`: `performance.now()`. */
  add(deed: WireDeed, until: number): void {
    this.#wire = [...this.#wire, { deed, until, left: deed.times }];
  }

  /** The operator dies at the next change that it asks this API for, if that comes before `until`. */
  waylay(ambush: Ambush, until: number): void {
    this.#ambushes = [...this.#ambushes, { ambush, until }];
  }

  clear(): void {
    this.#wire = [];
    this.#ambushes = [];
  }

  decide({ api, method }: Passing, now = performance.now()): Treatment {
    const isChange = method !== 'GET';
    this.#ambushes = this.#ambushes.filter(({ until }) => now < until);
    const struck = isChange ? this.#ambushes.find(({ ambush }) => ambush.api === api) : undefined;
    if (struck !== undefined) {
      this.#ambushes = this.#ambushes.filter((one) => one !== struck);
      this.#count(`killed at ${struck.ambush.point}`);
      return { kind: 'act', at: struck.ambush.point, act: this.#kill };
    }
    this.#wire = this.#wire.filter(({ until, left }) => now < until && left > 0);
    const found = this.#wire.find(({ deed }) => deed.api === api && deed.changes === isChange);
    if (found === undefined) return { kind: 'pass' };
    found.left -= 1;
    const { treatment } = found.deed;
    this.#count(treatment.kind);
    return treatment;
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}
