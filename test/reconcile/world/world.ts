import { expect } from 'vitest';
import type { OperatorSettings } from '../../../src/operator.ts';
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
import { MachineRoom } from './fake-provider.ts';

/** The whole operator between an API server and a machine room in memory, on a clock that the test moves. */
export interface World extends OperatorWorld {
  readonly room: MachineRoom;
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
  readonly through?: (provider: Provider, apiKey: Secret, room: MachineRoom) => Provider;
}

export async function createWorld(
  settings: Partial<OperatorSettings> = {},
  options: WorldOptions = {},
): Promise<World> {
  const { leadership, beside, through = (provider) => provider } = options;
  const { clock = beside?.clock ?? createManualClock() } = options;
  const room = beside?.room ?? new MachineRoom(clock);
  const cluster = beside?.cluster ?? new InMemoryCluster(clock);
  if (beside === undefined && options.withoutBystanders === undefined) await addBystanders(cluster, room);
  const connect = (apiKey: Secret): Provider =>
    isBystandersKey(apiKey.reveal())
      ? room.connectBystander(ownerOf(apiKey))
      : through(room.connect(ownerOf(apiKey)), apiKey, room);
  const world = await runOperator({ clock, cluster, connect, settings, leadership });
  if (beside === undefined) world.useKey(keyOf(1));
  await clock.advance(0);
  return { ...world, room, useKeyOf: (ownerId) => world.useKey(keyOf(ownerId)) };
}

async function addBystanders(cluster: InMemoryCluster, room: MachineRoom): Promise<void> {
  settled ??= settle();
  const { objects, machines } = await settled;
  for (const secret of bystanderSecrets) cluster.put('secrets', secret);
  for (const object of objects) cluster.put('virtualmachines', object);
  for (const machine of machines) room.addBystander(machine);
  expectUntouched(cluster, room, { objects, machines });
}

/** Bystanders in sync, as an operator left them an hour ago. */
let settled: Promise<Settled> | undefined;

async function settle(): Promise<Settled> {
  const clock = createManualClock(createManualClock().now() - 60 * 60_000);
  const room = new MachineRoom(clock);
  room.firstId = 9_000;
  const cluster = new InMemoryCluster(clock);
  for (const secret of bystanderSecrets) cluster.put('secrets', secret);
  const connect = (apiKey: Secret): Provider => room.connect(ownerOf(apiKey));
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
  return { objects, machines: [...room.machines.values()] };
}
