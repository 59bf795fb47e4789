import { expect } from 'vitest';
import type { OperatorSettings } from '../../../src/config/settings.ts';
import type { Secret } from '../../../src/domain/secret.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import { createManualClock, type ManualClock } from '../../support/clock.ts';
import {
  bystanders,
  bystanderSecrets,
  isBystander,
  isBystandersKey,
  type Settled,
  uidOf,
  expectUntouched,
} from './bystanders.ts';
import { InMemoryCluster } from './cluster.ts';
import { type Leadership, type OperatorWorld, runOperator, usualSpec } from './operator.ts';
import { InMemoryProvider } from './fake-provider.ts';

/** The whole operator between an API server and a machine room in memory, on a clock that the test moves. */
export interface World extends OperatorWorld {
  readonly fakeProvider: InMemoryProvider;
  /** Puts the key of this owner into the Secret. */
  useKeyOf(ownerId: number): void;
}

const keyOf = (ownerId: number): string => `owner-${ownerId}`;
const ownerOf = (apiKey: Secret): number => Number(apiKey.reveal().split('-')[1]);

interface WorldOptions {
  readonly clock?: ManualClock;
  readonly leadership?: Leadership | undefined;
  /** The world of another operator, at the same API server and with the same machines. */
  readonly beside?: World | undefined;
  /** Why this world has no bystanders. */
  readonly withoutBystanders?: string;
  /** What the provider becomes on its way to the operator. */
  readonly through?: (provider: Provider, apiKey: Secret, fakeProvider: InMemoryProvider) => Provider;
}

export async function createWorld(
  settings: Partial<OperatorSettings> = {},
  options: WorldOptions = {},
): Promise<World> {
  const { leadership, beside, through = (provider) => provider } = options;
  const { clock = beside?.clock ?? createManualClock() } = options;
  const fakeProvider = beside?.fakeProvider ?? new InMemoryProvider(clock);
  const cluster = beside?.cluster ?? new InMemoryCluster(clock);
  if (beside === undefined && options.withoutBystanders === undefined) await addBystanders(cluster, fakeProvider);
  const connect = (apiKey: Secret): Provider =>
    isBystandersKey(apiKey.reveal())
      ? fakeProvider.connectBystander(ownerOf(apiKey))
      : through(fakeProvider.connect(ownerOf(apiKey)), apiKey, fakeProvider);
  const world = await runOperator({ clock, cluster, connect, settings, leadership });
  if (beside === undefined) world.useKey(keyOf(1));
  await clock.advance(0);
  return { ...world, fakeProvider, useKeyOf: (ownerId) => world.useKey(keyOf(ownerId)) };
}

async function addBystanders(cluster: InMemoryCluster, fakeProvider: InMemoryProvider): Promise<void> {
  settled ??= settle();
  const { objects, machines } = await settled;
  for (const secret of bystanderSecrets) cluster.put('secrets', secret);
  for (const object of objects) cluster.put('virtualmachines', object);
  for (const machine of machines) fakeProvider.addBystander(machine);
  expectUntouched(cluster, fakeProvider, { objects, machines });
}

/** Bystanders in sync, as an operator left them an hour ago. */
let settled: Promise<Settled> | undefined;

async function settle(): Promise<Settled> {
  const clock = createManualClock(createManualClock().now() - 60 * 60_000);
  const fakeProvider = new InMemoryProvider(clock);
  fakeProvider.firstId = 9_000;
  const cluster = new InMemoryCluster(clock);
  for (const secret of bystanderSecrets) cluster.put('secrets', secret);
  const connect = (apiKey: Secret): Provider => fakeProvider.connect(ownerOf(apiKey));
  const operator = await runOperator({ clock, cluster, connect });
  bystanders.forEach(({ namespace, name, spec }, index) =>
    cluster.put('virtualmachines', {
      metadata: { namespace, name, uid: uidOf(index) },
      spec: { ...usualSpec, ...spec },
      status: { observedGeneration: -1 },
    }),
  );
  await clock.advance(60_000);
  for (const { namespace, name, isDeleted } of bystanders)
    if (isDeleted === true) cluster.remove('virtualmachines', name, namespace);
  await clock.advance(60_000);
  await operator.stop();
  // Here bystanders are what the operator works on.
  cluster.offences.length = 0;
  const objects = cluster.stored('virtualmachines', isBystander);
  expect(objects.map(({ metadata }) => metadata.name)).toEqual(bystanders.map(({ name }) => name));
  return { objects, machines: [...fakeProvider.machines.values()] };
}
