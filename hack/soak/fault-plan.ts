import type { Passing, Treatment } from '../../test/support/wire-proxy.ts';
import type { SoakAction } from './schedule.ts';

type WireDeed = Extract<SoakAction, { kind: 'wire' }>;
type Ambush = Extract<SoakAction, { readonly at: unknown; readonly kind: 'kill' }>['at'];

/** The faults for requests to come. */
export class FaultPlan {
  #wire: readonly { readonly deed: WireDeed; readonly until: number; left: number }[] = [];
  #ambushes: readonly { readonly ambush: Ambush; readonly until: number }[] = [];
  /** Requests with a fault, by kind of fault. */
  readonly counts = new Map<string, number>();

  /** Applies to the next matching requests before `until`: `performance.now()`. */
  add(deed: WireDeed, until: number): void {
    this.#wire = [...this.#wire, { deed, until, left: deed.times }];
  }

  /** Kills an operator at its next request with an effect to this API, if one comes before `until`. */
  killAt(ambush: Ambush, until: number): void {
    this.#ambushes = [...this.#ambushes, { ambush, until }];
  }

  clear(): void {
    this.#wire = [];
    this.#ambushes = [];
  }

  /** `kill` ends the operator that sent the request with kill -9 and restarts it. */
  decide({ api, method, path, body }: Passing, kill: () => Promise<void>, now = performance.now()): Treatment {
    const isChange = method !== 'GET';
    // Renewals come every second: they would use up the faults that are meant for more important writes.
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

  /** Counts an event that happened elsewhere. */
  note(what: string): void {
    this.#count(what);
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

/** A merge patch without the finalizers that it sets; any other body unchanged. */
function withoutFinalizers(body: string): string {
  const parsed: unknown = body.startsWith('{') ? JSON.parse(body) : undefined;
  if (typeof parsed !== 'object' || parsed === null || !('metadata' in parsed)) return body;
  const { metadata } = parsed;
  if (typeof metadata !== 'object' || metadata === null || !('finalizers' in metadata)) return body;
  const { finalizers: _, ...rest } = metadata;
  return JSON.stringify({ ...parsed, metadata: rest });
}
