import type { AppSettings } from '../../../src/app.ts';
import type { Secret } from '../../../src/model/secret.ts';
import { createManualClock } from '../../support/clock.ts';
import { type Leadership, type OperatorWorld, runOperator } from './operator.ts';
import { MachineRoom } from './room.ts';

/** The whole operator between an API server and a machine room in memory, on a clock that the test moves. */
export interface World extends OperatorWorld {
  readonly room: MachineRoom;
  /** Puts the key of this owner into the Secret. */
  useKeyOf(ownerId: number): void;
}

const keyOf = (ownerId: number): string => `owner-${ownerId}`;

/** `beside`: the world of another operator, at the same API server and with the same machines. */
export async function createWorld(
  settings: Partial<AppSettings> = {},
  leadership?: Leadership,
  beside?: World,
): Promise<World> {
  const clock = beside?.clock ?? createManualClock();
  const room = beside?.room ?? new MachineRoom(clock);
  const connect = (apiKey: Secret) => room.connect(Number(apiKey.reveal().split('-')[1]));
  const world = await runOperator(clock, keyOf(1), connect, settings, leadership, beside?.cluster);
  return { ...world, room, useKeyOf: (ownerId) => world.useKey(keyOf(ownerId)) };
}
