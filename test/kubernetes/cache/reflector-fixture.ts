import type { Log } from '../../../src/telemetry/log.ts';
import { createReflector, type Reflector, type ReflectorOptions } from '../../../src/kubernetes/cache/reflector.ts';
import { createManualClock, type ManualClock } from '../../support/clock.ts';
import { FakeCluster, type FakeObject } from './fake-cluster.ts';

export interface ReflectorFixture {
  readonly cluster: FakeCluster;
  readonly reflector: Reflector<string>;
  readonly clock: ManualClock;
  /** `a/web: old → new`, with `(initial)` for what was there at the start. */
  readonly changes: string[];
  readonly lines: string[];
}

/** A reflector that keeps each object's spec, started and synced unless `objects` is left out. */
export async function startReflector(
  objects?: Readonly<Record<string, string>>,
  options: Partial<ReflectorOptions<string>> = {},
): Promise<ReflectorFixture> {
  const clock = createManualClock();
  const cluster = new FakeCluster();
  const changes: string[] = [];
  const lines: string[] = [];
  const log: Log = {
    debug: () => {},
    info: (message) => void lines.push(message),
    warn: (message) => void lines.push(message),
    error: (message) => void lines.push(message),
    with: () => log,
  };
  const reflector = createReflector<string>({
    client: cluster,
    resource: { group: 'example.com', version: 'v1', plural: 'things' },
    transform: (object) => (object as FakeObject).spec,
    clock,
    random: () => 0,
    relistInterval: 30 * 60_000,
    log,
    onChange: ({ key, before = '-', after = '-', initial }) =>
      changes.push(`${key}: ${before} → ${after}${initial ? ' (initial)' : ''}`),
    ...options,
  });
  if (objects !== undefined) {
    for (const [key, spec] of Object.entries(objects)) cluster.put(key, spec);
    reflector.start();
    await reflector.synced;
    await clock.settle();
    changes.length = 0;
  }
  return { cluster, reflector, clock, changes, lines };
}

export function rowsOf(reflector: Reflector<string>): Record<string, string | undefined> {
  return Object.fromEntries([...reflector.keys()].map((key) => [key, reflector.get(key)]));
}
