import type { Passing, Treatment } from '../../test/support/wire-proxy.ts';
import type { Deed } from './schedule.ts';

type WireDeed = Extract<Deed, { kind: 'wire' }>;
type Ambush = Extract<Deed, { readonly at: unknown; readonly kind: 'kill' }>['at'];

/** What the wire has in store for requests to come. */
export class FaultPlan {
  #wire: readonly { readonly deed: WireDeed; readonly until: number; left: number }[] = [];
  #ambushes: readonly { readonly ambush: Ambush; readonly until: number }[] = [];
  /** Requests that were not let pass, by what was done to them. */
  readonly counts = new Map<string, number>();

  /** The next requests that fit are treated so, those that come before `until`: `performance.now()`. */
  add(deed: WireDeed, until: number): void {
    this.#wire = [...this.#wire, { deed, until, left: deed.times }];
  }

  /** An operator dies at the next change that it asks this API for, if that comes before `until`. */
  waylay(ambush: Ambush, until: number): void {
    this.#ambushes = [...this.#ambushes, { ambush, until }];
  }

  clear(): void {
    this.#wire = [];
    this.#ambushes = [];
  }

  /** `kill` ends the operator that asks with kill -9 and starts it again. */
  decide({ api, method, path, body }: Passing, kill: () => Promise<void>, now = performance.now()): Treatment {
    const isChange = method !== 'GET';
    // Renewals come once a second: they would take on themselves what is meant for changes that matter more.
    const kind = path.includes('/leases') ? 'lease' : api;
    this.#ambushes = this.#ambushes.filter(({ until }) => now < until);
    const struck = isChange ? this.#ambushes.find(({ ambush }) => ambush.api === kind) : undefined;
    if (struck !== undefined) {
      this.#ambushes = this.#ambushes.filter((one) => one !== struck);
      this.#count(`killed at ${struck.ambush.point}`);
      return { kind: 'act', at: struck.ambush.point, act: kill };
    }
    this.#wire = this.#wire.filter(({ until, left }) => now < until && left > 0);
    const found = this.#wire.find(({ deed }) => deed.api === kind && deed.changes === isChange);
    if (found === undefined) return { kind: 'pass' };
    found.left -= 1;
    const { treatment } = found.deed;
    this.#count(treatment.kind);
    return treatment.kind === 'strip finalizers' ? { kind: 'pass', body: withoutFinalizers(body) } : treatment;
  }

  /** Something that went wrong elsewhere. */
  note(what: string): void {
    this.#count(what);
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

/** A merge patch without the finalizers it sets; any other body as it is. */
function withoutFinalizers(body: string): string {
  const parsed: unknown = body.startsWith('{') ? JSON.parse(body) : undefined;
  if (typeof parsed !== 'object' || parsed === null || !('metadata' in parsed)) return body;
  const { metadata } = parsed;
  if (typeof metadata !== 'object' || metadata === null || !('finalizers' in metadata)) return body;
  const { finalizers: _, ...rest } = metadata;
  return JSON.stringify({ ...parsed, metadata: rest });
}
