import { afterAll, beforeAll, expect, test } from 'vitest';
import { isMachineWatch, namespace, openWorld, type World } from './world.ts';

/** More than a life has, so that the last ones show what happens when none is lost. */
const events = 14;
const names = Array.from({ length: events }, (_, index) => `drop-${index + 1}`);

let world: World;

beforeAll(async () => {
  world = await openWorld('lost-events');
  await world.restart(['--relist-interval', '2s']);
}, 120_000);

afterAll(() => world[Symbol.asyncDispose]());

test('any lost event of an object is corrected by the next list', async () => {
  const counts = new Map<string, number>();
  const lost = new Set<string>();
  const edit = (line: string): readonly string[] => {
    // What the API server sends: every line is an event with an object, a bookmark's without a name.
    const { object } = JSON.parse(line) as { readonly object: { readonly metadata: { readonly name?: string } } };
    const { name = '' } = object.metadata;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    if (name !== `drop-${count}`) return [line];
    lost.add(name);
    return [];
  };
  world.decide = (request) => (isMachineWatch(request) ? { kind: 'edit', edit } : undefined);
  world.proxy.cutWatches();
  await world.create(...names);
  await world.untilAsAsked(...names);
  for (const powerState of ['Halted', 'Running'] as const) {
    await Promise.all(names.map((name) => world.setPower(name, powerState)));
    await world.untilAsAsked(...names);
  }
  await Promise.all(names.map((name) => world.cluster.delete(namespace, name)));
  await world.untilAsAsked();
  expect(lost.size).toBeGreaterThan(8);
  expect(world.emulator.ledger.duplicates()).toEqual([]);
  expect(world.emulator.ledger.machinesEverCreated()).toHaveLength(events);
}, 120_000);
