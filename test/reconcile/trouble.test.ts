import { expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { Operation } from '../../src/domain/failure.ts';
import { drawSeed } from '../support/property.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const accidents = [
  { class: 'UnknownOutcome', code: 'ConnectionLost', hasEffect: true },
  { class: 'UnknownOutcome', code: 'Timeout' },
  { class: 'Retry', code: 'ConnectFailed' },
  { class: 'Wait', code: 'Busy', status: 406 },
  { class: 'Wait', code: 'RateLimited', status: 429, retryAfter: 20_000 },
  { class: 'Credentials', code: 'Unauthorized', status: 401 },
] as const;
const hit: readonly Operation[] = [
  'CreateMachine',
  'DeleteMachine',
  'StartMachine',
  'StopMachine',
  'KillMachine',
  'RestartMachine',
  'GetMachine',
  'ListMachines',
];
const names = ['own', 'plain'];
const fixedSeeds = Array.from({ length: 57 }, (_, index) => index + 1);
const drawn = 'at random';

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What users and others did, for comparison with the result. */
interface Done {
  /** Machines that others deleted, by name. */
  readonly deleted: Map<string, number>;
  requests: number;
}

async function disturb(
  { cluster, fakeProvider, restart, clock, useKeyOf }: World,
  random: () => number,
  done: Done,
): Promise<void> {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] ?? pick(items);
  const name = pick(names);
  const machine = [...fakeProvider.machines.values()].find(({ name: its }) => its.startsWith(name));
  const isThere =
    cluster.machine(name) !== undefined && cluster.machine(name)?.metadata.deletionTimestamp === undefined;
  const isTold = cluster.machine(name)?.status?.id !== undefined;
  const isOnRecord = cluster.machine(name)?.metadata.annotations?.[annotations.machine] !== undefined;
  const kind = Math.floor(random() * 15);
  if (kind <= 1) fakeProvider.accidents.set(pick(hit), [pick(accidents), ...(random() < 0.3 ? [pick(accidents)] : [])]);
  if (kind === 2 && isThere) cluster.change(name, { spec: { powerState: pick(['Running', 'Halted']) } });
  if (kind === 3) await restart();
  // While a create call is in flight, only the annotations record the VM. A user who removes them removes the evidence: without
  // them, a VM that was deleted outside the operator is reported and not recreated.
  if (kind === 4 && isThere && isTold && isOnRecord && machine !== undefined) cluster.replace(name);
  if (kind === 5 && machine !== undefined && machine.state === 'Running')
    fakeProvider.set(machine.id, { state: 'Halted' });
  if (kind === 6) {
    const since = clock.monotonic();
    fakeProvider.listed = () => clock.monotonic() > since + 25_000;
  }
  if (kind === 7)
    cluster.failures.push({
      write: `${pick(['status', 'patch'])} ${name}`,
      reason: pick(['Timeout', 'Unavailable', 'Conflict']),
      isStored: random() < 0.5,
    });
  if (kind === 8) fakeProvider.broken.set(pick(hit), pick(accidents));
  if (kind === 9) fakeProvider.broken.clear();
  if (kind === 10) useKeyOf(1);
  if (kind === 12 && isThere) {
    done.requests += 1;
    cluster.change(name, { spec: { restartRequest: `${done.requests}` } });
  }
  if (kind === 13 && machine !== undefined && isOnRecord) {
    fakeProvider.machines.delete(machine.id);
    done.deleted.set(machine.name, (done.deleted.get(machine.name) ?? 0) + 1);
  }
  if (kind === 14 && isThere)
    cluster.change(name, { metadata: { annotations: { [annotations.paused]: pick(['true', null]) } } });
  if (kind === 11 && isThere)
    cluster.change(name, { spec: { powerOff: { mode: pick(['TrySoft', 'Hard']), gracePeriodSeconds: 60 } } });
}

it.each([...fixedSeeds, drawn, drawn, drawn])(
  'random faults, seed %s: one VM each that matches its spec in the end, and none once deleted',
  async (chosen) => {
    const random = randomOf(typeof chosen === 'number' ? chosen : drawSeed());
    const world = await createWorld();
    const { apply, clock, cluster, condition, fakeProvider } = world;
    const done: Done = { deleted: new Map(), requests: 0 };
    const calm = async (): Promise<void> => {
      for (const name of names) {
        if (cluster.machine(name) !== undefined)
          cluster.change(name, { metadata: { annotations: { [annotations.paused]: null } } });
      }
      fakeProvider.broken.clear();
      fakeProvider.accidents.clear();
      fakeProvider.listed = () => true;
      cluster.failures.length = 0;
      await clock.advance(20 * minute);
    };
    apply('own');
    apply('plain', { providerName: 'plain' });
    for (let step = 0; step < 12; step += 1) {
      await clock.advance(random() < 0.5 ? random() * 60 : random() * 20_000);
      await disturb(world, random, done);
    }
    await calm();
    for (const name of names) {
      const reported = JSON.stringify(condition(name, 'Synced'));
      expect([name, condition(name, 'Ready')?.status, reported]).toEqual([name, 'True', reported]);
      expect(cluster.machine(name)?.spec.powerState).toBe(cluster.machine(name)?.status?.state);
    }
    expect([...fakeProvider.made].map(([name, made]) => made - (done.deleted.get(name) ?? 0))).toEqual([1, 1]);
    for (const name of names) cluster.remove('virtualmachines', name);
    for (let step = 0; step < 8; step += 1) {
      await clock.advance(random() < 0.5 ? random() * 60 : random() * 20_000);
      await disturb(world, random, done);
    }
    await calm();
    expect([cluster.machine('own'), cluster.machine('plain'), fakeProvider.machines.size]).toEqual([
      undefined,
      undefined,
      0,
    ]);
    expect(fakeProvider.heldTwice).toEqual(new Set());
    expect(fakeProvider.restarts).toBeLessThanOrEqual(done.requests);
  },
);
